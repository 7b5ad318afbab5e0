"""An effective area against energy as pandas writes a table in JSON.

The effective area of the selection of KM3-230213A (Nature 638, 376) is delivered like this: two
columns, ``Energy [GeV]`` and ``Aeff [cm^2]``, each an object whose keys are the numbers of the
rows. Only the centres of the bins are given. They are equally spaced in the logarithm of the
energy, so that the edges lie half a step below and above.

The area is the average over the whole sky and, since it is to be multiplied by the flux of one
flavour (neutrinos and antineutrinos), the sum over the flavours.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from ingest.core.errors import InputError
from ingest.responses.model import Floats, Response
from ingest.responses.readers._checks import adjacent, check_values
from ingest.responses.readers._files import REDELIVER, REFETCH, number, read_bytes

ENERGY, AREA = "Energy [GeV]", "Aeff [cm^2]"
_CM2_PER_M2: Final = 1e4
_STEP_TOLERANCE: Final = 1e-3
"""Relative; how well the steps of the logarithm have to agree."""
_MOST_BINS: Final = 100_000


def read_area_json(path: Path) -> Response:
    """Read an effective area in JSON.

    Raises
    ------
    ingest.core.errors.InputError
        If the file is not such a table, or its energies are not equally spaced.
    """
    table = _parsed(path)
    energy, area = (_column(table, name, path) for name in (ENERGY, AREA))
    if len(energy) != len(area) or not 2 <= len(energy) <= _MOST_BINS:
        raise InputError(
            "the columns do not belong together",
            file=path,
            value=f"{len(energy)} energies, {len(area)} effective areas",
            expected=f"as many energies as effective areas, 2 to {_MOST_BINS}",
            remedy=REDELIVER,
        )
    check_values(area, path, lambda at: f'"{AREA}" row {at[0]}')
    edges = _edges(energy, path)
    axis = adjacent("energy_true", edges[:-1], edges[1:], path, lambda row: f'"{ENERGY}" row {row}')
    note = (
        "The file gives the centres of the bins; their edges are half a step in the logarithm of"
        " the energy below and above"
    )
    return Response("aeff", "aeff", (axis,), area / _CM2_PER_M2, {"notes": (note,)})


def _parsed(path: Path) -> dict[str, Any]:
    content = read_bytes(path)
    try:
        table = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(
            "the file is damaged or is not JSON",
            file=path,
            value=" ".join(str(error).split()),
            expected="a table in JSON",
            remedy=REFETCH,
        ) from None
    if not isinstance(table, dict):
        raise _not_a_table(path, None, type(table).__name__)
    return table


def _column(table: dict[str, Any], name: str, path: Path) -> Floats:
    column = table.get(name)
    if not isinstance(column, dict):
        found = ", ".join(list(table)[:20]) if column is None else type(column).__name__
        raise _not_a_table(path, f'"{name}"', found)
    values = []
    for row in range(len(column)):
        value = column.get(str(row))
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(
                "this is not a number",
                file=path,
                where=f'"{name}" row {row}',
                value=str(value)[:80],
                expected="a number for each row, counted from 0",
                remedy=REDELIVER,
            )
        # also refuses Infinity, NaN and integers without end
        values.append(number(str(value)[:400], path, f'"{name}" row {row}'))
    return np.array(values)


def _edges(energy: Floats, path: Path) -> Floats:
    """Return edges half a logarithmic step around equally spaced centres."""
    good = energy > 0
    if not good.all():
        row = int(np.argmin(good))
        raise InputError(
            "the energy is not possible",
            file=path,
            where=f'"{ENERGY}" row {row}',
            value=f"{energy[row]:.9g}",
            expected="a positive energy",
            remedy=REDELIVER,
        )
    logs = np.log10(energy)
    step = (logs[-1] - logs[0]) / (len(logs) - 1)
    equal = np.abs(np.diff(logs) - step) <= _STEP_TOLERANCE * abs(step)
    if step <= 0 or not equal.all():
        row = int(np.argmin(equal)) + 1
        raise InputError(
            "the energies are not equally spaced",
            file=path,
            where=f'"{ENERGY}" row {row}',
            value=f"{energy[row]:.9g} after {energy[row - 1]:.9g}",
            expected=f"increasing energies, each {10**step:.6g} times the one before",
            remedy=REDELIVER,
        )
    edges: Floats = 10.0 ** (logs[0] + step * (np.arange(len(logs) + 1) - 0.5))
    return edges


def _not_a_table(path: Path, where: str | None, value: str) -> InputError:
    return InputError(
        "the file is not a table of effective areas",
        file=path,
        where=where,
        value=value,
        expected=f'the columns "{ENERGY}" and "{AREA}", each an object with a value per row',
        remedy="give the file's actual format, or fetch the file again",
    )
