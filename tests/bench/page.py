"""docs/performance.md and its plots, made from the figures of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import jinja2

from tests.bench.cost import Curve, held_out
from tests.bench.figures import COMMITTED, Figures, Point
from tests.bench.steps import ANSWERS, PER_FILE, QUERIES, STEPS, Step

PAGE: Final = COMMITTED.parents[1] / "performance.md"
TEMPLATE: Final = Path(__file__).with_name("performance.md.j2")
PREDICTED: Final = (10**8, 10**9)
_FEWEST: Final = 3
"""Points of a curve; with two any straight line would fit."""
_TIMES: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms"))
_SIZES: Final = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_DIGITS: Final = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Fit(NamedTuple):
    """The curve of a step with what it is fitted to."""

    step: Step
    points: Sequence[Point]
    curve: Curve | None
    held_out: float | None
    memory: Curve | None
    disk: Curve | None

    @classmethod
    def of(cls, name: str, step: Step, figures: Figures) -> Fit:
        """Fit the curves of time, memory and disk, as far as there are enough points."""
        points = figures.of(name)
        n, seconds = [one.n for one in points], [one.seconds for one in points]
        # small samples do not fill the buffers of a process, so the largest two show what grows
        memory = [(one.n, one.memory) for one in points if one.memory][-2:]
        disk = [(one.n, float(one.disk)) for one in points if one.disk]
        straight = [
            Curve.fitted(*zip(*known, strict=True)) if len(known) > 1 else None
            for known in (memory, disk)
        ]
        enough = len(points) >= _FEWEST
        curve = Curve.fitted(n, seconds, step.sorts) if enough else None
        return cls(step, points, curve, held_out(n, seconds, step.sorts), *straight)

    def residuals(self) -> list[float]:
        """Return (measured − fitted) / fitted of the times."""
        assert self.curve is not None
        return self.curve.residuals(
            [one.n for one in self.points], [one.seconds for one in self.points]
        )


def write_page(path: Path) -> None:
    """Write the page and its plots from a file of figures."""
    from tests.bench.plots import write_plots

    figures = Figures.read(path)
    PAGE.write_text(rendered(figures))
    write_plots(fits(STEPS, figures), fits(QUERIES, figures), path.parent)


def rendered(figures: Figures) -> str:
    """Return the page as Markdown."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    environment.filters |= {
        "time": duration, "bytes": size, "power": power, "percent": percent, "cell": cell,
    }  # fmt: skip
    queries = fits(QUERIES, figures)
    values: dict[str, Any] = {
        "figures": figures,
        "steps": fits(STEPS, figures),
        "queries": [one for one in queries if one.step.of == "events"],
        "other_queries": [one for one in queries if one.step.of != "events"],
        "predicted": PREDICTED,
        "answers": ANSWERS,
        "per_file": PER_FILE,
    }
    return environment.from_string(TEMPLATE.read_text()).render(**values)


def fits(steps: dict[str, Step], figures: Figures) -> list[Fit]:
    """Return the fits of those steps that were measured."""
    found = [Fit.of(name, step, figures) for name, step in steps.items()]
    return [one for one in found if one.points]


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it, with three digits."""
    return _in_units(seconds, _TIMES)


def size(number: float) -> str:
    """Return bytes in the unit that suits them."""
    return _in_units(number, _SIZES)


def power(n: int) -> str:
    """Return 10⁷ for 10,000,000, and other numbers with commas."""
    text = str(n)
    return f"10{str(len(text) - 1).translate(_DIGITS)}" if text.rstrip("0") == "1" else f"{n:,}"


def percent(share: float) -> str:
    """Return a share with its sign."""
    return f"{share:+.0%}".replace("-", "−")


def cell(text: str) -> str:
    """Return a text that does not end the cell of a table."""
    return text.replace("|", "\\|")


def _in_units(number: float, units: Sequence[tuple[float, str]]) -> str:
    factor, unit = next(((f, u) for f, u in units if number >= f), units[-1])
    value = number / factor
    digits = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:,.{digits}f} {unit}"
