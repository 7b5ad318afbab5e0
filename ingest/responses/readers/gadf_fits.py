"""Responses in the format GADF, with the zenith angle on the axis THETA.

Files are taken as the collaboration delivers them, and their faults corrected:

* The values of ARCA115's background have their axes in the opposite order. The lengths of the axes
  tell, since TDIM has to agree with them; see docs/decisions/028-responses.md.
* ARCA115's energy dispersion is the probability of each bin, with a sum of 1, where GADF has a
  density, with an integral of 1. Both are read, and the probability is kept.
* The point-spread function of ARCA115 is only normalised above a zenith angle of 70 deg; all its
  responses are valid above 80 deg only. Nothing is changed there.
* Energies may be in any unit of energy, angles in rad or deg; EXTNAME does not matter.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
from astropy import units
from astropy.io import fits

from ingest.core.errors import IngestError, InputError
from ingest.responses.layouts import LAYOUTS, GadfLayout
from ingest.responses.model import AXES, TABLES, Axis, Floats, Response
from ingest.responses.readers._checks import adjacent, check_values
from ingest.responses.readers._files import REDELIVER, REFETCH, read_bytes

_SIGNATURE: Final = b"SIMPLE  ="
_NORM_TOLERANCE: Final = 0.05
"""How far a sum or an integral over the energy dispersion may be from 1."""


def read_gadf(path: Path) -> Response:
    """Read a response in the format GADF.

    Raises
    ------
    ingest.core.errors.InputError
        If the file is damaged, has not one response of a known class, or a column is missing, has
        the wrong shape or unit, or contains impossible values.
    """
    content = read_bytes(path)
    if not content.startswith(_SIGNATURE):
        raise InputError(
            "this is not a FITS file",
            file=path,
            value=content[:9],
            expected=f"{_SIGNATURE!r} at the start of the file",
            remedy="give the file's actual format, or fetch the file again",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(io.BytesIO(content), memmap=False) as hdus:
                return _read(hdus, path)
    except IngestError:
        raise
    except Exception as error:
        # astropy has no closed set of exceptions for damaged files
        raise InputError(
            "the file is damaged or is not a valid FITS file",
            file=path,
            value=f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": "),
            expected="a readable FITS file",
            remedy=REFETCH,
        ) from None


def _read(hdus: Any, path: Path) -> Response:
    tables = [
        hdu
        for hdu in hdus
        if isinstance(hdu, fits.BinTableHDU) and hdu.header.get("HDUCLAS1") == "RESPONSE"
    ]
    known = ", ".join(LAYOUTS)
    if len(tables) != 1:
        raise InputError(
            "the file does not have one response",
            file=path,
            value=f"{len(tables)} tables with HDUCLAS1 = 'RESPONSE'",
            expected="one table",
            remedy="deliver each response in a file of its own, with HDUCLAS1 to HDUCLAS4",
        )
    hdu = tables[0]
    layout = LAYOUTS.get(str(hdu.header.get("HDUCLAS4")).strip().upper())
    if layout is None:
        raise InputError(
            "the class of the response is not known",
            file=path,
            where=f"HDU {hdu.name} keyword HDUCLAS4",
            value=hdu.header.get("HDUCLAS4"),
            expected=f"one of {known}",
            remedy="correct HDUCLAS4",
        )
    if len(hdu.data) != 1:
        raise InputError(
            "wrong number of rows",
            file=path,
            where=f"HDU {hdu.name}",
            value=len(hdu.data),
            expected="one row",
            remedy=REDELIVER,
        )
    axes = tuple(_axis(hdu, column, name, path) for column, name in layout.axes)
    values, notes = _values(hdu, layout, axes, path)
    if layout.table == "edisp":
        values, more = _probability(values, axes, f"HDU {hdu.name} column MATRIX", path)
        notes += more
    return Response(layout.table, layout.table, axes, values, {"notes": notes})


def _axis(hdu: Any, column: str, name: str, path: Path) -> Axis:
    lo, hi = (_column(hdu, f"{column}_{end}", AXES[name], path).reshape(-1) for end in ("LO", "HI"))
    return adjacent(
        name, lo, hi, path, lambda index: f"HDU {hdu.name} column {column}_LO bin {index + 1}"
    )


def _column(hdu: Any, name: str, unit: str, path: Path) -> Floats:
    """Return the values of a column in the only row, in `unit`."""
    where = f"HDU {hdu.name} column {name}"
    if name not in hdu.columns.names:
        raise InputError(
            "the column is missing",
            file=path,
            where=where,
            value=", ".join(hdu.columns.names),
            expected=name,
            remedy=REDELIVER,
        )
    data = np.asarray(hdu.data[name][0])
    if data.dtype.kind not in "fiu" or not data.size:
        raise InputError(
            "the column contains no numbers",
            file=path,
            where=where,
            value=hdu.columns[name].format,
            expected="numbers",
            remedy=REDELIVER,
        )
    declared = hdu.columns[name].unit or ""
    try:
        factor = units.Unit(declared).to(units.Unit(unit))
    except (ValueError, units.UnitsError):
        raise InputError(
            "the column has the wrong unit",
            file=path,
            where=where,
            value=declared or "no unit",
            expected=f"a unit that can be converted to {unit or 'a number'}",
            remedy="correct TUNIT",
        ) from None
    values: Floats = data.astype(np.float64) * factor
    return values


def _values(
    hdu: Any, layout: GadfLayout, axes: tuple[Axis, ...], path: Path
) -> tuple[Floats, tuple[str, ...]]:
    """Return the values with the dimensions in the order of `axes`, and what was changed."""
    where = f"HDU {hdu.name} column {layout.column}"
    data = _column(hdu, layout.column, TABLES[layout.table].value.unit, path)
    shape = tuple(len(axis) for axis in axes)
    notes: tuple[str, ...] = ()
    if data.shape == shape[::-1]:
        # FITS has the axis that varies fastest first, numpy last
        data = data.transpose()
    elif data.shape == shape:
        notes = (
            f"The axes of {layout.column} are delivered in the opposite order of GADF's; they are"
            " exchanged",
        )
    else:
        raise InputError(
            "the shape of the values does not fit the axes",
            file=path,
            where=where,
            value="TDIM (" + ",".join(map(str, data.shape[::-1])) + ")",
            expected="("
            + ",".join(f"{len(axis)}" for axis in axes)
            + ") for "
            + ", ".join(column for column, _ in layout.axes),
            remedy=REDELIVER,
        )
    names = [column for column, _ in layout.axes]
    check_values(
        data,
        path,
        lambda at: (
            f"{where} at "
            + ", ".join(f"{name} bin {i + 1}" for name, i in zip(names, at, strict=True))
        ),
    )
    return np.ascontiguousarray(data), notes


def _probability(
    matrix: Floats, axes: tuple[Axis, ...], where: str, path: Path
) -> tuple[Floats, tuple[str, ...]]:
    """Return the probability of each bin of an energy dispersion."""
    width = np.diff(axes[1].edges)[:, np.newaxis]
    filled = matrix.any(axis=1)
    sums, integrals = (np.where(filled, one.sum(axis=1), 1.0) for one in (matrix, matrix * width))
    worst = [float(np.abs(one - 1).max()) for one in (sums, integrals)]
    if min(worst) > _NORM_TOLERANCE:
        raise InputError(
            "the energy dispersion is not normalised",
            file=path,
            where=where,
            value=f"sums over MIGRA up to {worst[0]:.3g} from 1, integrals up to {worst[1]:.3g}",
            expected="an integral of 1, or a sum of 1, for each energy and zenith angle",
            remedy=REDELIVER,
        )
    if worst[1] <= worst[0]:
        return matrix * width, ()
    note = (
        "MATRIX is delivered as the probability of each bin of MIGRA, where GADF has a density;"
        " GADF files made of it have the density"
    )
    return matrix, (note,)
