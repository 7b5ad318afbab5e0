"""Pairs of alerts in the table: computed on arrival, again on each change, in any order."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingest.alerts.archive import Archive, Entry
from ingest.alerts.matching import count_waiting, enqueue_all, match_waiting, matchers, matches_of
from ingest.alerts.matching.configuration import YEAR, MatchConfig
from ingest.alerts.matching.localization import Localizations
from ingest.alerts.matching.model import NOTICE_COLUMNS, Matcher, NoticeFacts
from ingest.alerts.notices.containment import FROM_MAP, Regions
from ingest.alerts.notices.model import Notice, NoticeType, Position, Rate
from ingest.alerts.publishing.counterparts import add_counterparts
from ingest.alerts.skymaps import circle_overlap, concentration, make_map, overlap
from ingest.alerts.tables import Store, table_rows
from ingest.core.errors import ManifestError

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
T0 = 61_040.0
SECOND = 1 / 86400
CONFIG = MatchConfig.model_validate(
    {
        "streams": [
            {"name": name, "streams": [stream], "neutrinos": name != "waves", "per_year": number}
            | {"source": "this test"}
            for name, stream, number in (
                ("ours", "km3net", 12),
                ("ice", "icecube/*", 30),
                ("waves", "ligo-virgo-kagra", 730),
            )
        ],
        "pairs": [
            {"neutrinos": ["ours", "ice"], "partners": ["waves"], "window": [-500, 300]},
            {"neutrinos": ["ours"], "partners": ["ice"], "window": [-100, 100]},
        ],
    }
)
COLUMNS = (
    "match_id, alert_id, partner, partner_alert, is_latest, retracted, retraction, overlap,"
    " far_temporal, far_spatiotemporal, change, since, method"
)


@pytest.fixture
def store(empty_store) -> Iterator[Store]:
    with empty_store.forgotten():
        yield empty_store.store


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    found = Archive(tmp_path / "archive")
    found.create()
    return found


@pytest.fixture
def finders(archive: Archive) -> list[Matcher]:
    return matchers(CONFIG, archive, archive.root)


def notice(stream: str, key: str, revision: int = 0, seconds: float | None = 0.0, **more) -> Notice:
    """Return a notice of an alert, by default at the same place and time as all others."""
    more = {"position": Position(ra=40.0, dec=10.0, radius=1.0, containment=0.9)} | more
    return Notice(
        ivorn=f"ivo://{key}/{revision}",
        stream=stream,
        event_key=key,
        event_name=key,
        revision=revision,
        media_format="voevent-2.0",
        event_mjd=None if seconds is None else T0 + seconds * SECOND,
        **more,
    )


def add(store: Store, *notices: Notice, first: int = 1, sky_map: str | None = None) -> None:
    regions = Regions(None, None, FROM_MAP) if sky_map else Regions()
    batch = []
    for number, one in enumerate(notices, first):
        received = (FIRST + timedelta(hours=number)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        entry = Entry(number, f"{number:064x}", received, "test", "application/xml", 10)
        batch.append(table_rows(entry, one, regions, sky_map))
    assert store.add(batch) == []


def rows(store: Store, columns: str = COLUMNS) -> list[tuple]:
    return store.fetch(f"SELECT {columns} FROM alerts.matches ORDER BY match_id")


def fact(**values: object) -> NoticeFacts:
    return NoticeFacts(**(dict.fromkeys(NOTICE_COLUMNS) | values))


def hertz(value: float) -> Rate:
    return Rate(hertz=value, value=value)


def test_a_pair_has_the_numbers_of_the_documented_formulae(store, finders):
    wide = Position(ra=42.0, dec=10.0, radius=5.0, containment=0.5)
    add(
        store,
        notice("km3net", "ours", far=hertz(1e-7)),
        notice("ligo-virgo-kagra", "wave", seconds=-200, position=wide, far=hertz(1e-6)),
    )
    assert match_waiting(store, finders) == 2
    assert count_waiting(store) == 0
    ((found),) = store.fetch(
        "SELECT match_id, notice_id, kind, partner, partner_notice, partner_group, is_latest,"
        " retracted, window_begin, window_end, change, method FROM alerts.matches"
    )
    assert found == (
        "1/alert/2", 1, "alert", "ivo://wave/0", 2, "ligo-virgo-kagra", 1, 0, -500, 300, None,
        "circle and circle; rates of notice and notice",
    )  # fmt: skip
    columns = "time_difference, separation, overlap, far_temporal, far_spatiotemporal, n_expected"
    ((difference, separation, value, temporal, joint, expected, p_value),) = rows(
        store, f"{columns}, p_value"
    )
    assert difference == pytest.approx(-200, abs=1e-4)
    # along a parallel: sin(s/2) = cos(10°) sin(1°)
    angle = 2 * math.degrees(math.asin(math.cos(math.radians(10)) * math.sin(math.radians(1))))
    assert separation == pytest.approx(angle)
    assert value == pytest.approx(
        circle_overlap(angle, concentration(1, 0.9), concentration(5, 0.5))
    )
    z, most = 800 * 1e-7 * 1e-6, 800 * 12 * 730 / YEAR**2
    assert temporal == pytest.approx(z * (1 - math.log(z / most)))
    assert joint == pytest.approx(temporal / value)
    assert expected == pytest.approx(800 * 1e-6)
    assert p_value == pytest.approx(-math.expm1(-expected / value))


def test_a_sky_map_is_used_where_there_is_one(store, archive, finders):
    sky = make_map(41.0, 11.0, radius=8.0, containment=0.9)
    file = sky.write(archive.root / "map.fits")
    name = archive.add_map(file.read_bytes())
    add(store, notice("km3net", "ours"))
    add(store, notice("ligo-virgo-kagra", "wave", position=None), first=2, sky_map=name)
    match_waiting(store, finders)
    ((value, method, temporal, separation),) = rows(
        store, "overlap, method, far_temporal, separation"
    )
    circle = make_map(40.0, 10.0, radius=1.0, containment=0.9)
    assert value == pytest.approx(overlap(circle, sky), rel=1e-6)
    assert method == "circle and map; rates of stream and stream"
    assert temporal == pytest.approx(800 * 12 * 730 / YEAR**2)
    assert separation is None


def test_large_sky_maps_do_not_fill_the_memory(archive):
    names = []
    for number in range(3):
        sky = make_map(40.0 + number, 10.0, radius=5.0, containment=0.9)
        file = sky.write(archive.root / f"map{number}.fits")
        names.append(archive.add_map(file.read_bytes()))
    facts = [fact(sky_map=name, region_origin=FROM_MAP) for name in names]
    for most, is_kept in ((3 * len(sky.uniq) + 100, True), (len(sky.uniq) + 100, False)):
        localizations = Localizations(archive, most)
        first = localizations.sky_map(facts[0])
        assert first is not None and localizations.sky_map(facts[0]) is first
        assert localizations.overlap(facts[1], facts[2]) is not None
        assert (localizations.sky_map(facts[0]) is first) == is_kept


def test_what_is_not_matched(store, finders):
    add(
        store,
        notice("km3net", "ours"),
        notice("ligo-virgo-kagra", "late", seconds=301),
        notice("ligo-virgo-kagra", "early", seconds=-501),
        notice("ligo-virgo-kagra", "test", is_test=True),
        notice("ligo-virgo-kagra", "injection", is_injection=True),
        notice("ligo-virgo-kagra", "timeless", seconds=None),
        notice("icecube/gold", "outside", seconds=-101),
        notice("fermi/gbm", "burst"),
        notice("km3net", "again"),
        notice("ligo-virgo-kagra", "inside", seconds=299.9),
    )
    match_waiting(store, finders)
    # icecube's window for gravitational waves begins 500 s before: 299.9 + 101 > 300, -501 < -400
    assert [row[0] for row in rows(store)] == [
        "1/alert/10", "7/alert/3", "9/alert/10",
    ]  # fmt: skip


def test_an_update_makes_a_new_row_that_says_what_has_changed(store, archive, finders):
    wave = notice("ligo-virgo-kagra", "wave", position=None)
    add(store, notice("km3net", "ours", far=hertz(1.2e-7)), wave)
    match_waiting(store, finders)
    better = Position(ra=40.0, dec=10.5, radius=0.5, containment=0.9)
    add(store, notice("km3net", "ours", 1, far=hertz(3e-8), position=better), first=3)
    match_waiting(store, finders)
    sky = make_map(41.0, 11.0, radius=8.0, containment=0.9)
    name = archive.add_map(sky.write(archive.root / "map.fits").read_bytes())
    add(store, notice("ligo-virgo-kagra", "wave", 1, position=None), first=4, sky_map=name)
    match_waiting(store, finders)
    assert rows(store, "match_id, is_latest, overlap IS NULL, change") == [
        ("1/alert/2", 0, True, None),
        (
            "3/alert/2", 0, True,
            "km3net: position moved by 0.5 deg, pos_err 1 -> 0.5 deg, far 1.2e-07 -> 3e-08 Hz",
        ),
        ("3/alert/4", 1, False, "ligo-virgo-kagra: sky map added"),
    ]  # fmt: skip


def test_matches_of_a_retracted_alert_stay_and_say_so(store, finders):
    add(store, notice("km3net", "ours"), notice("ligo-virgo-kagra", "wave"))
    match_waiting(store, finders)
    assert len(matches_of(store, "wave")) == 1
    bare = notice(
        "ligo-virgo-kagra", "wave", 1, None, position=None, notice_type=NoticeType.RETRACTION
    )
    add(store, bare, first=3)
    match_waiting(store, finders)
    reason = "wave (ligo-virgo-kagra) was retracted"
    assert rows(store, "match_id, is_latest, retracted, retraction, change") == [
        ("1/alert/2", 0, 1, reason, None),
        ("1/alert/3", 1, 1, reason, "ligo-virgo-kagra: retracted"),
    ]
    assert rows(store, "overlap > 0, far_temporal > 0")[0] == (True, True)
    assert matches_of(store, "ours") == matches_of(store, "wave") == []
    add(store, notice("ligo-virgo-kagra", "wave", 2), first=4)
    match_waiting(store, finders)
    assert rows(store, "is_latest, retracted, change")[2] == (
        1, 0, "ligo-virgo-kagra: no longer retracted, position added, pos_err none -> 1 deg,"
        " pos_err_cl none -> 0.9, event time added",
    )  # fmt: skip


def test_both_alerts_know_their_match(store, finders):
    add(
        store,
        notice("km3net", "ours"),
        notice("ligo-virgo-kagra", "wave", seconds=10, far=hertz(1e-6)),
        notice("icecube/bronze", "ice", seconds=5, far=hertz(1e-9)),
    )
    match_waiting(store, finders)
    ours, wave = matches_of(store, "ours"), matches_of(store, "wave")
    # the least likely by chance first
    assert [one.partner_alert for one in ours] == ["ice", "wave"]
    assert [one.partner_alert for one in wave] == ["ice", "ours"]
    assert [one.time_difference for one in wave] == pytest.approx([-5, -10], abs=1e-4)
    assert wave[1].partner == "ivo://ours/0"
    assert wave[1].far_spatiotemporal == ours[1].far_spatiotemporal


class Stumbling:
    """A matcher that cannot handle an alert of the name ``stone``."""

    kind = "alert"

    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher

    def find(self, notices, store):
        if any(one.event_name == "stone" for one in notices):
            raise ZeroDivisionError
        return self._matcher.find(notices, store)


def test_a_notice_that_cannot_be_matched_holds_up_no_other(store, finders, caplog):
    add(store, notice("km3net", "ours"), notice("km3net", "stone"))
    add(store, notice("ligo-virgo-kagra", "wave"), first=3)
    assert match_waiting(store, [Stumbling(one) for one in finders]) == 3
    assert [row[0] for row in rows(store)] == ["1/alert/3", "2/alert/3"]
    assert "no matches of the kind alert: ivo://stone/0" in caplog.text
    assert count_waiting(store) == 0


def test_the_notice_names_no_alert_of_another_direction(store, finders):
    elsewhere = Position(ra=220.0, dec=-10.0, radius=1.0, containment=0.9)
    add(
        store,
        notice("km3net", "ours"),
        notice("ligo-virgo-kagra", "near"),
        notice("ligo-virgo-kagra", "far", position=elsewhere),
        notice("ligo-virgo-kagra", "anywhere", position=None),
    )
    match_waiting(store, finders)
    found = {row[2]: row[7:10] for row in rows(store)}
    assert found["ivo://far/0"][0] == 0 and found["ivo://far/0"][2] is None
    document: dict[str, Any] = {}
    add_counterparts(document, None, MatchConfig(), store, f"{1:064x}", [])
    assert [one["ref_ID"] for one in document["counterpart_info"]] == [
        "ivo://near/0",
        "ivo://anywhere/0",
    ]


def test_what_has_not_changed_is_not_computed_again(store, archive, finders):
    add(store, notice("km3net", "ours"), notice("ligo-virgo-kagra", "wave"))
    match_waiting(store, finders)
    before = rows(store, "*")
    enqueue_all(store)
    assert match_waiting(store, finders) == 2
    assert rows(store, "*") == before
    other = CONFIG.model_copy(update={"pairs": ()})
    enqueue_all(store)
    match_waiting(store, matchers(other, archive, archive.root))
    assert rows(store) == []


def test_a_removed_notice_leaves_no_match(store, finders):
    add(store, notice("km3net", "ours"), notice("ligo-virgo-kagra", "wave"))
    match_waiting(store, finders)
    assert store.remove([2]) == [2]
    assert rows(store) == []


drawn = st.lists(
    st.builds(
        lambda stream, revision, seconds, kind, ra: notice(
            stream,
            stream.split("/")[0],
            revision,
            seconds,
            notice_type=kind,
            position=Position(ra=ra, dec=10.0, radius=3.0, containment=0.9),
        ),
        stream=st.sampled_from(["km3net", "icecube/gold", "ligo-virgo-kagra"]),
        revision=st.integers(0, 3),
        seconds=st.sampled_from([0.0, 50.0, 450.0, None]),
        kind=st.sampled_from(NoticeType),
        ra=st.sampled_from([40.0, 41.0]),
    ),
    min_size=2,
    max_size=8,
)


def at_the_place(stream: str, seconds: float | None) -> Notice:
    return notice(stream, stream.split("/")[0], seconds=seconds)


@given(
    notices=drawn,
    order=st.permutations(range(8)),
    moments=st.lists(st.booleans(), min_size=8, max_size=8),
)
@example(
    # the last notice gives the first one, which has been superseded, its time
    notices=[
        at_the_place("km3net", None),
        at_the_place("icecube/gold", 0),
        at_the_place("icecube/gold", 0),
        at_the_place("km3net", None),
        at_the_place("km3net", 0),
    ],
    order=range(8),
    moments=[False, False, False, True, False, False, False, False],
)
@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_matches_do_not_depend_on_when_they_are_computed(
    empty_store, finders, notices, order, moments
):
    """Packets that leave the quarantine come in another order than that of their numbers."""
    store = empty_store.store
    with empty_store.forgotten():
        add(store, *notices)
        match_waiting(store, finders)
        at_once = rows(store)
    with empty_store.forgotten():
        for place, is_matched in zip(order, moments, strict=True):
            if place < len(notices):
                add(store, notices[place], first=place + 1)
                if is_matched:
                    match_waiting(store, finders)
        match_waiting(store, finders)
        assert rows(store) == at_once


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"window": [1, 1]}, "pairs.0.window"),
        ({"partners": ["nobody"]}, "nobody"),
        ({"neutrinos": ["waves"]}, "neutrinos = true for waves"),
        ({"widow": 3}, "unknown key pairs.0.widow"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_place(tmp_path, change, problem):
    from ingest.alerts.matching import load_matches

    pairs = {"neutrinos": ["ours"], "partners": ["waves"], "window": [0, 1]} | change
    lines = io.StringIO()
    lines.write(
        '[[streams]]\nname = "ours"\nstreams = ["km3net"]\nneutrinos = true\nper_year = 1\n'
        'source = "s"\n[[streams]]\nname = "waves"\nstreams = ["w/*"]\nper_year = 1\nsource = "s"\n'
        "[[pairs]]\n"
    )
    for key, value in pairs.items():
        lines.write(f"{key} = {value!r}\n".replace("'", '"'))
    path = tmp_path / "matches.toml"
    path.write_text(lines.getvalue())
    with pytest.raises(ManifestError) as raised:
        load_matches(path)
    assert problem in str(raised.value)


def test_the_configuration_of_the_checkout_is_valid_and_its_streams_exist():
    from ingest.alerts.matching import load_matches
    from ingest.alerts.notices import load_profiles

    known = {profile.stream for profile in load_profiles()}
    for group in load_matches().streams:
        assert [name for name in known if group.has(name)], group.name
