"""The plots of docs/performance.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from tests.bench.page import PREDICTED, Fit


def write_plots(steps: Sequence[Fit], queries: Sequence[Fit], folder: Path) -> None:
    """Write ``steps.svg`` and ``queries.svg``; the same figures give the same bytes."""
    with mpl.rc_context({"svg.hashsalt": "km3net-vo", "svg.fonttype": "none"}):
        _write(steps, "time (s)", folder / "steps.svg", PREDICTED[-1])
        _write(queries, "time until the answer is complete (s)", folder / "queries.svg")


def _write(fits: Sequence[Fit], axis: str, path: Path, until: int | None = None) -> None:
    """Draw the points, and their curves as far as `until`, dashed where nothing is measured."""
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots()
    for number, fit in enumerate(fits):
        n = np.array([one.n for one in fit.points])
        colour, label = f"C{number}", f"{fit.step.title} ({fit.step.of})"
        axes.plot(n, [one.seconds for one in fit.points], "o", color=colour, label=label)
        if fit.curve is not None:
            for low, high, style in ((n[0], n[-1], "-"), (n[-1], until or n[-1], ":")):
                grid = np.geomspace(low, high, 50)
                axes.plot(grid, [fit.curve.at(one) for one in grid], style, color=colour)
    axes.set(xscale="log", yscale="log", xlabel="number of rows", ylabel=axis)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2, fontsize="small")
    figure.savefig(path, metadata={"Date": None})
