"""Which notices belong to one alert, and which of them is the newest.

A packet says by the key of its event, or by citing another packet, which alert it belongs to.
Packets come late, twice and in any order, also a retraction before what it retracts; what comes
out here depends on the set of packets alone.

* Notices with the same key, and notices that supersede or retract one another, are of one
  alert. Its name is the first of its members' names in the order of the alphabet, keys before
  identifiers. Only citations within one authority count: nobody retracts what others sent. A
  test is never of one alert with what was observed.
* The newest notice is the one with the highest revision; where revisions are equal, or a member
  of the alert has none, the one that was written last, and then the one received last.
* An alert is retracted while its newest notice is a retraction.
* The versions of one identifier are counted in order of receipt.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ingest.alerts.tables.rows import LINKING, Links, authority

_TAKEN: Final = """
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
_MEMBERS: Final = """
    SELECT alert_id, notice_id, revision, coalesce(notice_mjd, received),
        notice_type = 'retraction', is_latest = 1, retracted = 1
    FROM alerts.notices WHERE alert_id = ANY (%s)"""
_NEWEST: Final = _MEMBERS + " AND is_latest = 1"
_UNNUMBERED: Final = """
    SELECT asked.name FROM unnest(%s::text[]) AS asked (name)
    WHERE EXISTS (SELECT FROM alerts.notices WHERE alert_id = asked.name AND revision IS NULL)"""


@dataclass(frozen=True, slots=True)
class _Member:
    """A notice of an alert, new or known."""

    number: int
    revision: int | None
    mjd: float
    retracts: bool
    was_newest: bool = False
    was_retracted: bool = False


@dataclass
class Linked:
    """What follows from a batch of new notices.

    Attributes
    ----------
    rows : dict of int to tuple
        For each new notice the values of the columns ``version``, ``alert_id``, ``is_latest``
        and ``retracted``.
    renamed : dict of str to str
        Alerts that turned out to be part of another one.
    aliases : dict of str to str
        Names of packets that are not the name of their alert.
    superseded : list of int
        Known notices that are no longer the newest of their alert.
    promoted : list of int
        Known notices that are the newest of their alert from now on.
    retracted : dict of str to bool
        Alerts whose known notices change their state.
    recount : list of str
        Identifiers whose versions have to be counted anew, because packets came out of turn.
    """

    rows: dict[int, tuple[int, str, bool, bool]] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    superseded: list[int] = field(default_factory=list)
    promoted: list[int] = field(default_factory=list)
    retracted: dict[str, bool] = field(default_factory=dict)
    recount: list[str] = field(default_factory=list)


def link(batch: Sequence[Links], cursor: Any) -> Linked:
    """Say what new notices are to the ones known.

    Parameters
    ----------
    batch : sequence of Links
        New notices, in order of receipt.
    cursor : psycopg2 cursor
        Of the transaction that will add them; nothing is changed here.
    """
    linked = Linked()
    versions = _versions(batch, cursor, linked)
    alerts = _alerts(batch, cursor, linked)
    members = defaultdict(list)
    for new in batch:
        members[alerts[new.number]].append(_Member(new.number, new.revision, new.mjd, new.retracts))
    newest: dict[int, bool] = {}
    states: dict[int, bool] = {}
    for name, known in _known(members, linked, cursor).items():
        fresh = members[name]
        first = _newest(known.everyone + fresh, known.by_time)
        for member in fresh:
            newest[member.number] = member is first
            states[member.number] = first.retracts
        for member in known.everyone:
            if member.was_newest and member is not first:
                linked.superseded.append(member.number)
            if member is first and not member.was_newest:
                linked.promoted.append(member.number)
        if any(member.was_retracted is not first.retracts for member in known.everyone):
            linked.retracted[name] = first.retracts
    for new in batch:
        number = new.number
        linked.rows[number] = (versions[number], alerts[number], newest[number], states[number])
    return linked


@dataclass
class _Known:
    """What is known of an alert: all its notices where that matters, else the newest."""

    everyone: list[_Member] = field(default_factory=list)
    by_time: bool = False


def _newest(members: Iterable[_Member], by_time: bool) -> _Member:
    if by_time:
        return max(members, key=lambda one: (one.mjd, one.number))
    return max(members, key=lambda one: (one.revision, one.mjd, one.number))


def _known(fresh: dict[str, list[_Member]], linked: Linked, cursor: Any) -> dict[str, _Known]:
    """Fetch what is known of the alerts of new notices.

    Where the criterion stays the same, the newest notice so far stands for all that were before
    it. Where an alert gets its first notice without a revision, or alerts become one, all of
    their notices are looked at again.
    """
    parts = defaultdict(list)
    for part, name in linked.renamed.items():
        parts[name].append(part)
    names = [*fresh, *linked.renamed]
    cursor.execute(_UNNUMBERED, [names])
    unnumbered = {name for (name,) in cursor.fetchall()}
    found = {name: _Known() for name in fresh}
    whole: list[str] = []
    newest: list[str] = []
    for name, members in fresh.items():
        known_by_time = not unnumbered.isdisjoint((name, *parts[name]))
        found[name].by_time = known_by_time or any(one.revision is None for one in members)
        anew = parts[name] or found[name].by_time is not known_by_time
        (whole if anew else newest).extend((name, *parts[name]))
    for query, wanted in ((_MEMBERS, whole), (_NEWEST, newest)):
        if wanted:
            cursor.execute(query, [wanted])
            for name, *values in cursor.fetchall():
                found[linked.renamed.get(name, name)].everyone.append(_Member(*values))
    return found


def _versions(batch: Sequence[Links], cursor: Any, linked: Linked) -> dict[int, int]:
    """Count the packets under each identifier."""
    cursor.execute(_TAKEN, [list({new.ivorn for new in batch})])
    last = {ivorn: (version, number) for ivorn, version, number in cursor.fetchall()}
    versions = {}
    for new in batch:
        version, number = last.get(new.ivorn, (0, 0))
        if new.number < number:
            linked.recount.append(new.ivorn)
        versions[new.number] = version + 1
        last[new.ivorn] = version + 1, max(number, new.number)
    return versions


def _alerts(batch: Sequence[Links], cursor: Any, linked: Linked) -> dict[int, str]:
    """Find the alert of each new notice, and the alerts that become one by them."""
    groups = _Groups()
    cursor.execute(_ALIASES, [list({new.name for new in batch})])
    aliases = dict(cursor.fetchall())
    here = defaultdict(set)
    for new in batch:
        groups.join(new.name, aliases.get(new.name, new.name))
        here[new.ivorn].add(new.name)
    cited = list({ivorn for new in batch for ivorn in new.cites})
    there = defaultdict(set)
    if cited:
        cursor.execute(_ALERTS_OF, [cited])
        for ivorn, alert in cursor.fetchall():
            there[ivorn].add(alert)
    for new in batch:
        for ivorn in new.cites:
            for name in here.get(ivorn, set()) | there.get(ivorn, set()):
                groups.join_alike(new.name, name)
    cursor.execute(_CITING, [list(here), list(LINKING)])
    for ivorn, citing, alert in cursor.fetchall():
        if authority(ivorn) == authority(citing):
            for name in here[ivorn]:
                groups.join_alike(name, alert)
    known = _known_names(groups, aliases, cursor)
    for name in groups.names():
        first = groups.first(name)
        if name != first:
            linked.aliases[name] = first
            if name in known:
                linked.renamed[name] = first
    return {new.number: groups.first(new.name) for new in batch}


def _known_names(groups: _Groups, aliases: dict[str, str], cursor: Any) -> set[str]:
    """Return which names are those of alerts in the table now."""
    changed = [name for name in groups.names() if name != groups.first(name)]
    if not changed:
        return set()
    cursor.execute(
        "SELECT name FROM unnest(%s::text[]) AS name"
        " WHERE EXISTS (SELECT FROM alerts.notices WHERE alert_id = name)",
        [[name for name in changed if name not in aliases]],
    )
    return {name for (name,) in cursor.fetchall()}


class _Groups:
    """Sets of names that are joined one by one (disjoint-set forest)."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def names(self) -> list[str]:
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

    def join_alike(self, one: str, other: str) -> None:
        """Join two names unless one is a test's or an injection's and the other is not."""
        if _kind(one) == _kind(other):
            self.join(one, other)


def _kind(name: str) -> str:
    start = name.partition("/")[0]
    return start if start in ("test", "injection") else ""


def _rank(name: str) -> tuple[bool, str]:
    """Order names: keys of events before identifiers of packets."""
    return ("ivo:" in name[:16], name)
