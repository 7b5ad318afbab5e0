"""Temporal MOCs, compared with mocpy's."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st
from mocpy import TimeMOC

from tests.instances import ROOT

_CELL = 2**30
"""The length of a cell of order 31, in microseconds."""


@pytest.fixture(scope="module")
def timemoc():
    spec = importlib.util.spec_from_file_location("timemoc", ROOT / "rd/km3net/timemoc.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _time(microseconds) -> Time:
    days, rest = np.divmod(np.array(microseconds, np.int64), 86_400_000_000)
    return Time(days.astype(float), rest / 86_400e6, format="jd", scale="tcb")


@given(
    st.lists(
        st.tuples(st.integers(197_000_000, 197_010_000), st.integers(0, 3_000)),
        min_size=1,
        max_size=8,
    )
)
def test_intervals_are_those_of_mocpy(timemoc, cells) -> None:
    # from the middle of a cell to that of another, so that rounding does not matter
    starts = [start * _CELL + _CELL // 2 for start, _ in cells]
    stops = [start + length * _CELL for start, (_, length) in zip(starts, cells, strict=True)]
    theirs = TimeMOC.from_time_ranges(_time(starts), _time(stops), order=31)
    text = timemoc.ascii_moc(starts, stops)
    assert TimeMOC.from_string(text) == theirs
    assert TimeMOC.from_string(text).max_order == 31


def test_times_are_barycentric_coordinate_time(timemoc) -> None:
    # TT and TCB agreed at 1977-01-01T00:00:32.184 TT; since then TCB gained 1.55e-8
    (start,) = timemoc.microseconds(Time(["2020-01-01T00:00:00"], scale="tt"))
    gained = 1.550519768e-8 * (Time("2020-01-01", scale="tt").jd - 2443144.5003725) * 86_400e6
    assert start - 2458849.5 * 86_400e6 == pytest.approx(gained, abs=3_000)
    utc = Time(["2007-01-29T00:00:00", "2018-01-01T12:34:56.789"], scale="utc")
    assert np.abs((_time(timemoc.microseconds(utc)) - utc.tcb).to_value("us")).max() < 1


def test_many_intervals_make_a_coarser_moc_that_covers_them(timemoc) -> None:
    starts = [(197_000_000 + 3 * n) * _CELL + _CELL // 2 for n in range(20_000)]
    text = timemoc.ascii_moc(starts, starts)
    moc = TimeMOC.from_string(text)
    assert len(text) <= 10_000
    assert moc.max_order < 31
    assert moc.contains(_time(starts)).all()
