"""Cost curves, and the page about them."""

import importlib
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bench import __main__
from tests.bench.__main__ import COMPARISONS, CURVES, ON_REQUEST
from tests.bench.cost import Curve, held_out
from tests.bench.figures import COMMITTED, Figures, Point
from tests.bench.page import PAGE, duration, percent, power, rendered, size

SIZES = [10**4, 10**5, 10**6, 10**7]
costs = st.floats(1e-9, 1e-4) | st.just(0.0)


@settings(deadline=None)
@given(st.floats(0.01, 10), costs, costs)
def test_a_curve_finds_the_costs_that_made_its_points(start, per_row, per_comparison):
    times = [start + n * per_row + n * math.log2(n) * per_comparison for n in SIZES]
    curve = Curve.fitted(SIZES, times, sorts=True)
    assert [curve.at(n) for n in SIZES] == pytest.approx(times, rel=1e-5)
    if not per_comparison:
        straight = Curve.fitted(SIZES, times)
        assert straight.at(10**9) == pytest.approx(start + 10**9 * per_row, rel=1e-5)
        assert held_out(SIZES, times) == pytest.approx(0, abs=1e-5)


@settings(deadline=None)
@given(st.lists(st.floats(1e-3, 1e4), min_size=4, max_size=4), st.booleans())
def test_no_step_is_faster_with_more_rows(times, sorts):
    curve = Curve.fitted(SIZES, times, sorts)
    assert min(curve.start, curve.per_row, curve.per_comparison) >= 0
    assert curve.at(10**9) >= curve.at(10**8) >= 0


def test_what_was_not_fitted_shows_how_good_predictions_are():
    times = [1 + n * 1e-5 for n in SIZES]
    times[-1] *= 1.5
    assert held_out(SIZES, times) == pytest.approx(0.5, rel=1e-6)
    assert held_out(SIZES[:2], times[:2]) is None


def test_numbers_are_short():
    assert [duration(one) for one in (0.0123, 5.678, 42.42, 700, 7200, 200_000)] == [
        "12.3 ms", "5.68 s", "42.4 s", "11.7 min", "2.00 h", "2.31 d",
    ]  # fmt: skip
    assert [size(one) for one in (1500, 2.5e9)] == ["1.50 kB", "2.50 GB"]
    assert [power(one) for one in (10**7, 10**10, 20_000)] == ["10⁷", "10¹⁰", "20,000"]
    assert percent(-0.031) == "−3%"


def test_figures_survive_a_file(tmp_path):
    figures = Figures(points=[Point("convert", 10, 1.5, 100.0, 1000)])
    figures.add(Point("convert", 10, 2.5))
    figures.add(Point("convert", 5, 1.0))
    figures.write(tmp_path / "figures.json")
    again = Figures.read(tmp_path / "figures.json")
    assert again == figures
    assert [one.seconds for one in again.of("convert")] == [1.0, 2.5]


def test_two_runs_at_once_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(__main__, "LATEST", tmp_path / "build" / "bench.json")
    monkeypatch.setattr("sys.argv", ["bench", "sky"])
    with __main__._alone(), pytest.raises(SystemExit, match="another bench runs"):
        __main__.main()


def test_the_page_is_that_of_the_committed_figures():
    assert PAGE.read_text() == rendered(Figures.read(COMMITTED)), (
        "docs/performance.md is made from docs/performance/figures.json:"
        " python -m tests.bench report"
    )
    for name in ("steps", "queries"):
        assert (COMMITTED.parent / f"{name}.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("name", "function"),
    [(f"curve_{name}", "points") for name in CURVES]
    + [(f"bench_{name}", "lines") for name in (*COMPARISONS, *ON_REQUEST)],
)
def test_each_bench_can_be_run(name, function):
    bench = importlib.import_module(f"tests.bench.{name}")
    assert callable(getattr(bench, function))
