"""Grouping of notices into alerts.

A packet names its alert by the key of the event, or by citing another packet. Packets arrive
late, twice and in any order, even a retraction before the notice it retracts. The result
depends only on the set of packets:

* Notices with the same key, and notices that supersede or retract one another, belong to one
  alert. Its name is the first of its members' names in alphabetical order, keys before
  identifiers. Citations count only within one naming authority: no sender can retract
  the notices of others. Tests, injected signals and real notices are never
  grouped together, nor are KM3NeT's notices and those that claim to be KM3NeT's but came from
  the Kafka topic of another mission.
* The newest notice of an alert is the last one in the order that ``rd/alerts/order.sql``
  defines. The alert is retracted if its newest notice is a retraction.
* A notice is superseded from the time at which the first newer one was received.
* The versions of one identifier are counted in order of receipt.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ingest.alerts.tables.rows import CLAIMED, GROUPING_CITATIONS, GroupingKeys, authority

_VERSIONS: Final = """
    SELECT asked.name, found.version, found.notice_id
    FROM unnest(%s::text[]) AS asked (name), LATERAL (
        SELECT version, notice_id FROM alerts.notices WHERE ivorn = asked.name
        ORDER BY version DESC LIMIT 1) AS found"""
_ALIASES: Final = "SELECT alias, alert_id FROM alerts.aliases WHERE alias = ANY (%s)"
_ALERTS_OF: Final = "SELECT DISTINCT ivorn, alert_id FROM alerts.notices WHERE ivorn = ANY (%s)"
_CITING: Final = """
    SELECT DISTINCT c.cited_ivorn, n.ivorn, n.alert_id
    FROM alerts.citations AS c JOIN alerts.notices AS n USING (notice_id)
    WHERE c.cited_ivorn = ANY (%s) AND c.cite = ANY (%s)"""
# OFFSET 0 keeps the planner from reading the whole table where it has no statistics yet.
_STATES: Final = """
    WITH new AS (
        SELECT alert_id, notice_id, revision, notice_mjd, received, is_retraction,
            NULL::bool AS was_newest, NULL::bool AS was_retracted, NULL::float8 AS was_superseded
        FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::float8[], %s::float8[], %s::bool[])
            AS new (alert_id, notice_id, revision, notice_mjd, received, is_retraction)
    ), stored AS (
        SELECT names.alert_id, found.*
        FROM unnest(%s::text[], %s::text[]) AS names (former, alert_id), LATERAL (
            SELECT notice_id, revision, notice_mjd, received, notice_type = 'retraction',
                is_latest = 1, retracted = 1, superseded
            FROM alerts.notices WHERE alerts.notices.alert_id = names.former OFFSET 0) AS found
    ), members AS (
        SELECT *, bool_and(revision IS NOT NULL) OVER (PARTITION BY alert_id) AS all_revised
        FROM (SELECT * FROM new UNION ALL SELECT * FROM stored) AS member
    ), states AS (
        SELECT notice_id, was_newest, was_retracted, was_superseded,
            row_number() OVER newest_first = 1 AS is_newest,
            first_value(is_retraction) OVER newest_first AS is_retracted,
            min(received) OVER (newest_first ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                AS superseded
        FROM members WINDOW newest_first AS (PARTITION BY alert_id ORDER BY
            alert_notice_order(all_revised, revision, notice_mjd, received, notice_id) DESC)
    )
    SELECT notice_id, is_newest, is_retracted, superseded FROM states
    WHERE (was_newest, was_retracted, was_superseded)
        IS DISTINCT FROM (is_newest, is_retracted, superseded)"""

State = tuple[bool, bool, float | None]
"""The columns ``is_latest``, ``retracted`` and ``superseded`` of a notice."""


@dataclass
class Grouping:
    """The consequences of a batch of new notices.

    Attributes
    ----------
    columns : dict of int to tuple
        For each new notice the values of the columns ``version``, ``alert_id``, ``is_latest``,
        ``retracted`` and ``superseded``.
    renamed : dict of str to str
        Names of stored alerts that turned out to be part of another one, with the name of the
        latter.
    aliases : dict of str to str
        Names of packets that are not the name of their alert.
    changed : dict of int to tuple
        Stored notices whose ``is_latest``, ``retracted`` or ``superseded`` change, with the new
        values.
    recount : set of str
        Identifiers whose versions must be counted again, because packets were added out of
        order.
    """

    columns: dict[int, tuple[int, str, bool, bool, float | None]] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    changed: dict[int, State] = field(default_factory=dict)
    recount: set[str] = field(default_factory=set)


def group_notices(batch: Sequence[GroupingKeys], cursor: Any) -> Grouping:
    """Assign new notices to alerts, and find out what they change for the stored ones.

    Parameters
    ----------
    batch : sequence of GroupingKeys
        New notices, in order of receipt.
    cursor : psycopg2 cursor
        Cursor of the transaction that will add them. Nothing is written here.
    """
    grouping = Grouping()
    versions = _versions(batch, cursor, grouping)
    alerts = _alerts(batch, cursor, grouping)
    states = _changed_states(batch, alerts, grouping, cursor)
    for new in batch:
        number = new.number
        grouping.columns[number] = (versions[number], alerts[number], *states.pop(number))
    grouping.changed = states
    return grouping


def _changed_states(
    batch: Sequence[GroupingKeys], alerts: dict[int, str], grouping: Grouping, cursor: Any
) -> dict[int, State]:
    """Return the states of new notices, and of stored ones that change."""
    stored = {name: name for name in alerts.values()} | grouping.renamed
    cursor.execute(
        _STATES,
        [
            [alerts[new.number] for new in batch],
            [new.number for new in batch],
            [new.revision for new in batch],
            [new.notice_mjd for new in batch],
            [new.received for new in batch],
            [new.is_retraction for new in batch],
            list(stored),
            list(stored.values()),
        ],
    )
    return {number: tuple(state) for number, *state in cursor.fetchall()}


def _versions(batch: Sequence[GroupingKeys], cursor: Any, grouping: Grouping) -> dict[int, int]:
    """Count the packets of each identifier."""
    cursor.execute(_VERSIONS, [list({new.ivorn for new in batch})])
    last = {ivorn: (version, number) for ivorn, version, number in cursor.fetchall()}
    versions = {}
    for new in batch:
        version, number = last.get(new.ivorn, (0, 0))
        if new.number < number:
            grouping.recount.add(new.ivorn)
        versions[new.number] = version + 1
        last[new.ivorn] = version + 1, max(number, new.number)
    return versions


def _alerts(batch: Sequence[GroupingKeys], cursor: Any, grouping: Grouping) -> dict[int, str]:
    """Find the alert of each new notice, and the stored alerts that it unites."""
    names = _UnionFind()
    cursor.execute(_ALIASES, [list({new.alert_name for new in batch})])
    aliases = dict(cursor.fetchall())
    in_batch = defaultdict(set)
    for new in batch:
        names.join(new.alert_name, aliases.get(new.alert_name, new.alert_name))
        in_batch[new.ivorn].add(new.alert_name)
    cited = list({ivorn for new in batch for ivorn in new.cited})
    in_table = defaultdict(set)
    if cited:
        cursor.execute(_ALERTS_OF, [cited])
        for ivorn, alert in cursor.fetchall():
            in_table[ivorn].add(alert)
    for new in batch:
        for ivorn in new.cited:
            for name in in_batch.get(ivorn, set()) | in_table.get(ivorn, set()):
                names.join_same_kind(new.alert_name, name)
    cursor.execute(_CITING, [list(in_batch), list(GROUPING_CITATIONS)])
    for ivorn, citing, alert in cursor.fetchall():
        if authority(ivorn) == authority(citing):
            for name in in_batch[ivorn]:
                names.join_same_kind(name, alert)
    renamed = [name for name in names.all() if name != names.first(name)]
    grouping.aliases = {name: names.first(name) for name in renamed}
    stored = _stored_alerts([name for name in renamed if name not in aliases], cursor)
    grouping.renamed = {name: names.first(name) for name in stored}
    return {new.number: names.first(new.alert_name) for new in batch}


def _stored_alerts(names: list[str], cursor: Any) -> set[str]:
    """Return those of some names that are the names of stored alerts."""
    if not names:
        return set()
    cursor.execute(
        "SELECT name FROM unnest(%s::text[]) AS name"
        " WHERE EXISTS (SELECT FROM alerts.notices WHERE alert_id = name)",
        [names],
    )
    return {name for (name,) in cursor.fetchall()}


class _UnionFind:
    """Disjoint sets of names, joined in pairs."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def all(self) -> list[str]:
        return list(self._parents)

    def first(self, name: str) -> str:
        """Return the name that comes first in the set of `name`."""
        parent = self._parents.setdefault(name, name)
        while parent != name:
            self._parents[name] = self._parents[parent]
            name, parent = parent, self._parents[parent]
        return name

    def join(self, one: str, other: str) -> None:
        first, second = sorted((self.first(one), self.first(other)), key=_rank)
        self._parents[second] = first

    def join_same_kind(self, one: str, other: str) -> None:
        """Join two names if both are real, of tests, of injected signals, or claimed."""
        if _kind(one) == _kind(other):
            self.join(one, other)


def _kind(name: str) -> str:
    start = name.partition("/")[0]
    return start if start in ("test", "injection", CLAIMED) else ""


def _rank(name: str) -> tuple[bool, str]:
    """Order names: keys of events before identifiers of packets."""
    return ("ivo:" in name[:16], name)
