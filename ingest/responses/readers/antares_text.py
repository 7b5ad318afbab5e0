"""The two text files of the ANTARES point-source sample 2007–2017: acceptance and background.

They are those of the ANTARES open data that MMODA's service for limits reads (PoS(ICRC2019)920):

* ``acceptance.txt``: a line for each of 16 spectral indices, 1.5 to 3.0 in steps of 0.1, with the
  acceptance in 20 equal bins of the sine of the declination, from -1 to 1. The number of events
  expected in the whole sample from a source with the flux ``f (E/GeV)^-index``, f in
  GeV-1 cm-2 s-1 and for one flavour, is f times the acceptance.
* ``background.txt``: the coefficients of a polynomial in the declination in deg, low order first:
  the number of events of the sample below that declination.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from ingest.core.errors import InputError
from ingest.responses.model import Axis, Response
from ingest.responses.readers._checks import adjacent, check_values, single
from ingest.responses.readers._files import REDELIVER, REFETCH, number, read_lines

INDICES: Final = np.round(np.arange(16) * 0.1 + 1.5, 1)
SIN_DEC_EDGES: Final = np.round(np.linspace(-1, 1, 21), 1)
_MOST_COEFFICIENTS: Final = 32
_FILE_UNIT: Final = 1e8
"""GeV cm2 s in the unit of the acceptance's file, see :mod:`km3vo.analysis.acceptance`."""


def read_acceptance(path: Path) -> Response:
    """Read ``acceptance.txt``.

    Raises
    ------
    ingest.core.errors.InputError
        If it is not a table of 16 lines with 20 numbers that are not negative.
    """
    lines = read_lines(path)
    if len(lines) != len(INDICES):
        raise InputError(
            "wrong number of lines",
            file=path,
            value=len(lines),
            expected=f"{len(INDICES)} lines, one for each spectral index from 1.5 to 3.0",
            remedy=REFETCH,
        )
    bins = len(SIN_DEC_EDGES) - 1
    values = np.array([_numbers(line, path, row, bins) for row, line in enumerate(lines)])
    check_values(values, path, lambda at: f"line {at[0] + 1} number {at[1] + 1}")
    edges = np.degrees(np.arcsin(SIN_DEC_EDGES))
    dec = adjacent("dec", edges[:-1], edges[1:], path, lambda index: f"bin {index + 1}")
    axes = (Axis("spectral_index", single(INDICES), points=True), dec)
    note = "The file has the acceptance in units of 1e8 GeV cm2 s"
    return Response("aeff", "acceptance", axes, values * _FILE_UNIT, {"notes": (note,)})


def read_background(path: Path) -> Response:
    """Read ``background.txt``.

    Raises
    ------
    ingest.core.errors.InputError
        If it is not a line of numbers.
    """
    lines = read_lines(path)
    words = lines[0].split()
    if len(lines) != 1 or not 2 <= len(words) <= _MOST_COEFFICIENTS:
        raise InputError(
            "the file is not a list of coefficients",
            file=path,
            value=f"{len(lines)} lines, {len(words)} numbers in the first",
            expected=f"one line with 2 to {_MOST_COEFFICIENTS} coefficients, low order first",
            remedy=REFETCH,
        )
    values = np.array(_numbers(lines[0], path, 0, len(words)))
    degree = Axis("degree", np.arange(len(values), dtype=np.float64), points=True)
    return Response("bkgrate", "background", (degree,), values)


def _numbers(line: str, path: Path, row: int, count: int) -> list[float]:
    words = line.split()
    if len(words) != count:
        raise InputError(
            "wrong number of values",
            file=path,
            where=f"line {row + 1}",
            value=len(words),
            expected=f"{count} numbers",
            remedy=REDELIVER,
        )
    return [
        number(word, path, f"line {row + 1} number {place + 1}") for place, word in enumerate(words)
    ]
