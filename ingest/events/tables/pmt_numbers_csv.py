"""Distributions of the number of triggered photomultipliers for muons of some energies.

The data of Figure 2 of the publication of KM3-230213A: normalised histograms of equal bins, one
after the other. The file labels all of them the same, although they are of two kinds: those of
the first kind, which come first, are wider than the others of the same energy. The table numbers
the kinds and does not interpret them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from ingest.core.errors import InputError
from ingest.core.fitstable import FitsColumn
from ingest.events.tables._files import csv_records, number_in
from ingest.events.tables.base import REDELIVER, Field, Table, table_of

_HEADER: Final = ("E", "syst", "bin_center", "hist_val")
_FIELDS: Final = (
    Field("series", FitsColumn("series", "i2"), 1, 99),
    Field("energy", FitsColumn("energy", "f8", "PeV"), 1e-9, 1e9),
    Field("low", FitsColumn("n_pmts_lo", "f8"), 0, 1e6),
    Field("high", FitsColumn("n_pmts_hi", "f8"), 0, 1e6),
    Field("density", FitsColumn("density", "f8"), 0, 1e6),
)
_TOLERANCE: Final = 1e-6


def pmt_numbers(path: Path, _bins: Path | None = None) -> Table:
    """Return the histograms with the edges of their bins.

    Raises
    ------
    ingest.core.errors.InputError
        If the file is damaged, a value cannot be right, the bins of a histogram are not equal, or
        it is not normalised.
    """
    lines = [
        (where, [number_in(path, where, name, cells[name]) for name in _HEADER if name != "syst"])
        for where, cells in csv_records(path, _HEADER)
    ]
    # a histogram ends where the number of photomultipliers no longer increases
    starts = [
        index
        for index, (_, (_, centre, _)) in enumerate(lines)
        if index == 0 or centre <= lines[index - 1][1][1]
    ]
    records: list[tuple[str, dict[str, object]]] = []
    seen: dict[float, int] = {}
    for start, stop in zip(starts, [*starts[1:], len(lines)], strict=True):
        energy = lines[start][1][0]
        seen[energy] = seen.get(energy, 0) + 1
        records += _histogram(path, lines[start:stop], seen[energy])
    return table_of(path, _FIELDS, records)


PARTS: Final = {"pmt-numbers": pmt_numbers}


def _histogram(
    path: Path, lines: list[tuple[str, list[float]]], series: int
) -> list[tuple[str, dict[str, object]]]:
    where = f"{lines[0][0].replace('line', 'lines')} to {lines[-1][0].removeprefix('line ')}"
    energies, centres, densities = np.array([values for _, values in lines]).T
    widths = np.diff(centres)
    width = widths.mean() if len(widths) else np.nan
    total = densities.sum() * width
    if not (abs(widths - width) < _TOLERANCE * width).all() or len(set(energies)) != 1:
        raise InputError(
            "the bins of the histogram are not equal",
            file=path,
            where=where,
            value=f"widths from {widths.min(initial=np.inf):g} to {widths.max(initial=0):g}",
            expected="bins of the same width and energy",
            remedy=REDELIVER,
        )
    if not abs(total - 1) < _TOLERANCE:
        raise InputError(
            "the histogram is not normalised",
            file=path,
            where=where,
            value=f"integral {total:.9g}",
            expected="1",
            remedy=REDELIVER,
        )
    edges = np.round(np.append(centres - width / 2, centres[-1] + width / 2), 6)
    return [
        (
            place,
            {
                "series": series,
                "energy": float(energies[0]),
                "low": float(edges[index]),
                "high": float(edges[index + 1]),
                "density": float(densities[index]),
            },
        )
        for index, (place, _) in enumerate(lines)
    ]
