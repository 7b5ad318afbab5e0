"""Finds the matches of alerts with published events; see :mod:`.samples` for their chance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from ingest.alerts.matching.configuration import MatchConfig
from ingest.alerts.matching.geometry import separation
from ingest.alerts.matching.localization import Localizations
from ingest.alerts.matching.model import SAMPLE, Match, MatchedEvent, NoticeFacts
from ingest.alerts.matching.published import PublishedEvent, PublishedSamples
from ingest.alerts.matching.samples import (
    Expectation,
    Region,
    Sample,
    expectation,
)
from ingest.alerts.tables import Store
from ingest.core.mocs import read_moc
from ingest.core.timescales import DAY

_OWN_DETECTORS: Final = {"km3net": ("arca", "orca"), "antares": ("antares",)}
"""By the first part of a stream, the detectors whose events its alerts are."""
_SAME_EVENT: Final = 60.0
"""An event of the same detectors within this time in s of an alert is the one behind it: the
public times of ANTARES' events are rounded to 9 s, some to 86 s."""
_REGIONS: Final = """
    SELECT notice_id, region_90::text FROM alerts.notices
    WHERE notice_id = ANY (%s) AND region_90 IS NOT NULL"""
_OWN: Final = """
    SELECT DISTINCT n.alert_id, e.event_id
    FROM alerts.notices AS n JOIN alerts.events AS e ON e.notice_id = n.notice_id
    WHERE n.alert_id = ANY (%s)"""
_GONE: Final = """
    SELECT DISTINCT notice_id FROM alerts.matches
    WHERE kind = 'sample' AND partner != ALL (%s)"""
_NEW: Final = """
    SELECT n.notice_id FROM alerts.notices AS n
    WHERE n.event_mjd BETWEEN %s AND %s AND n.stream ~ %s AND n.region_90 IS NOT NULL
        AND n.is_test = 0 AND n.is_injection = 0
        AND NOT EXISTS (SELECT FROM alerts.matches AS m
            WHERE m.notice_id = n.notice_id AND m.kind = 'sample' AND m.partner = %s)"""


class SampleMatcher:
    """Counts published events in the 90 % regions of alerts.

    Parameters
    ----------
    config : MatchConfig
        With the time windows.
    localizations : Localizations
        With the sky maps.
    inputs : pathlib.Path
        The directory of deployed descriptors.
    """

    kind = SAMPLE

    def __init__(self, config: MatchConfig, localizations: Localizations, inputs: Path) -> None:
        self._config = config
        self._localizations = localizations
        self._published = PublishedSamples(inputs)
        self._has_changed = False

    def stale(self, store: Store) -> list[int]:
        """Return notices whose matches are not those with what is published now."""
        self._has_changed |= self._published.refresh(store)
        if not self._has_changed:
            return []
        samples = self._published.found
        names = [one.release for one in samples]
        found = {number for (number,) in store.fetch(_GONE, [names])}
        for one in samples:
            for expression, (begin, end) in self._config.sample_windows():
                first = float(one.intervals[0, 0]) - end / DAY
                last = float(one.intervals[-1, 1]) - begin / DAY
                rows = store.fetch(_NEW, [first, last, expression, one.release])
                found |= {number for (number,) in rows}
        self._has_changed = False
        return sorted(found)

    def find(self, notices: Sequence[NoticeFacts], store: Store) -> Iterator[Match]:
        """Yield a match for each notice and each sample whose time overlaps the window."""
        self._has_changed |= self._published.refresh(store)
        due = {
            one: window
            for one in notices
            if one.event_mjd is not None
            and (window := self._config.sample_window(one.stream)) is not None
        }
        if not due or not self._published.found:
            return
        regions = dict(store.fetch(_REGIONS, [[one.notice_id for one in due]]))
        own: defaultdict[str, set[str]] = defaultdict(set)
        for alert_id, event_id in store.fetch(_OWN, [list({one.alert_id for one in due})]):
            own[alert_id].add(event_id)
        for notice, window in due.items():
            if (text := regions.get(notice.notice_id)) is not None:
                yield from self._matches(notice, window, text, own[notice.alert_id], store)

    def _matches(
        self,
        notice: NoticeFacts,
        window: tuple[float, float],
        moc: str,
        own: set[str],
        store: Store,
    ) -> Iterator[Match]:
        assert notice.event_mjd is not None
        times = notice.event_mjd + window[0] / DAY, notice.event_mjd + window[1] / DAY
        overlapping = [one for one in self._published.found if one.overlaps(*times)]
        if not overlapping:
            return
        region = Region(read_moc(moc))
        fractions = region.fractions()
        for one in overlapping:
            sample = self._published.sample(store, one)
            events = [
                event
                for event in self._published.events(store, one, region, *times)
                if event.event_id not in own and not _is_behind(event, one.detector, notice)
            ]
            background = expectation(sample, fractions, *times)
            yield Match(
                kind=SAMPLE,
                notice=notice,
                partner=one.release,
                partner_group="km3net.events",
                window=window,
                n_observed=len(events),
                n_expected=background.events if background else None,
                n_expected_err=background.error if background else None,
                p_value=background.p_value(len(events)) if background else None,
                method=_method(sample, background),
                events=self._matched(events, one.release, notice),
            )

    def _matched(
        self, events: Sequence[PublishedEvent], release: str, notice: NoticeFacts
    ) -> tuple[MatchedEvent, ...]:
        sky = self._localizations.sky_map(notice) if events else None
        levels: Sequence[float | None] = [None] * len(events)
        if sky is not None:
            ra, dec = ([getattr(event, name) for event in events] for name in ("ra", "dec"))
            levels = sky.containment_at(ra, dec).tolist()
        return tuple(
            _matched(event, release, notice, level)
            for event, level in zip(events, levels, strict=True)
        )


def _is_behind(event: PublishedEvent, detector: str, notice: NoticeFacts) -> bool:
    """Return whether an alert is that of an event, of which it need not give the identifier."""
    assert notice.event_mjd is not None
    detectors = _OWN_DETECTORS.get(notice.stream.partition("/")[0], ())
    return detector in detectors and abs(event.mjd - notice.event_mjd) * DAY <= _SAME_EVENT


def _method(sample: Sample, background: Expectation | None) -> str:
    if background is None or sample.livetime is None:
        return "no background, as the livetime is unknown"
    days = sample.livetime / DAY
    return f"background by declination of {sample.events} events in {days:.6g} days"


def _matched(
    event: PublishedEvent, release: str, notice: NoticeFacts, containment: float | None
) -> MatchedEvent:
    assert notice.event_mjd is not None
    return MatchedEvent(
        release=release,
        event_id=event.event_id,
        time_difference=(event.mjd - notice.event_mjd) * DAY,
        separation=None
        if notice.ra is None or notice.dec is None
        else separation(notice.ra, notice.dec, event.ra, event.dec),
        containment=containment,
    )
