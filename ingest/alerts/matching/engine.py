"""The matches of notices that are new or have changed, written to the tables.

``alerts.match_queue`` has the numbers of these notices: whoever writes ``alerts.notices`` adds
them in the same transaction. They are taken from it, and their matches are written, in one
transaction, too. So nothing is missed, whatever is interrupted, and the matches depend only on
the notices and the configuration.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import Any, Final

import psycopg2
from psycopg2.extras import execute_values

from ingest.alerts.archive import Archive
from ingest.alerts.matching.changes import update_changes
from ingest.alerts.matching.configuration import MatchConfig
from ingest.alerts.matching.localization import Localizations
from ingest.alerts.matching.model import (
    HISTORY_COLUMNS,
    ChangingMatcher,
    History,
    Match,
    Matcher,
    NoticeFacts,
    read_notices,
)
from ingest.alerts.matching.pairs import PairMatcher
from ingest.alerts.tables import TABLES, Store
from ingest.core.errors import InstanceError
from ingest.core.progress import ProgressCallback
from ingest.core.timescales import unix_to_mjd

AT_ONCE: Final = 500
"""Number of notices in one transaction."""
_COLUMNS: Final = tuple(name for name in TABLES["matches"] if name != "change")
_EVENT_COLUMNS: Final = tuple(TABLES["match_events"])
_Row = dict[str, object]
_TAKE: Final = """
    DELETE FROM alerts.match_queue WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM alerts.match_queue LIMIT %s FOR UPDATE SKIP LOCKED))
    RETURNING notice_id"""
# Notices without a time have that of their alert.
_TIMELESS: Final = """
    SELECT notice_id FROM alerts.notices
    WHERE event_mjd IS NULL AND alert_id = ANY (ARRAY(
        SELECT alert_id FROM alerts.notices WHERE notice_id = ANY (%s)))"""
_REMOVE: Final = f"""
    DELETE FROM alerts.matches
    WHERE (notice_id = ANY (%s) OR partner_notice = ANY (%s)) AND match_id != ALL (%s)
    RETURNING match_id, {", ".join(HISTORY_COLUMNS)}"""

logger = logging.getLogger(__name__)


def matchers(config: MatchConfig, archive: Archive, inputs: Path) -> list[Matcher]:
    """Return what finds matches, by kind; a new kind has a line here.

    Parameters
    ----------
    config : MatchConfig
        What is matched with what.
    archive : Archive
        With the sky maps.
    inputs : pathlib.Path
        The directory of deployed descriptors.

    Raises
    ------
    ingest.core.errors.InputError
        If a catalogue cannot be read.
    """
    # these load slowly
    from ingest.alerts.matching.sample_matcher import SampleMatcher
    from ingest.alerts.matching.source_matcher import SourceMatcher

    localizations = Localizations(archive)
    return [
        PairMatcher(config, localizations),
        SampleMatcher(config, localizations, inputs),
        SourceMatcher(config, localizations),
    ]


def match_waiting(
    store: Store,
    finders: Sequence[Matcher],
    stop: Event | None = None,
    on_progress: ProgressCallback | None = None,
) -> int:
    """Compute the matches of all notices in the queue.

    Parameters
    ----------
    store : Store
        The tables.
    finders : sequence of Matcher
        See :func:`matchers`.
    stop : threading.Event, optional
        Ends it after the notices in progress.
    on_progress : ProgressCallback, optional
        Called with the number of notices done so far.

    Returns
    -------
    int
        The number of notices taken from the queue.
    """
    for finder in finders:
        if isinstance(finder, ChangingMatcher) and (numbers := finder.stale(store)):
            store.queue_matches(numbers)
    done = 0
    while stop is None or not stop.is_set():
        with store.together() as cursor:
            taken = _match_some(store, finders, cursor)
        done += taken
        if on_progress is not None:
            on_progress(done)
        if taken < AT_ONCE:
            break
    return done


def count_waiting(store: Store) -> int:
    """Return the number of notices in the queue."""
    return int(store.fetch("SELECT count(*) FROM alerts.match_queue")[0][0])


def enqueue_all(store: Store) -> None:
    """Put all notices in the queue, for instance after the configuration has changed."""
    with store.together() as cursor:
        store.lock_matches()
        cursor.execute("DELETE FROM alerts.match_queue")
        cursor.execute(
            "INSERT INTO alerts.match_queue SELECT notice_id FROM alerts.notices"
            " ORDER BY alert_id, notice_id"
        )


def _match_some(store: Store, finders: Sequence[Matcher], cursor: Any) -> int:
    """Take some notices from the queue, and replace their matches; return their number."""
    store.lock_matches()
    cursor.execute(_TAKE, [AT_ONCE])
    taken = [number for (number,) in cursor.fetchall()]
    if taken:
        cursor.execute(_TIMELESS, [taken])
        numbers = sorted({*taken, *(number for (number,) in cursor.fetchall())})
        notices = read_notices(store, "notice_id", numbers)
        found = [match for finder in finders for match in _find(finder, notices, store)]
        removed = _write(cursor, numbers, found)
        update_changes(store, cursor, {match.history for match in found} | removed)
    return len(taken)


def _find(finder: Matcher, notices: Sequence[NoticeFacts], store: Store) -> list[Match]:
    """Return what a matcher finds; a notice that it cannot handle must not hold up the others."""
    try:
        return list(finder.find(notices, store))
    except (psycopg2.Error, InstanceError):
        raise
    except Exception:
        if len(notices) > 1:
            return [match for one in notices for match in _find(finder, [one], store)]
        logger.exception("no matches of the kind %s: %s", finder.kind, notices[0].ivorn)
        return []


def _write(cursor: Any, numbers: Sequence[int], found: Sequence[Match]) -> set[History]:
    """Make the tables contain these matches of some notices, and no others.

    Return the histories from which matches were removed.
    """
    matches = {match.match_id: match for match in found}
    cursor.execute(_REMOVE, [numbers, numbers, list(matches)])
    removed = {match_id: tuple(history) for match_id, *history in cursor.fetchall()}
    cursor.execute(
        "DELETE FROM alerts.match_events WHERE match_id = ANY (%s)", [[*removed, *matches]]
    )
    now = unix_to_mjd(time.time())
    values = ", ".join(f"{name} = EXCLUDED.{name}" for name in _COLUMNS[1:])
    compared = [name for name in _COLUMNS if name != "computed"]
    old, new = (", ".join(f"{table}.{name}" for name in compared) for table in ("m", "EXCLUDED"))
    execute_values(
        cursor,
        f"INSERT INTO alerts.matches AS m ({', '.join(_COLUMNS)}) VALUES %s"
        f" ON CONFLICT (match_id) DO UPDATE SET {values}"
        f" WHERE ({old}) IS DISTINCT FROM ({new})",
        [_row(match, now) for match in matches.values()],
        template=_places(_COLUMNS),
    )
    execute_values(
        cursor,
        f"INSERT INTO alerts.match_events ({', '.join(_EVENT_COLUMNS)}) VALUES %s",
        [row for match in matches.values() for row in _event_rows(match)],
        template=_places(_EVENT_COLUMNS),
    )
    return set(removed.values())


def _places(columns: Sequence[str]) -> str:
    """Return where the values of a row go."""
    return "(" + ", ".join(f"%({name})s" for name in columns) + ")"


def _row(match: Match, now: float) -> _Row:
    """Return the row of a match by column, but for what has changed."""
    notice, other = match.notice, match.other
    begin, end = match.window or (None, None)
    retracted = [side for side in match.sides if side.retracted]
    return {
        "match_id": match.match_id,
        "notice_id": notice.notice_id,
        "alert_id": notice.alert_id,
        "kind": match.kind,
        "partner": match.partner,
        "partner_notice": other and other.notice_id,
        "partner_alert": other and other.alert_id,
        "partner_group": match.partner_group,
        "is_latest": int(all(side.is_latest for side in match.sides)),
        "retracted": int(bool(retracted)),
        "retraction": "; ".join(f"{one.label} ({one.stream}) was retracted" for one in retracted)
        or None,
        "window_begin": begin,
        "window_end": end,
        "time_difference": match.time_difference,
        "separation": match.separation,
        "n_observed": match.n_observed,
        "n_expected": match.n_expected,
        "n_expected_err": match.n_expected_err,
        "p_value": match.p_value,
        "p_association": match.p_association,
        "overlap": match.overlap,
        "far_temporal": match.far_temporal,
        "far_spatiotemporal": match.far_spatiotemporal,
        "since": max(side.received for side in match.sides),
        "method": match.method,
        "computed": now,
    }


def _event_rows(match: Match) -> Iterable[_Row]:
    for number, event in enumerate(match.events, 1):
        yield {
            "match_id": match.match_id,
            "event_no": number,
            "notice_id": match.notice.notice_id,
            **asdict(event),
        }
