"""The responses of KM3NeT/ARCA230 as text, of the open data KM3NeT-ARCA-irf.

One line per bin: for each of two axes lower edge, centre and upper edge, then the value. The first
line says what it is:

* effective area (m2) in the logarithm of the neutrino energy and the cosine of the zenith angle,
  which is 1 for what comes from above. It is the average of neutrinos and antineutrinos, to be
  multiplied by the sum of both fluxes.
* energy response in the logarithms of the true and the reconstructed energy. Its rows are not
  normalised; the collaboration's own programs divide each by its sum, and so does this reader.
* background in the logarithm of the reconstructed energy and the sine of the declination: events
  per second in the bin, from the whole band of declination, averaged over the day. Divided by the
  width of the energy bin and the solid angle of the band, this is a rate per GeV and sr.

The example analysis of that repository states that its sensitivity is worse than the paper's
(arXiv:2402.08363), for its simpler method and selection; see docs/decisions/028-responses.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ingest.core.errors import InputError
from ingest.responses.model import Axis, Floats, Response
from ingest.responses.readers._checks import adjacent, check_values
from ingest.responses.readers._files import REDELIVER, number, read_lines

_COLUMNS: Final = 7
_TOLERANCE: Final = 1e-6
_DECIMALS: Final = 9
"""To which edges are rounded before they are compared: 0.15000000000000002 is 0.15."""


@dataclass(frozen=True)
class _Layout:
    kind: str
    axes: tuple[str, str]
    quantities: tuple[str, str]
    """The first words of the columns of the two axes."""
    value: str

    @property
    def header(self) -> str:
        """The first line of the file."""
        edges = (f"{q} {edge}" for q in self.quantities for edge in ("low", "center", "high"))
        return ",".join((*edges, self.value))


_TRUE, _RECO = "log10(nu_E [GeV])", "log10(reco_E [GeV])"
_LAYOUTS: Final = (
    _Layout("aeff", ("energy_true", "zenith"), (_TRUE, "cos(zen)"), "aeff [m^2]"),
    _Layout("edisp", ("energy_true", "energy_reco"), (_TRUE, _RECO), "dP/dlog10(nu_E [GeV])"),
    _Layout("bkgrate", ("energy_reco", "dec"), (_RECO, "sin(dec)"), "rate [s^-1]"),
)


def read_arca230_csv(path: Path) -> Response:
    """Read a response of ARCA230.

    Raises
    ------
    ingest.core.errors.InputError
        If the first line is not known, or the lines are not a complete grid of adjacent bins.
    """
    lines = read_lines(path)
    header = ",".join(word.strip() for word in lines[0].split(","))
    layout = next((one for one in _LAYOUTS if one.header == header), None)
    if layout is None:
        raise InputError(
            "the first line is not that of a response of ARCA230",
            file=path,
            where="line 1",
            value=lines[0][:300],
            expected=" or ".join(one.header for one in _LAYOUTS),
            remedy="give the file's actual format, or fetch the file again",
        )
    rows = np.array([_numbers(line, path, place) for place, line in enumerate(lines[1:], 2)])
    if not rows.size:
        raise InputError(
            "the file has no bins", file=path, expected="a line for each bin", remedy=REDELIVER
        )
    first = _positions(rows, 0, layout.quantities[0], path)
    second = _positions(rows, 3, layout.quantities[1], path)
    values = _grid(rows[:, 6], first, second, path)
    check_values(values, path, lambda at: _line(at, first, second))
    return _CONVERSIONS[layout.kind](layout, (first, second), values, path)


@dataclass(frozen=True)
class _Bins:
    """The bins of one axis as the file has them, and the bin of each line."""

    quantity: str
    lo: Floats
    hi: Floats
    of_line: np.ndarray[tuple[int], np.dtype[np.intp]]

    def place(self, index: int) -> str:
        """Return where the bin is first used."""
        return f"line {int(np.argmax(self.of_line == index)) + 2} column {self.quantity}"


def _numbers(line: str, path: Path, place: int) -> list[float]:
    words = line.split(",")
    if len(words) != _COLUMNS:
        raise InputError(
            "wrong number of columns",
            file=path,
            where=f"line {place}",
            value=line[:200],
            expected=f"{_COLUMNS} numbers, separated by commas",
            remedy=REDELIVER,
        )
    return [number(word, path, f"line {place} column {i}") for i, word in enumerate(words, 1)]


def _positions(rows: Floats, column: int, quantity: str, path: Path) -> _Bins:
    """Return the bins of the axis whose lower edge, centre and upper edge start at `column`."""
    lo, centre, hi = np.round(rows[:, column : column + 3].T, _DECIMALS)
    centred = (lo < centre) & (centre < hi)
    starts, of_line = np.unique(lo, return_inverse=True)
    ends = np.zeros_like(starts)
    ends[of_line] = hi
    good = centred & (np.abs(ends[of_line] - hi) < _TOLERANCE)
    if not good.all():
        line = int(np.argmin(good))
        raise InputError(
            "the edges of the bin contradict each other or another line",
            file=path,
            where=f"line {line + 2} columns of {quantity}",
            value=f"{lo[line]:.9g}, {centre[line]:.9g}, {hi[line]:.9g}",
            expected="low < center < high, and the same bins in all lines",
            remedy=REDELIVER,
        )
    return _Bins(quantity, starts, ends, of_line)


def _grid(column: Floats, first: _Bins, second: _Bins, path: Path) -> Floats:
    """Return the values in two dimensions; each bin has to have exactly one."""
    shape = (len(first.lo), len(second.lo))
    expected = f"one line for each of {shape[0]} × {shape[1]} bins"
    if len(column) != shape[0] * shape[1]:
        raise InputError(
            "the bins are not a complete grid",
            file=path,
            value=f"{len(column)} lines",
            expected=expected,
            remedy=REDELIVER,
        )
    count = np.zeros(shape, np.int64)
    np.add.at(count, (first.of_line, second.of_line), 1)
    if (count != 1).any():
        i, j = np.argwhere(count != 1)[0]
        raise InputError(
            "the bins are not a complete grid",
            file=path,
            value=f"{count[i, j]} lines with {first.quantity} from {first.lo[i]:.9g} and"
            f" {second.quantity} from {second.lo[j]:.9g}",
            expected=expected,
            remedy=REDELIVER,
        )
    values = np.empty(shape)
    values[first.of_line, second.of_line] = column
    return values


def _line(at: tuple[int, ...], first: _Bins, second: _Bins) -> str:
    here = (first.of_line == at[0]) & (second.of_line == at[1])
    return f"line {int(np.argmax(here)) + 2} column {_COLUMNS}"


def _energies(name: str, bins: _Bins, path: Path) -> Axis:
    largest = 38.0  # of single precision
    lo, hi = np.clip(bins.lo, -largest, largest), np.clip(bins.hi, -largest, largest)
    return adjacent(name, 10.0**lo, 10.0**hi, path, bins.place)


def _unit_interval(bins: _Bins, path: Path) -> tuple[Floats, Floats]:
    """Return the edges of an axis in a sine or cosine."""
    good = (bins.lo >= -1) & (bins.hi <= 1)
    if not good.all():
        index = int(np.argmin(good))
        raise InputError(
            f"the bin of {bins.quantity} is out of range",
            file=path,
            where=bins.place(index),
            value=f"{bins.lo[index]:.9g} to {bins.hi[index]:.9g}",
            expected="from -1 to 1",
            remedy=REDELIVER,
        )
    return bins.lo, bins.hi


def _area(layout: _Layout, bins: tuple[_Bins, _Bins], values: Floats, path: Path) -> Response:
    energy = _energies("energy_true", bins[0], path)
    lo, hi = (np.degrees(np.arccos(edge)) for edge in _unit_interval(bins[1], path))
    # the zenith angle decreases with its cosine
    last = len(lo) - 1
    zenith = adjacent("zenith", hi[::-1], lo[::-1], path, lambda i: bins[1].place(last - i))
    return Response("aeff", "aeff", (energy, zenith), np.ascontiguousarray(values[:, ::-1]))


def _response(layout: _Layout, bins: tuple[_Bins, _Bins], values: Floats, path: Path) -> Response:
    axes = tuple(_energies(name, one, path) for name, one in zip(layout.axes, bins, strict=True))
    total = values.sum(axis=1, keepdims=True)
    probability = np.divide(values, total, out=np.zeros_like(values), where=total > 0)
    note = (
        "The sums of the delivered distributions of the reconstructed energy differ; each is"
        " divided by its sum"
    )
    return Response("edisp", "edisp", axes, probability, {"notes": (note,)})


def _background(layout: _Layout, bins: tuple[_Bins, _Bins], values: Floats, path: Path) -> Response:
    energy = _energies("energy_reco", bins[0], path)
    sin_lo, sin_hi = _unit_interval(bins[1], path)
    dec = adjacent(
        "dec", np.degrees(np.arcsin(sin_lo)), np.degrees(np.arcsin(sin_hi)), path, bins[1].place
    )
    solid_angle = 2 * np.pi * (sin_hi - sin_lo)
    width = 10.0 ** bins[0].hi - 10.0 ** bins[0].lo
    note = (
        "The delivered events per second in each bin are divided by the width of the energy bin"
        " and the solid angle of the band of declination"
    )
    rate = values / (width[:, np.newaxis] * solid_angle)
    return Response("bkgrate", "bkgrate", (energy, dec), rate, {"notes": (note,)})


_CONVERSIONS: Final[dict[str, Callable[[_Layout, tuple[_Bins, _Bins], Floats, Path], Response]]] = {
    "aeff": _area,
    "edisp": _response,
    "bkgrate": _background,
}
