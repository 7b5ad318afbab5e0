"""Point sources and regions of the sky in ANTARES' sample of 8,754 events.

Prints the figures of docs/decisions/027-point-sources.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from km3vo.analysis import Acceptance, Polynomial, Region, Sample, search, search_region
from tests.bench.report import Line, timed

FOLDER = Path(__file__).resolve().parents[2] / "inputs" / "ant20_01"
REPEAT = 5


def lines(_: int) -> Iterator[Line]:
    """Yield the time of one source, of a list, and of a sky map."""
    sample = _sample()
    random = np.random.default_rng(1)
    ra = random.uniform(0, 360, 1000)
    dec = np.degrees(np.arcsin(random.uniform(-1, 0.79, 1000)))
    chance = random.exponential(size=12 * 4**8)
    chance /= chance.sum()
    moc = Region.from_moc_text("4/17-19 6/1000-1200")
    yield Line("one source", _time(search, sample, 98.24, 5.81), goal="≤ 20 ms")
    yield Line("1,000 sources", _time(search, sample, ra, dec), goal="≤ 1,000 ms")
    yield Line("1,000 sources, 10 deg", _time(search, sample, ra, dec, 10.0))
    yield Line("coverage map", _time(search_region, sample, moc))
    yield Line("sky map, 786,432 cells", _time(_map, sample, chance), goal="≤ 500 ms")
    yield Line("  its part with 90 %", _time(_map, sample, chance, 0.9))


def _map(sample: Sample, chance: Any, containment: float | None = None) -> None:
    search_region(sample, Region.from_map(chance), containment=containment)


def _time(function: Callable[..., Any], *arguments: Any) -> str:
    function(*arguments)
    best = min(timed(function, *arguments) for _ in range(REPEAT))
    return f"{best * 1000:,.0f} ms"


def _sample() -> Sample:
    dec, ra, _, beta, mjd = np.loadtxt(FOLDER / "PublicData_0717.dat", comments="#").T
    return Sample(
        "ant20_01",
        np.arange(len(dec)),
        ra,
        dec,
        beta,
        mjd,
        Polynomial.from_text((FOLDER / "background.txt").read_text()),
        Acceptance.from_text((FOLDER / "acceptance.txt").read_text()),
        0.4,
    )
