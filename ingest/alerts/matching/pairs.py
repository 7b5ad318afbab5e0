"""Alert × alert: pairs of notices within a time window, with their rate by chance.

Two notices are a pair if both were the newest ones of their alerts at the same time, in this
archive. So each pair of alerts has a history: a row for each notice that changed what was known.
The result does not depend on the order in which notices are matched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from ingest.alerts.matching.background import Backgrounds
from ingest.alerts.matching.configuration import MatchConfig, Pairs, StreamGroup
from ingest.alerts.matching.geometry import separation
from ingest.alerts.matching.localization import Localizations
from ingest.alerts.matching.model import ALERT, Match, NoticeFacts, read_notices
from ingest.alerts.matching.rates import Rates, chance, spatiotemporal_far, temporal_far
from ingest.alerts.tables import Store
from ingest.core.timescales import DAY

# OFFSET 0 keeps the planner from reading the whole table where it has no statistics yet.
_NEARBY: Final = """
    SELECT DISTINCT found.alert_id
    FROM unnest(%s::float8[], %s::float8[], %s::text[]) AS asked (first, last, streams), LATERAL (
        SELECT alert_id FROM alerts.notices
        WHERE event_mjd BETWEEN first AND last AND stream ~ streams OFFSET 0) AS found"""
_PRECISION: Final = 1e-3 / DAY
"""Margin in d for the rounding of times."""


class PairMatcher:
    """Matches of the kind ``alert``.

    Parameters
    ----------
    config : MatchConfig
        Streams and time windows.
    localizations : Localizations
        Where alerts come from.
    """

    kind = ALERT

    def __init__(self, config: MatchConfig, localizations: Localizations) -> None:
        self._config = config
        self._localizations = localizations
        self._backgrounds = Backgrounds()

    def find(self, notices: Sequence[NoticeFacts], store: Store) -> Iterator[Match]:
        """Yield the pairs of each notice; see :meth:`.Matcher.find`."""
        mine = [one for one in notices if self._config.group_of(one.stream)]
        if not mine:
            return
        times = _event_times(mine, store)
        nearby = self._nearby(mine, times, store)
        for other in nearby:
            if other.event_mjd is not None:
                times.setdefault(other.alert_id, other.event_mjd)
        yield from self._pairs(mine, nearby, times, store)

    def _nearby(
        self, mine: Sequence[NoticeFacts], times: dict[str, float], store: Store
    ) -> list[NoticeFacts]:
        """Return all notices of the alerts that may be partners."""
        asked = set()
        for notice in mine:
            time = _time(notice, times)
            group = self._config.group_of(notice.stream)
            if time is None or group is None:
                continue
            for partner, pairs, is_first in self._config.partners_of(group):
                begin, end = (part / DAY for part in pairs.window)
                begin, end = (begin, end) if is_first else (-end, -begin)
                asked.add((time + begin - _PRECISION, time + end + _PRECISION, partner.expression))
        if not asked:
            return []
        rows = store.fetch(_NEARBY, [list(part) for part in zip(*asked, strict=True)])
        return read_notices(store, "alert_id", [alert for (alert,) in rows])

    def _pairs(
        self,
        mine: Sequence[NoticeFacts],
        nearby: Sequence[NoticeFacts],
        times: dict[str, float],
        store: Store,
    ) -> Iterator[Match]:
        by_group: defaultdict[str, list[NoticeFacts]] = defaultdict(list)
        for other in nearby:
            if group := self._config.group_of(other.stream):
                by_group[group.name].append(other)
        done = set()
        for notice in mine:
            group = self._config.group_of(notice.stream)
            assert group is not None
            for partner, pairs, is_first in self._config.partners_of(group):
                for other in by_group[partner.name]:
                    first, second = (notice, other) if is_first else (other, notice)
                    key = first.notice_id, second.notice_id
                    # a pair of two notices in `mine` is found twice, and a pair of groups in
                    # several lines of the configuration more often
                    if key in done or key[::-1] in done or not _are_contemporary(first, second):
                        continue
                    since, until = _time(first, times), _time(second, times)
                    if since is None or until is None:
                        continue
                    difference = (until - since) * DAY
                    if not pairs.window[0] <= difference <= pairs.window[1]:
                        continue
                    done.add(key)
                    groups = (group, partner) if is_first else (partner, group)
                    yield self._match(first, second, groups, pairs, difference, store)

    def _match(
        self,
        notice: NoticeFacts,
        other: NoticeFacts,
        groups: tuple[StreamGroup, StreamGroup],
        pairs: Pairs,
        difference: float,
        store: Store,
    ) -> Match:
        """Return the match of a neutrino's notice with another one."""
        known = {
            "kind": ALERT,
            "notice": notice,
            "partner": other.ivorn,
            "other": other,
            "partner_group": other.stream,
            "window": pairs.window,
            "time_difference": difference,
        }
        if notice.is_retraction or other.is_retraction:
            return Match(**known, method="not computed: a notice is a retraction")  # type: ignore[arg-type]
        sides = [
            Rates(one.far, group.rate) for one, group in zip((notice, other), groups, strict=True)
        ]
        temporal = temporal_far(pairs.length, *sides)
        expected = pairs.length * sides[1].effective
        overlap, words = self._overlap(notice, other, groups, store)
        rates = ["notice" if side.known else "stream" for side in sides]
        return Match(
            **known,  # type: ignore[arg-type]
            separation=_separation(notice, other),
            n_expected=expected,
            p_value=chance(expected, overlap),
            overlap=overlap,
            far_temporal=temporal,
            far_spatiotemporal=None if overlap is None else spatiotemporal_far(temporal, overlap),
            method=f"{words}; rates of {rates[0]} and {rates[1]}",
        )

    def _overlap(
        self,
        notice: NoticeFacts,
        other: NoticeFacts,
        groups: tuple[StreamGroup, StreamGroup],
        store: Store,
    ) -> tuple[float | None, str]:
        """Return the overlap and what it was made from.

        The first background that is known counts: with it, the average is 1, whatever the
        distribution of the other side is.
        """
        found = self._localizations.overlap(notice, other)
        if found is None:
            return None, "no direction"
        value, words = found
        for side, group in zip((notice, other), groups, strict=True):
            if group.background is None:
                continue
            background = self._backgrounds.of(group.background, store)
            dec = self._localizations.declination(side)
            if background is None or dec is None:
                words += f"; background {group.background} is not online, a uniform one is assumed"
                continue
            return value / background.at(dec), f"{words}; background of {group.background}"
        return value, words


def _event_times(notices: Sequence[NoticeFacts], store: Store) -> dict[str, float]:
    """Return times of events by alert, for notices such as retractions that have none."""
    alerts = [one.alert_id for one in notices if one.event_mjd is None]
    times: dict[str, float] = {}
    for one in read_notices(store, "alert_id", alerts) if alerts else ():
        if one.event_mjd is not None:
            times.setdefault(one.alert_id, one.event_mjd)
    return times


def _time(notice: NoticeFacts, times: dict[str, float]) -> float | None:
    return times.get(notice.alert_id) if notice.event_mjd is None else notice.event_mjd


def _are_contemporary(one: NoticeFacts, other: NoticeFacts) -> bool:
    """Return whether two notices of different alerts were the newest ones at the same time."""
    begin = max(one.received, other.received)
    return one.alert_id != other.alert_id and begin < min(one.end, other.end)


def _separation(one: NoticeFacts, other: NoticeFacts) -> float | None:
    if one.ra is None or one.dec is None or other.ra is None or other.dec is None:
        return None
    return separation(one.ra, one.dec, other.ra, other.dec)
