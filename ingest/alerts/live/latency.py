"""A plot of how long the steps of alerts took, from event to table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ingest.alerts.pipeline import Latency
from ingest.core import privileges
from ingest.core.errors import InputError

_INCHES_PER_STEP: Final = 0.26
_SHORTEST: Final = 1e-4
"""Time in s at the left edge; the clocks of two machines may differ by more."""


def plot_latency(found: Sequence[Latency], path: Path) -> None:
    """Write a plot: a line for each stream and step, from the median to the longest time.

    Parameters
    ----------
    found : sequence of Latency
        The percentiles.
    path : pathlib.Path
        The file; its name ends with .png, .pdf or .svg.

    Raises
    ------
    InputError
        If it ends otherwise, or cannot be written.
    """
    # imported here because matplotlib loads slowly
    from matplotlib import style
    from matplotlib.figure import Figure

    if path.suffix not in (".png", ".pdf", ".svg"):
        raise InputError(
            "the format of the plot is not known", file=path, expected=".png, .pdf or .svg"
        )
    with style.context("default"):
        figure = Figure(figsize=(9, 1.3 + _INCHES_PER_STEP * len(found)), layout="constrained")
        axes = figure.add_subplot()
        for place, one in enumerate(found):
            times = [max(_SHORTEST, each) for each in (one.p50, one.p90, one.p99, one.p100)]
            colour = f"C{one.step_no}"
            axes.plot([times[0], times[-1]], [place, place], color=colour, lw=1, zorder=1)
            for time, marker in zip(times, "o|||", strict=True):
                axes.plot(time, place, marker, color=colour, ms=5 if marker == "o" else 9)
        axes.set_yticks(
            range(len(found)),
            # a dollar sign would begin a formula
            [f"{one.stream}: {one.step} ({one.n_notices})".replace("$", r"\$") for one in found],
        )
        axes.set_ylim(len(found) - 0.5, -0.5)
        axes.set_xscale("log")
        axes.set_xlabel("time / s: median (dot), 90th and 99th percentile, longest")
        axes.grid(axis="x", alpha=0.3)
        try:
            with privileges.caller():
                figure.savefig(path)
        except OSError as error:
            raise InputError(f"the plot cannot be written ({error.strerror})", file=path) from None
