"""Matches of real alerts with the published samples of an instance."""

from __future__ import annotations

import json
import math
import re
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from ingest.alerts.archive import Archive
from ingest.alerts.matching import (
    CatalogueSettings,
    FisherDirection,
    MatchConfig,
    PublishedSamples,
    SampleMatcher,
    SourceMatcher,
    enqueue_all,
    fetch_catalogue,
    find_counterparts,
    load_matches,
    match_waiting,
)
from ingest.alerts.matching.localization import Localizations, circle_of
from ingest.alerts.matching.model import NoticeFacts, read_notices
from ingest.alerts.notices.containment import FROM_MAP
from ingest.alerts.skymaps import make_map
from ingest.alerts.tables.store import Store
from ingest.core.errors import InputError, NoAnswerError
from ingest.core.timescales import DAY
from tests.alert_archive import layout_of
from tests.instances import ROOT

DOCUMENT = ROOT / "docs" / "matches.md"
WINDOW = 1000.0
"""In days."""
CONFIG = MatchConfig.model_validate(
    {
        "streams": [
            {"name": name, "streams": [name], "per_year": 12, "source": "a test"}
            for name in ("km3net", "icecube")
        ],
        "samples": [{"alerts": ["km3net", "icecube"], "window": [-WINDOW * DAY, WINDOW * DAY]}],
    }
)
TIME = 56123.0
"""MJD in the middle of ANTARES' sample."""


class _Enough(Exception):
    """Ends a transaction that must leave nothing."""


@contextmanager
def undone(store: Store) -> Iterator[None]:
    try:
        with store.together():
            yield
            raise _Enough
    except _Enough:
        pass


@pytest.fixture
def store(empty_store) -> Store:
    """Return the tables of the instance, with the real alerts of all tests."""
    return empty_store.store


@pytest.fixture
def alert(store: Store) -> NoticeFacts:
    """Return the alert of KM3-230213A."""
    return next(
        one
        for one in read_notices(store, "notice_id", range(1, 20))
        if one.event_name == "KM3-230213A"
    )


def maps_of(instance) -> Localizations:
    return Localizations(Archive(layout_of(instance).archive, layout_of(instance).account))


def test_only_real_and_public_samples_count(instance, store: Store, tmp_path: Path) -> None:
    """The releases of kind test are in km3net.events, but match nothing."""
    published = PublishedSamples(layout_of(instance).inputs)
    assert published.refresh(store)
    found = {one.release: one for one in published.found}
    assert set(found) == {"ant20_01", "evts23_01"}
    sample = published.sample(store, found["ant20_01"])
    assert sample.events == 8754
    assert sample.livetime == pytest.approx(3136 * DAY)
    assert found["evts23_01"].livetime is None
    assert not published.refresh(store)  # nothing was published since
    # by the descriptions alone, a release that is protected or simulated is none
    for change in ({"protected": True}, {"simulated": True}, {"kind": "test"}):
        inputs = tmp_path / next(iter(change))
        _describe(layout_of(instance).inputs, inputs, change)
        published = PublishedSamples(inputs)
        published.refresh(store)
        assert [one.release for one in published.found] == ["evts23_01"]


def test_the_events_are_those_in_region_and_window(
    instance, store: Store, alert: NoticeFacts, delivered: Path
) -> None:
    other = replace(alert, stream="icecube", event_mjd=TIME)
    (match,) = SampleMatcher(CONFIG, maps_of(instance), layout_of(instance).inputs).find(
        [other], store
    )
    assert match.match_id == f"{alert.notice_id}/sample/ant20_01"
    # pgSphere finds the same events
    found = store.fetch(
        "SELECT e.event_id FROM km3net.events AS e, alerts.notices AS n"
        " WHERE n.notice_id = %s AND e.release = 'ant20_01' AND abs(e.mjd - %s) <= %s"
        " AND spoint(radians(e.ra), radians(e.dec)) <@ n.region_90 ORDER BY e.mjd",
        [alert.notice_id, TIME, WINDOW],
    )
    assert [event.event_id for event in match.events] == [name for (name,) in found]
    assert match.n_observed == len(found) > 0
    assert all(event.separation < 2.5 for event in match.events)
    # the background that the collaboration publishes, in the area of the region
    ((area,),) = store.fetch(
        "SELECT area(region_90) FROM alerts.notices WHERE notice_id = %s", [alert.notice_id]
    )
    below = np.polynomial.Polynomial(
        [float(word) for word in (delivered / "ant20_01/background.txt").read_text().split()]
    )
    south, north = -7.8 - 2.2, -7.8 + 2.2
    band = 2 * math.pi * (math.sin(math.radians(north)) - math.sin(math.radians(south)))
    wanted = (below(north) - below(south)) / band * area * 2 * WINDOW / 3136
    assert match.n_expected == pytest.approx(wanted, abs=3 * match.n_expected_err)
    assert 0.02 < match.n_expected_err / match.n_expected < 0.1
    assert match.p_value == pytest.approx(
        stats.poisson.sf(match.n_observed - 1, match.n_expected), rel=1e-9
    )
    assert match.method == "background by declination of 8754 events in 3136 days"


def test_events_have_the_credible_level_at_which_the_sky_map_contains_them(
    instance, store: Store, alert: NoticeFacts, tmp_path: Path
) -> None:
    archive = Archive(tmp_path)
    archive.create()
    assert alert.ra is not None and alert.dec is not None
    sky = make_map(alert.ra, alert.dec, radius=2.2, containment=0.9)
    name = archive.add_map(sky.write(tmp_path / "map.fits").read_bytes())
    inputs = layout_of(instance).inputs
    matcher = SampleMatcher(CONFIG, Localizations(archive), inputs)
    other = replace(alert, stream="icecube", event_mjd=TIME)
    (match,) = matcher.find([replace(other, sky_map=name, region_origin=FROM_MAP)], store)
    assert match.events
    for event in match.events:
        # the radial distribution of a normal distribution with 90 % within 2.2 deg
        wanted = 1 - 0.1 ** (event.separation / 2.2) ** 2
        assert event.containment == pytest.approx(wanted, abs=0.03)
    (match,) = matcher.find([other], store)
    assert {event.containment for event in match.events} == {None}


def test_the_event_behind_an_alert_is_no_match(instance, store: Store, alert: NoticeFacts) -> None:
    """KM3-230213A is published as an alert and as an event."""
    matcher = SampleMatcher(CONFIG, maps_of(instance), layout_of(instance).inputs)
    (match,) = matcher.find([alert], store)
    assert (match.partner, match.n_observed, match.p_value) == ("evts23_01", 0, None)
    assert match.method == "no background, as the livetime is unknown"
    # for an alert of others, it is a match
    (match,) = matcher.find([replace(alert, stream="icecube")], store)
    assert match.n_observed == 1
    assert match.events[0].release == "evts23_01"
    assert match.events[0].separation == pytest.approx(0, abs=0.1)
    # unless that gives its identifier
    with undone(store):
        store.fetch(
            "INSERT INTO alerts.events (notice_id, event_no, event_id) VALUES (%s, 1, %s)"
            " RETURNING 1",
            [alert.notice_id, match.events[0].event_id],
        )
        (match,) = matcher.find([replace(alert, stream="icecube")], store)
        assert match.n_observed == 0


def test_matches_follow_what_is_published(
    instance, store: Store, alert: NoticeFacts, tmp_path: Path
) -> None:
    """New samples are matched with old alerts; those of withdrawn ones are removed."""
    inputs = layout_of(instance).inputs
    partners = "SELECT DISTINCT partner FROM alerts.matches ORDER BY partner"
    with undone(store):
        for statement in (
            "DELETE FROM alerts.matches RETURNING 1",
            "DELETE FROM alerts.match_queue RETURNING 1",
            f"UPDATE alerts.notices SET event_mjd = {TIME}, stream = 'icecube'"
            f" WHERE notice_id = {alert.notice_id} RETURNING 1",
        ):
            store.fetch(statement)
        match_waiting(store, [SampleMatcher(CONFIG, maps_of(instance), inputs)])
        assert store.fetch(partners) == [("ant20_01",), ("evts23_01",)]
        ((observed,),) = store.fetch("SELECT sum(n_observed) FROM alerts.matches")
        joined = store.fetch(
            "SELECT e.mjd FROM alerts.match_events AS l"
            " JOIN km3net.events AS e ON e.event_id = l.event_id AND e.release = l.release"
        )
        assert len(joined) == observed > 0
        without = tmp_path / "without"
        _describe(inputs, without, {"protected": True})
        match_waiting(store, [SampleMatcher(CONFIG, maps_of(instance), without)])
        assert store.fetch(partners) == [("evts23_01",)]
        assert store.fetch("SELECT * FROM alerts.match_events WHERE release = 'ant20_01'") == []


def test_the_query_of_the_document_finds_events(instance, store: Store) -> None:
    (query,) = [
        one
        for one in re.findall("```sql\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
        if "match_events" in one
    ]
    # all matches with events, whatever their chance, of which the served alerts have none
    assert instance.adql(query.replace("AND m.p_value < 0.01", "")) == []
    row = "SELECT m.alert_id, m.partner, m.n_observed FROM alerts.matches AS m"
    assert ["evts23_01", "0"] in [found[1:] for found in instance.adql(row)]


def test_the_candidates_of_km3_230213a_are_its_matches(
    instance, store: Store, alert: NoticeFacts
) -> None:
    """By the configuration that is delivered."""
    config = load_matches()
    with undone(store):
        store.fetch("DELETE FROM alerts.matches RETURNING 1")
        enqueue_all(store)
        match_waiting(store, [SourceMatcher(config, maps_of(instance))])
        found = store.fetch(
            "SELECT match_id, alert_id, partner_group, separation, p_value, p_association"
            " FROM alerts.matches WHERE kind = 'source' ORDER BY p_association DESC"
        )
    # the farthest is 2.99 deg away, within the 3.1 deg of 99 % containment
    assert len(found) == 12
    assert {row[1:3] for row in found} == {(alert.alert_id, "KM3-230213A candidates")}
    expected = f"{alert.notice_id}/source/KM3-230213A candidates/NVSS J061703-082225"
    assert found[0][0] == expected
    assert sum(row[5] for row in found) < 1
    assert [row[3] for row in found] == sorted(row[3] for row in found)
    assert all(0 < row[4] < 1 for row in found)
    # what is published with an alert at the same place
    assert alert.ra is not None and alert.dec is not None
    circle = circle_of(alert)
    assert circle is not None
    shown = find_counterparts(config, FisherDirection(alert.ra, alert.dec, circle.kappa))
    assert [one["association_probability"] for one in shown] == pytest.approx(
        [row[5] for row in found], rel=0.01
    )
    assert find_counterparts(config, FisherDirection(10, 80, circle.kappa)) == "No match"
    assert find_counterparts(config, FisherDirection(10, 80, 1.0), "svom") == "No search"


def test_a_catalogue_is_fetched_from_a_tap_service(instance, tmp_path: Path) -> None:
    """With the service of the instance in place of VizieR's."""
    (tmp_path / "matches.toml").write_text(
        f"""
        [[streams]]
        name = "km3net"
        streams = ["km3net"]
        per_year = 12
        source = "a test"

        [[catalogue]]
        name = "bright events"
        alerts = ["km3net"]
        file = "bright.vot"
        tap = "{instance.url}/tap"
        query = "SELECT id, ra, decl, nhit FROM ant20_01.main WHERE nhit > 150"
        reference = "a test"
        licence = "CC-BY-4.0"
        prior = 0.1
        columns = {{ name = "id", ra = "ra", dec = "decl", flux = "nhit" }}
        """
    )
    path, config = tmp_path / "bright.vot", ["--config", str(tmp_path / "matches.toml")]
    before = instance.km3vo("alerts", "catalogues", *config)
    assert (before.returncode, before.stdout) == (
        0,
        "        -  bright events: a test; CC-BY-4.0\n",
    )
    found = load_matches(tmp_path / "matches.toml")
    assert find_counterparts(found, FisherDirection(10, 80, 1.0)) == "No search"
    done = instance.km3vo("alerts", "catalogues", "--fetch", *config)
    assert (done.returncode, done.stdout) == (0, "       10  bright events: a test; CC-BY-4.0\n")
    (settings,) = found.catalogue
    assert len(find_counterparts(found, FisherDirection(10, 80, 1.0))) > 0
    # what fails leaves the copy
    content = path.read_bytes()
    for change, problem in (
        ({"query": "SELECT nothing FROM nowhere"}, "nowhere"),
        ({"query": "SELECT id, ra, decl, nhit FROM ant20_01.main WHERE nhit > 1e6"}, "no sources"),
        ({"query": "SELECT id, ra, nhit FROM ant20_01.main WHERE nhit > 150"}, "no column decl"),
        ({"query": "SELECT TOP 2000000 id, ra, decl, nhit FROM ant20_01.main"}, None),
        ({"tap": f"{instance.url}/nothing"}, "404"),
        ({"tap": "http://127.0.0.1:9/tap"}, "127.0.0.1:9"),
    ):
        broken = settings.model_copy(update=change)
        if problem is None:
            assert fetch_catalogue(broken) == 8754
            path.write_bytes(content)
            continue
        with pytest.raises((InputError, NoAnswerError)) as caught:
            fetch_catalogue(broken)
        assert problem in str(caught.value)
        assert path.read_bytes() == content
    assert sorted(one.name for one in tmp_path.iterdir()) == ["bright.vot", "matches.toml"]


def test_a_service_that_is_silent_costs_its_timeout(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = CatalogueSettings.model_validate(
            {
                "name": "silent",
                "alerts": ["km3net"],
                "file": tmp_path / "silent.vot",
                "tap": f"http://127.0.0.1:{silent.getsockname()[1]}/tap",
                "query": "SELECT 1",
                "reference": "a test",
                "licence": "CC0-1.0",
                "columns": {"name": "id", "ra": "ra", "dec": "dec"},
                "prior": 0.1,
                "timeout": 0.2,
            }
        )
        begin = time.monotonic()
        with pytest.raises(NoAnswerError):
            fetch_catalogue(settings)
        assert time.monotonic() - begin < 5


def _describe(inputs: Path, copy: Path, change: dict[str, object]) -> None:
    """Write the descriptions of the deployed releases, with a change in that of ANTARES."""
    for path in inputs.glob("*/release.json"):
        (copy / path.parent.name).mkdir(parents=True)
        shutil.copyfile(path, copy / path.parent.name / path.name)
    path = copy / "ant20_01" / "release.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
