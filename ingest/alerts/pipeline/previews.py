"""Previews of the sky maps of packets, for DataLink's ``#preview``."""

from __future__ import annotations

from ingest.alerts.archive import Archive, Entry
from ingest.alerts.notices import Notice


def draw_map(archive: Archive, entry: Entry, notice: Notice, content: bytes) -> None:
    """Draw the sky map of a packet and store the preview in the archive.

    Parameters
    ----------
    archive : Archive
        The archive that contains the packet.
    entry : Entry
        The packet.
    notice : Notice
        Its content, from which the title of the preview is taken.
    content : bytes
        The sky map as a FITS file.

    Raises
    ------
    ingest.alerts.notices.PacketError
        If it is not a map of probabilities.
    """
    # matplotlib takes a second to load, and few packets have a map
    from ingest.alerts.skymaps import read_map
    from ingest.alerts.skymaps.preview import write_map_preview

    path = archive.preview_path(entry)
    title = notice.event_name or notice.ivorn.rpartition("#")[2]
    write_map_preview(read_map(content), path, title, notice.stream)
    if archive.account is not None:
        for created in (path.parent.parent, path.parent, path):
            archive.account.chown(created)
