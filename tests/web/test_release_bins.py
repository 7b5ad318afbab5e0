"""Bins of the distributions of releases: each value is in one of them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

_PATH = Path(__file__).parents[2] / "site" / "dachs" / "pages" / "release" / "bins.py"


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release_bins", _PATH)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


bins = _load()
VALUES = st.floats(-1e12, 1e12).filter(lambda value: value == 0 or abs(value) > 1e-6)


def check(edges: list[float], low: float, high: float, most: int) -> None:
    assert edges[0] <= low
    assert edges[-1] > high
    assert np.all(np.diff(edges) > 0)
    assert len(edges) - 1 <= most + 2


@given(VALUES, st.floats(1e-4, 1e9))
def test_linear_bins_contain_all_values(low: float, width: float) -> None:
    high = low + width
    if (high - low) > 1e-6 * max(abs(low), abs(high)):
        check(bins.linear(low, high), low, high, 40)


@given(st.integers(-1000, 100_000), st.integers(1, 100_000))
def test_whole_numbers_are_never_at_an_edge(low: int, width: int) -> None:
    edges = bins.linear(low, low + width, step=1.0)
    check(edges, low, low + width, 40)
    assert np.all(np.mod(edges, 1) == 0.5)


def test_values_of_one_decimal_place_have_a_bin_each() -> None:
    assert bins.linear(0.1, 1.0, step=0.1) == pytest.approx(np.arange(0.05, 1.1, 0.1))


@given(st.floats(1e-6, 1e12), st.floats(1.5, 1e9))
def test_logarithmic_bins_contain_all_values(low: float, ratio: float) -> None:
    edges = bins.logarithmic(low, low * ratio)
    check(edges, low, low * ratio, 45)
    assert edges[0] > 0


@given(st.integers(1, 10**6), st.integers(1, 10**9))
def test_logarithmic_bins_of_whole_numbers(low: int, width: int) -> None:
    edges = bins.logarithmic(low, low + width, whole=True)
    check(edges, low, low + width, 45)
    assert edges[0] > 0
    assert np.all(np.mod(edges, 1) == 0.5)


@given(st.floats(40_000, 70_000), st.floats(1e-4, 20_000))
def test_bins_of_times_begin_at_round_times(start: float, width: float) -> None:
    edges = bins.times(start, start + width)
    check(edges, start, start + width, 60)
    if width > 44:
        assert all(float(edge).is_integer() for edge in edges)
