"""Addresses of alerts, what changed between notices, and what became of an alert, in words."""

from __future__ import annotations

import importlib
import math
import sys
import urllib.parse
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st

_DACHS = Path(__file__).parents[2] / "site" / "dachs"
_RESERVED = {"nu", "show", "feed.atom", "live", "about"}


def _load(name: str, package: str = "pages.alerts") -> Any:
    sys.path.insert(0, str(_DACHS))
    try:
        return importlib.import_module(f"{package}.{name}")
    finally:
        sys.path.remove(str(_DACHS))


addresses, changes, status, words = map(_load, ("addresses", "changes", "status", "words"))
ra = st.floats(0, 360)
dec = st.floats(-90, 90)


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
    | st.from_regex(r"[\w.+-]{1,9}(/[\w.+-]{1,9}){1,3}", fullmatch=True)
    | st.builds("{}/{}".format, st.sampled_from(sorted(_RESERVED)), st.from_regex(r"\w{1,5}"))
)
def test_each_identifier_has_an_address_that_leads_back_to_it(alert_id: str) -> None:
    address = addresses.address_of(alert_id)
    parts = urllib.parse.urlsplit(address)
    # what a browser makes of it: it resolves dots and drops tabs
    resolved = urllib.parse.urlsplit(urllib.parse.urljoin("http://localhost/", address))
    assert (resolved.path, resolved.query) == (parts.path, parts.query)
    assert not parts.fragment
    path = urllib.parse.unquote(parts.path).strip("/").removeprefix("alerts/")
    if parts.query:
        assert path == "show"
        assert urllib.parse.parse_qs(parts.query) == {"id": [alert_id]}
    else:
        assert path == alert_id
        assert path.split("/")[0] not in _RESERVED


def _notice(**values: Any) -> dict[str, Any]:
    names = (
        "ra dec pos_err pos_err_cl sky_map sky_map_url event_mjd far energy signalness p_value"
        " n_events topology notice_mjd"
    )
    plain = dict.fromkeys(names.split())
    return plain | {"notice_type": "update"} | values


def test_what_changed_is_said_in_words() -> None:
    before = _notice(ra=94.3, dec=-7.8, pos_err=2.2, pos_err_cl=0.9, far=1e-7, event_mjd=60000.0)
    after = _notice(ra=94.3, dec=-7.5, pos_err=1.1, pos_err_cl=0.9, far=1e-8, event_mjd=60000.0)
    assert changes.changes(before, after) == [
        "position moved by 0.3°",
        "error radius 2.2° → 1.1°",
        "false-alarm rate 10 times smaller",
    ]
    assert changes.changes(after, before)[-1] == "false-alarm rate 10 times larger"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {"ra": 1.0, "dec": 2.0}, ["position added"]),
        ({"ra": 1.0, "dec": 2.0}, {}, ["position no longer given"]),
        ({"ra": 359.9999999, "dec": 0.0}, {"ra": 0.0, "dec": 0.0}, []),
        ({"pos_err": 1.0, "pos_err_cl": 0.5}, {"pos_err": 1.0, "pos_err_cl": 0.9},
         ["containment of the error radius 50 % → 90 %"]),
        ({"sky_map_url": "https://a"}, {"sky_map_url": "https://b"}, ["sky map replaced"]),
        ({}, {"sky_map_url": "https://b"}, ["sky map added"]),
        ({"event_mjd": 60000.0}, {"event_mjd": 60000.0 + 2 / 86400},
         ["time of the event changed by +2.000 s"]),
        ({"far": None}, {"far": 1 / 31557600}, ["false-alarm rate not given → 1 per year"]),
        ({"far": 1 / 31557600}, {"far": 1e-3 / 31557600},
         ["false-alarm rate 1 per year → 1 per 1,000 years"]),
        ({"topology": "track"}, {"topology": "shower"}, ["topology track → shower"]),
        ({"n_events": 1}, {"n_events": 2}, ["number of detector events 1 → 2"]),
        ({"far": 1.0}, {"notice_type": "retraction"}, ["retracted"]),
        ({"notice_type": "retraction"}, {"far": 1.0}, ["valid again, after the retraction"]),
    ],
)  # fmt: skip
def test_each_change_has_its_words(
    before: dict[str, Any], after: dict[str, Any], expected: list[str]
) -> None:
    assert changes.changes(_notice(**before), _notice(**after)) == expected


@given(st.none() | ra, st.none() | dec, st.none() | st.floats(1e-30, 1e3), st.none() | st.floats())
def test_a_notice_does_not_differ_from_itself(
    ra: float | None, dec: float | None, far: float | None, error: float | None
) -> None:
    notice = _notice(ra=ra, dec=dec, far=far, pos_err=error)
    assert changes.changes(notice, notice) == []


@given(ra, dec, ra, dec)
def test_separations_are_those_of_astropy(
    ra_1: float, dec_1: float, ra_2: float, dec_2: float
) -> None:
    expected = SkyCoord(ra_1, dec_1, unit="deg").separation(SkyCoord(ra_2, dec_2, unit="deg")).deg
    found = changes.separation((ra_1, dec_1), (ra_2, dec_2))
    assert found == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize(
    ("hertz", "expected"),
    [
        (9.85e-9, "1 per 3.2 years"),
        (3.9e-7, "1 per 30 days"),
        (1 / 31557600, "1 per year"),
        (1e-4, "1 per 2.8 hours"),
        (3.0, "3 per second"),
        (0.0, "0"),
        (None, "not given"),
        (math.nan, "not given"),
    ],
)
def test_rates_are_said_as_people_say_them(hertz: float | None, expected: str) -> None:
    assert words.rate(hertz) == expected


@given(st.floats(min_value=1e-300, max_value=1e300))
def test_any_rate_can_be_said(hertz: float) -> None:
    text = words.rate(hertz)
    assert text.startswith("1 per ") or text.endswith(" per second")


@given(ra, dec)
def test_sexagesimal_positions_are_those_of_astropy(ra: float, dec: float) -> None:
    text = words.sexagesimal(ra, dec)
    east, north = text.translate(str.maketrans("−″′°", "-smd")).split(", ")
    parsed = SkyCoord(east, north)
    # half a unit of the last digit: 0.1 s, which is 1.5 arcsec, and 1 arcsec
    assert parsed.separation(SkyCoord(ra, dec, unit="deg")) < 1 * u.arcsec


@pytest.mark.parametrize(
    ("degrees", "expected"),
    [(2.2, "2.2°"), (0.05, "3′"), (0.0009, "3.2″"), (12.9, "13°"), (0, "0°"), (None, "–")],
)
def test_angles_have_a_readable_unit(degrees: float | None, expected: str) -> None:
    assert words.angle(degrees) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(0.35, "35 %"), (0.04, "1 in 25"), (0.0, "practically 0"), (None, "–")]
)
def test_chances_are_said_in_words(value: float | None, expected: str) -> None:
    assert words.chance(value) == expected


def _history(*types: str) -> list[dict[str, Any]]:
    return [_notice(notice_type=one, notice_mjd=float(i)) for i, one in enumerate(types)]


@pytest.mark.parametrize(
    ("types", "label", "withdrawn", "revived"),
    [
        (["initial"], "Valid", [], []),
        (["initial", "update"], "Valid", [], []),
        (["retraction"], "Retracted", [1], []),
        (["initial", "retraction", "retraction"], "Retracted", [2], []),
        (["initial", "retraction", "update"], "Valid again", [2], [3]),
        (["initial", "retraction", "update", "retraction"], "Retracted", [2, 4], [3]),
    ],
)
def test_the_state_of_an_alert_is_that_of_its_newest_notice(
    types: list[str], label: str, withdrawn: list[int], revived: list[int]
) -> None:
    history = _history(*types)
    assert status.state(history).label == label
    assert [one.place for one in status.retractions(history)] == withdrawn
    assert [one.place for one in status.revivals(history)] == revived
    assert status.with_values(history)["notice_type"] != "retraction" or set(types) == {
        "retraction"
    }


def test_answers_are_kept_for_their_time_and_no_more_than_allowed() -> None:
    moment = [0.0]
    keeper = _load("keeping", "pages").Keeper(most=2, most_bytes=100, now=lambda: moment[0])

    def keep(key: str, size: int = 1) -> None:
        keeper.keep(key, SimpleNamespace(size=size, name=key), moment[0] + 10)

    def known() -> str:
        return "".join(key for key in "abcd" if keeper.get(key))

    keep("a")
    keep("b")
    assert known() == "ab" and keeper.get("a").name == "a"
    keep("c")
    assert known() == "ac", "the one that was not used for longest goes"
    keep("d", size=11)
    assert known() == "ac", "one that is too large is not kept"
    keep("c", size=10)
    assert keeper.bytes == 11
    moment[0] = 10.0
    assert known() == ""


def test_what_is_kept_does_not_depend_on_invented_parameters() -> None:
    keeping = _load("keeping", "pages")

    def key(is_member: bool = False, **parameters: list[str]) -> object:
        visit = SimpleNamespace(path="alerts", parameters=parameters, is_member=is_member)
        return keeping.key_of(visit, ("name", "near"))

    assert key(name=["a"], near=["b"]) == key(near=["b"], name=["a"])
    assert len({key(), key(name=["a"]), key(name=["b"]), key(name=["a", "b"])}) == 4
    assert key(is_member=True) is None
    assert key(other=["a"]) is None
    assert key(name=["a" * 1000]) is None


def test_each_key_has_a_lock_of_its_own() -> None:
    locks = _load("keeping", "pages").Locks()
    with locks.of("a"):
        assert locks.of("a").locked()
        assert not locks.of("b").locked()
    assert not locks.of("a").locked()
