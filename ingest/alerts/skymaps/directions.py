"""Tables of resimulated directions, from which sky maps of our own alerts are made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from ingest.alerts.skymaps.sphere import Floats
from ingest.core.errors import InputError

MIN_DIRECTIONS: Final = 50
"""Of fewer directions, fewer than five would lie outside the 90 % region."""
_FORMATS: Final = {
    ".csv": "ascii.csv",
    ".ecsv": "ascii.ecsv",
    ".txt": "ascii.basic",
    ".dat": "ascii.basic",
    ".fits": "fits",
    ".fit": "fits",
}
_EXPECTED: Final = "columns ra, dec or true_ra, true_dec, reco_ra, reco_dec; optionally weight"


@dataclass(frozen=True)
class Directions:
    """A weighted sample of directions where the source may be.

    Attributes
    ----------
    ra, dec : array of float64, shape (n,)
        Directions in deg, ICRS.
    weight : array of float64, shape (n,)
        Weights of the directions, 0 or more; their sum is 1.
    """

    ra: Floats
    dec: Floats
    weight: Floats

    @property
    def effective_size(self) -> float:
        """Effective sample size, 1 / sum of the squared weights (Kish 1965, Survey Sampling)."""
        return float(1 / (self.weight**2).sum())


def read_directions(path: Path, ra: float, dec: float) -> Directions:
    """Read a table of resimulated directions.

    With the columns ``ra`` and ``dec`` each row is a direction where the source may be. With
    ``true_ra``, ``true_dec``, ``reco_ra``, ``reco_dec`` each row is a simulated event similar to
    the one of the alert: the offset (separation and position angle) of its true from its
    reconstructed direction is applied to the best direction. A column ``weight`` is optional.

    Parameters
    ----------
    path : pathlib.Path
        CSV, ECSV, FITS, or text in columns with a header line. ICRS, in deg unless the column
        has another unit.
    ra, dec : float
        The best direction in deg, ICRS.

    Raises
    ------
    InputError
        If the table cannot be read, lacks columns, contains invalid directions or weights, or
        has an effective sample size below `MIN_DIRECTIONS`.
    """
    table = _read(path)
    columns = {name.lower(): name for name in table.colnames}
    if {"true_ra", "true_dec", "reco_ra", "reco_dec"} <= columns.keys():
        true, reco = (
            SkyCoord(*_positions(table, columns, path, prefix), unit="deg")
            for prefix in ("true_", "reco_")
        )
        best = SkyCoord(ra, dec, unit="deg")
        moved = best.directional_offset_by(reco.position_angle(true), reco.separation(true))
        found = moved.ra.deg, moved.dec.deg
    elif {"ra", "dec"} <= columns.keys():
        found = _positions(table, columns, path, "")
    else:
        raise InputError(
            "the table has no columns of directions",
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
                "the weights are invalid", file=path, where=f"row {row + 1}",
                value=float(weight[row]) if len(weight) else None,
                expected="0 or more, and not all 0",
            )  # fmt: skip
    directions = Directions(*found, weight / weight.sum() if len(weight) else weight)
    if len(weight) < MIN_DIRECTIONS or directions.effective_size < MIN_DIRECTIONS:
        raise InputError(
            "too few directions for a sky map",
            file=path,
            value=f"{len(weight)}, with an effective sample size of "
            f"{directions.effective_size if len(weight) else 0:.1f}",
            expected=f"at least {MIN_DIRECTIONS}",
            remedy="resimulate more, or make the map from a radius and its containment",
        )
    return directions


def _read(path: Path) -> Table:
    form = _FORMATS.get(path.suffix.lower())
    if form is None:
        raise InputError(
            "the type of the table is unknown",
            file=path,
            value=path.suffix,
            expected=" ".join(_FORMATS),
        )
    path.open("rb").close()  # raises FileNotFoundError and the like
    try:
        return Table.read(path, format=form)
    except Exception as reason:
        # astropy's readers raise exceptions of many types
        raise InputError("the table cannot be read", file=path, value=str(reason)) from None


def _positions(
    table: Table, columns: dict[str, str], path: Path, prefix: str
) -> tuple[Floats, Floats]:
    ra = _numbers(table, columns[f"{prefix}ra"], path, u.deg)
    dec = _numbers(table, columns[f"{prefix}dec"], path, u.deg)
    wrong = np.flatnonzero(~((ra >= -360) & (ra <= 360) & (np.abs(dec) <= 90)))
    if len(wrong):
        raise InputError(
            "a direction is invalid",
            file=path,
            where=f"row {wrong[0] + 1}",
            value=f"ra {ra[wrong[0]]:g}, dec {dec[wrong[0]]:g}",
            expected="ra from 0 to 360, dec from -90 to 90 deg",
        )
    return ra % 360, dec


def _numbers(table: Table, name: str, path: Path, unit: Any) -> Floats:
    """Return a column as numbers in a unit; missing values are NaN."""
    column = table[name]
    try:
        values = np.ma.filled(np.ma.asarray(column).astype(np.float64), np.nan)
        if unit is not None and column.unit is not None:
            values = u.Quantity(values, column.unit).to_value(unit)
    except (ValueError, TypeError, u.UnitsError) as reason:
        raise InputError(
            "a column is not numeric, or has a wrong unit",
            file=path,
            where=f"column {name}",
            value=str(reason),
            expected=f"numbers{f' in {unit}' if unit else ''}",
        ) from None
    if values.ndim != 1:
        raise InputError(
            "a column has more than one number per row", file=path, where=f"column {name}"
        )
    return np.asarray(values)
