"""Notices of other observatories for those who subscribed to them, as they arrive."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from ingest.alerts.archive import Accepted, Outbox
from ingest.alerts.publishing import facts, subscriptions
from ingest.alerts.publishing.configuration import Sink
from ingest.alerts.tables import CLAIMED, Store
from ingest.core import moments
from ingest.core.timescales import unix_to_mjd

_AT_ONCE: Final = 500
_RECORD: Final = 1000
"""After so many notices without subscribers it is recorded how far they were considered."""


def relay(
    outbox: Outbox, store: Store, sinks: Sequence[Sink], sources: Collection[str], now: float
) -> bool:
    """Put notices that arrived since the last time into the outbox, if someone wants them.

    The first call considers none: nobody wants the whole archive by mail.

    Parameters
    ----------
    outbox, store : Outbox, Store
        The outbox and the tables.
    sinks : sequence of Sink
        The sinks.
    sources : collection of str
        Names of the live sources: what curators import from files is not news.
    now : float
        The time in Unix seconds.

    Returns
    -------
    bool
        Whether there may be more.
    """
    wanting = [one for one in sinks if one.filter.streams]
    if not wanting:
        return False
    outbox.refresh()
    if outbox.relayed is None:
        with outbox.writing():
            outbox.considered(store.processed())
        return False
    rows = _rows(store, outbox.relayed)
    last = rows[-1]["notice_id"] if rows else outbox.relayed
    accepted = False
    for row in rows:
        if str(row["origin"]).partition(":")[0] in sources:
            accepted |= _consider(outbox, wanting, row, unix_to_mjd(now))
    outbox.relayed = last
    if accepted or last - outbox.recorded >= _RECORD:
        with outbox.writing():
            outbox.considered(last)
    return len(rows) == _AT_ONCE


def _rows(store: Store, after: int) -> list[dict[str, Any]]:
    names = (*facts.COLUMNS, "origin")
    columns = ", ".join(f"{one}::text" if one == "region_90" else one for one in names)
    found = store.fetch(
        f"SELECT {columns} FROM alerts.notices WHERE notice_id > %s AND role != 'utility'"
        f" AND NOT starts_with(alert_id, '{CLAIMED}/')"
        f" ORDER BY notice_id LIMIT {_AT_ONCE}",
        [after],
    )
    return [dict(zip(names, row, strict=True)) for row in found]


def _consider(outbox: Outbox, sinks: Sequence[Sink], row: dict[str, Any], now: float) -> bool:
    if row["sha256"] in outbox.notices:
        return False
    age = 24 * (now - (row["notice_mjd"] or row["event_mjd"] or row["received"]))
    fresh = [one for one in sinks if age <= one.filter.hours]
    found = facts.of_row(row)
    earlier = outbox.recipients_of(row["alert_id"])
    who = subscriptions.recipients(fresh, found, row["region_90"], earlier, ours=False)
    if not who:
        return False
    with outbox.writing():
        if row["sha256"] not in outbox.notices:
            outbox.accept(
                Accepted(
                    sha256=row["sha256"],
                    when=moments.isoformat(moments.now()),
                    alert=row["alert_id"],
                    facts=found,
                    recipients=who,
                    number=row["notice_id"],
                )
            )
    return True
