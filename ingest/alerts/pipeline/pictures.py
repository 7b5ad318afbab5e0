"""Pictures of the sky maps of packets, for DataLink's ``#preview``."""

from __future__ import annotations

from ingest.alerts.archive import Archive, Entry
from ingest.alerts.notices import Notice


def draw(archive: Archive, entry: Entry, notice: Notice, content: bytes) -> None:
    """Draw the sky map of a packet, as the picture that DataLink offers.

    Raises
    ------
    ingest.alerts.notices.model.PacketError
        If it is no map of probabilities.
    """
    # matplotlib takes a second to load, and few packets have a map
    from ingest.alerts.skymaps import read_map
    from ingest.alerts.skymaps.picture import write_map_preview

    path = archive.preview_path(entry)
    title = notice.event_name or notice.ivorn.rpartition("#")[2]
    write_map_preview(read_map(content), path, title, notice.stream)
    if archive.account is not None:
        for made in (path.parent.parent, path.parent, path):
            archive.account.own(made)
