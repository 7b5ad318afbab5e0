"""Why a match is not as it was with the notices before: the column ``change``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from psycopg2.extras import execute_values

from ingest.alerts.matching.geometry import separation
from ingest.alerts.matching.model import HISTORY_COLUMNS, History, NoticeFacts, read_notices
from ingest.alerts.tables import Store
from ingest.core.timescales import DAY

_SAME_TIME: Final = 1e-3
"""Times closer than this, in s, are the same."""
_HISTORY: Final = f"""
    SELECT asked.*, m.match_id, m.notice_id, m.partner_notice, m.change
    FROM unnest(%s::text[], %s::text[], %s::text[]) AS asked (x, y, z)
    JOIN alerts.matches AS m ON ({", ".join(HISTORY_COLUMNS)}) = (x, y, z)
    ORDER BY m.since, m.notice_id, m.partner_notice"""
_Row = tuple[str, int, int | None, str | None]


def update_changes(store: Store, cursor: Any, asked: Collection[History]) -> None:
    """Describe in each row of some histories what differs from the row before."""
    if not asked:
        return
    cursor.execute(_HISTORY, [list(part) for part in zip(*asked, strict=True)])
    histories: defaultdict[tuple[str, ...], list[_Row]] = defaultdict(list)
    for *key, match_id, notice_id, partner_notice, change in cursor.fetchall():
        histories[tuple(key)].append((match_id, notice_id, partner_notice, change))
    numbers = {
        number
        for rows in histories.values()
        if len(rows) > 1
        for row in rows
        for number in row[1:3]
        if number is not None
    }
    notices = {one.notice_id: one for one in read_notices(store, "notice_id", sorted(numbers))}
    changed = [one for rows in histories.values() for one in _changed(rows, notices)]
    execute_values(
        cursor,
        "UPDATE alerts.matches AS m SET change = new.change"
        " FROM (VALUES %s) AS new (match_id, change) WHERE m.match_id = new.match_id",
        changed,
        template="(%s, %s::text)",
    )


def _changed(
    rows: Sequence[_Row], notices: dict[int, NoticeFacts]
) -> Iterator[tuple[str, str | None]]:
    """Yield the rows of a history whose text has to be replaced, with the new text."""
    for place, (match_id, *sides, change) in enumerate(rows):
        text = None
        if place:
            before = rows[place - 1][1:3]
            parts = [
                difference(notices[old], notices[new])
                for old, new in zip(before, sides, strict=True)
                if old != new and old in notices and new in notices
            ]
            text = "; ".join(parts) or None
        if text != change:
            yield match_id, text


def difference(before: NoticeFacts, after: NoticeFacts) -> str:
    """Return in words what two notices of an alert differ in, as far as matches depend on it."""
    found = list(_differences(before, after))
    return f"{after.stream}: {', '.join(found) or 'a new notice with the same values'}"


def _differences(before: NoticeFacts, after: NoticeFacts) -> Iterator[str]:
    if after.is_retraction:
        yield "retracted"
        return
    if before.is_retraction:
        yield "no longer retracted"
    if before.sky_map != after.sky_map:
        yield "sky map " + (
            "added" if not before.sky_map else "replaced" if after.sky_map else "removed"
        )
    if (before.ra, before.dec) != (after.ra, after.dec):
        yield _moved(before, after)
    for name, unit in (("pos_err", " deg"), ("pos_err_cl", ""), ("far", " Hz")):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield f"{name} {_number(old)} -> {_number(new)}{unit}"
    old, new = before.event_mjd, after.event_mjd
    if old is not None and new is not None:
        if abs(new - old) * DAY > _SAME_TIME:
            yield f"event time changed by {(new - old) * DAY:+.3f} s"
    elif old != new:
        yield "event time " + ("added" if old is None else "removed")


def _moved(before: NoticeFacts, after: NoticeFacts) -> str:
    if before.ra is None or before.dec is None:
        return "position added"
    if after.ra is None or after.dec is None:
        return "position removed"
    angle = separation(before.ra, before.dec, after.ra, after.dec)
    return f"position moved by {angle:.3g} deg"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3g}"
