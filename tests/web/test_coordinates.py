"""Positions and times as visitors write them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from astropy.coordinates import SkyCoord
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

_PATH = Path(__file__).parents[2] / "site" / "dachs" / "pages" / "coordinates.py"


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("coordinates", _PATH)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


coordinates = _load()


@pytest.mark.parametrize("text", ["77.3582 +5.6931", "77.3582, 5.6931", " 77.3582°,5.6931° "])
def test_degrees(text: str) -> None:
    assert coordinates.position(text) == (77.3582, 5.6931)


@pytest.mark.parametrize(
    "text", ["05 09 25.96 +05 41 35.3", "05:09:25.96 -00:41:35.3", "5h09m25.96s +05d41m35.3s"]
)
def test_hours_and_degrees_mean_what_astropy_reads(text: str) -> None:
    expected = SkyCoord(text, unit=("hourangle", "deg"))
    ra, dec = coordinates.position(text)
    assert ra == pytest.approx(expected.ra.deg, abs=1e-9)
    assert dec == pytest.approx(expected.dec.deg, abs=1e-9)


@pytest.mark.parametrize("text", ["TXS 0506+056", "KM3-230213A", "M 31", "", "NGC 1068"])
def test_names_are_no_positions(text: str) -> None:
    assert coordinates.position(text) is None


@pytest.mark.parametrize("text", ["361 0", "10 91", "-1 5", "05 61 00 +10 00 00"])
def test_positions_that_do_not_exist(text: str) -> None:
    with pytest.raises(ValueError, match=r"degrees|less than 60"):
        coordinates.position(text)


@pytest.mark.parametrize(
    "text", ["2017-08-17", "2017-08-17 12:41", "2017-08-17T12:41:04.4Z", "1899-12-31 23:59:59 UTC"]
)
def test_dates_are_the_days_of_astropy(text: str) -> None:
    expected = Time(text.replace("Z", "").replace(" UTC", ""), scale="utc").mjd
    assert coordinates.mjd(text) == pytest.approx(expected, abs=1e-9)


def test_the_end_of_a_day_is_the_beginning_of_the_next() -> None:
    assert coordinates.mjd("2017-08-17", is_end=True) == coordinates.mjd("2017-08-18")
    assert coordinates.mjd("57982.5", is_end=True) == 57982.5


def test_the_last_moments_of_the_calendar_are_times() -> None:
    end = Time("9999-12-31T00:00:00", scale="utc").mjd + 1
    assert coordinates.mjd("9999-12-31", is_end=True) == end
    assert coordinates.mjd("9999-12-31 23:59:60.9") == pytest.approx(end, abs=2e-5)


@pytest.mark.parametrize("text", ["yesterday", "2017-02-30", "17.8.2017", "nan", "1e99", "١٢٣"])
def test_what_is_no_time_is_explained(text: str) -> None:
    with pytest.raises(ValueError, match="2017-08-17"):
        coordinates.mjd(text)


@given(st.text())
def test_any_text_is_a_position_or_a_name_or_explained(text: str) -> None:
    for read in (coordinates.position, coordinates.mjd):
        try:
            read(text)
        except ValueError as problem:
            assert str(problem)
