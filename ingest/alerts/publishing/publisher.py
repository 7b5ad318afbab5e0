"""Publication: a notice is drafted and checked, then accepted, and from then on it will be sent.

The steps and what makes each one durable::

    outgoing/<sha256>       the bytes of the notice and of the documents of which it was made
    outbox.jsonl: accepted  from here on it is published; whoever continues does the rest
    archive                 the packet, with its number
    tables                  its rows
    sinks                   outbox.jsonl: sent, with the offset

Whatever was interrupted is continued by the listener, or by the next ``km3vo alerts publish``.
"""

from __future__ import annotations

import json

from ingest.alerts.archive import Accepted, Archive, Outbox, Packet
from ingest.alerts.matching import MatchConfig
from ingest.alerts.publishing.configuration import Sinks
from ingest.alerts.publishing.drafting import Request, draft
from ingest.alerts.tables import Store
from ingest.core.moments import isoformat, now


def accept(
    archive: Archive,
    outbox: Outbox,
    store: Store | None,
    config: Sinks,
    request: Request,
    matches: MatchConfig | None = None,
) -> tuple[Accepted, list[str]]:
    """Draft a notice, and record durably that it is published, unless it is already.

    Returns
    -------
    tuple of Accepted and list of str
        The notice, and what its author should know.

    Raises
    ------
    InputError
        If it cannot be published; nothing is changed then.
    """
    archive.create()
    with outbox.writing():
        if (before := find(outbox, request)) is not None:
            return before, [f"this was published before, at {before.when}"]
        made = draft(archive, outbox, store, config, request, matches)
        originals = request.originals or [json.dumps(one).encode() for one in request.documents]
        sha256 = outbox.keep(made.content)
        if sha256 in outbox.notices:
            return outbox.notices[sha256], ["the same notice was published before"]
        outbox.accept(
            Accepted(
                sha256=sha256,
                when=isoformat(now()),
                alert=made.alert,
                facts=made.facts,
                recipients=made.recipients,
                request=request.checksum,
                originals=tuple(map(outbox.keep, originals)),
                after=len(archive),
            )
        )
        return outbox.notices[sha256], made.remarks


def find(outbox: Outbox, request: Request) -> Accepted | None:
    """Return the notice of a request that was accepted before.

    An update that was made before counts only if nothing followed it: values may change back.
    """
    wanted = request.checksum
    found = [one for one in outbox.notices.values() if one.request == wanted]
    if found and (request.update or request.retract):
        alert = [one for one in outbox.notices.values() if one.alert == found[-1].alert]
        return found[-1] if alert[-1] is found[-1] else None
    return found[-1] if found else None


def complete_archive(archive: Archive, outbox: Outbox) -> list[Accepted]:
    """Archive the packets of accepted notices that are not archived yet, and return those.

    Raises
    ------
    OSError
        If the disk is full.
    """
    missing = [sha256 for sha256 in outbox.refresh().notices if sha256 not in outbox.numbers]
    if not missing:
        return []
    done = []
    with outbox.writing():
        for sha256 in missing:
            if sha256 in outbox.numbers:
                continue  # another process was faster
            notice = outbox.notices[sha256]
            source = f"publish:{notice.facts['name']}"
            (entry,) = archive.add([Packet(outbox.content(notice), source)])
            number = entry.number if entry else _number(archive, notice)
            outbox.archived(notice, number)
            done.append(notice)
    return done


def _number(archive: Archive, notice: Accepted) -> int:
    """Return the number of a packet that was archived just before an interruption."""
    for after in (notice.after, 0):
        for entry in archive.entries(after):
            if entry.sha256 == notice.sha256:
                return entry.number
    raise AssertionError("the archive has a packet that its index does not list")
