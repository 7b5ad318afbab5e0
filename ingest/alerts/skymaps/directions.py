"""Tables of resimulated directions, from which the sky map of an alert is made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from ingest.core.errors import InputError

Floats = npt.NDArray[np.float64]

FEWEST: Final = 50
"""Fewer say nothing about the 90 % region: five or less lie outside of it."""
_FORMATS: Final = {
    ".csv": "ascii.csv",
    ".ecsv": "ascii.ecsv",
    ".txt": "ascii.basic",
    ".dat": "ascii.basic",
    ".fits": "fits",
    ".fit": "fits",
}
_EXPECTED: Final = "columns ra, dec; or true_ra, true_dec, reco_ra, reco_dec; weight if need be"


@dataclass(frozen=True)
class Directions:
    """Where the source may be, as a sample.

    Attributes
    ----------
    ra, dec : array of float64, shape (n,)
        deg, ICRS.
    weight : array of float64, shape (n,)
        Not negative; the sum is 1.
    """

    ra: Floats
    dec: Floats
    weight: Floats

    @property
    def effective(self) -> float:
        """How many directions of equal weight say as much (Kish 1965, Survey Sampling)."""
        return float(1 / (self.weight**2).sum())


def read_directions(path: Path, ra: float, dec: float) -> Directions:
    """Read a table of resimulated directions.

    With the columns ``ra`` and ``dec`` each row is a direction where the source may be. With
    ``true_ra``, ``true_dec``, ``reco_ra``, ``reco_dec`` each row is a simulated event like the
    one of the alert: what separates its true direction from the reconstructed one, distance and
    position angle, is taken from the best direction on. Either may have a column ``weight``.

    Parameters
    ----------
    path : pathlib.Path
        CSV, ECSV, text in columns with a head, or FITS. Angles in deg, ICRS, unless the column
        has another unit.
    ra, dec : float
        The best direction in deg, ICRS.

    Raises
    ------
    InputError
        If the table cannot be read, lacks columns, holds what is no direction or weight, or has
        less than `FEWEST` directions.
    """
    table = _read(path)
    columns = {name.lower(): name for name in table.colnames}
    if {"true_ra", "true_dec", "reco_ra", "reco_dec"} <= columns.keys():
        true, reco = (
            SkyCoord(*_positions(table, columns, path, kind), unit="deg")
            for kind in ("true_", "reco_")
        )
        best = SkyCoord(ra, dec, unit="deg")
        moved = best.directional_offset_by(reco.position_angle(true), reco.separation(true))
        found = moved.ra.deg, moved.dec.deg
    elif {"ra", "dec"} <= columns.keys():
        found = _positions(table, columns, path, "")
    else:
        raise InputError(
            "the table has no directions",
            file=path,
            value=" ".join(table.colnames),
            expected=_EXPECTED,
        )
    weight = np.ones(len(table))
    if "weight" in columns:
        weight = _numbers(table, columns["weight"], path, None)
        wrong = np.flatnonzero(~(weight >= 0) | ~np.isfinite(weight))
        if len(wrong) or not weight.sum() > 0:
            row = int(wrong[0]) if len(wrong) else 0
            raise InputError(
                "a weight is none", file=path, where=f"row {row + 1}", value=float(weight[row])
                if len(weight) else None, expected="0 or more, and not all 0",
            )  # fmt: skip
    directions = Directions(*found, weight / weight.sum() if len(weight) else weight)
    if len(weight) < FEWEST or directions.effective < FEWEST:
        raise InputError(
            "there are too few directions to make a map of",
            file=path,
            value=f"{len(weight)}, which weigh as much as "
            f"{directions.effective if len(weight) else 0:.1f}",
            expected=f"at least {FEWEST}",
            remedy="resimulate more, or make the map of a radius and its containment",
        )
    return directions


def _read(path: Path) -> Table:
    form = _FORMATS.get(path.suffix.lower())
    if form is None:
        raise InputError(
            "no known kind of table", file=path, expected=" ".join(_FORMATS), value=path.suffix
        )
    path.open("rb").close()  # what is not there says so as itself
    try:
        return Table.read(path, format=form)
    except Exception as reason:
        # astropy's readers raise errors of many kinds
        raise InputError("the table cannot be read", file=path, value=str(reason)) from None


def _positions(
    table: Table, columns: dict[str, str], path: Path, kind: str
) -> tuple[Floats, Floats]:
    ra = _numbers(table, columns[f"{kind}ra"], path, u.deg)
    dec = _numbers(table, columns[f"{kind}dec"], path, u.deg)
    wrong = np.flatnonzero(~((ra >= -360) & (ra <= 360) & (np.abs(dec) <= 90)))
    if len(wrong):
        raise InputError(
            "a direction is none",
            file=path,
            where=f"row {wrong[0] + 1}",
            value=f"ra {ra[wrong[0]]:g}, dec {dec[wrong[0]]:g}",
            expected="ra from 0 to 360, dec from -90 to 90 deg",
        )
    return ra % 360, dec


def _numbers(table: Table, name: str, path: Path, unit: Any) -> Floats:
    """Return a column as numbers, in the unit that is wanted; NaN where there is none."""
    column = table[name]
    try:
        values = np.ma.filled(np.ma.asarray(column).astype(np.float64), np.nan)
        if unit is not None and column.unit is not None:
            values = u.Quantity(values, column.unit).to_value(unit)
    except (ValueError, TypeError, u.UnitsError) as reason:
        raise InputError(
            "a column has no such numbers", file=path, where=f"column {name}", value=str(reason)
        ) from None
    if values.ndim != 1:
        raise InputError("a column has more than one number per row", file=path, where=name)
    return np.asarray(values)
