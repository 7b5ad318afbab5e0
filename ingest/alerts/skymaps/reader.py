"""Interpretation of HEALPix files: cells, coordinates, and the unit of the values.

A map must integrate to about 1. The unit of the column defines the integral; if it is missing or
wrong, the integral that is 1 defines the unit.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Final

import numpy as np
from astropy_healpix import level_ipix_to_uniq, uniq_to_level_ipix
from astropy_healpix.core import ring_to_nested

from ingest.alerts.notices import PacketError
from ingest.alerts.skymaps.healpix_table import HealpixTable, open_table
from ingest.alerts.skymaps.multiorder import (
    DEG2_PER_SR,
    FRAMES,
    MAX_ORDER,
    Integers,
    cell_areas,
    cell_ranges,
    reorder_to_nested,
    to_icrs,
    to_multiorder,
)
from ingest.alerts.skymaps.sphere import Floats

NEGLIGIBLE: Final = 1e-6
"""Probability below which four pixels of a flat map are merged, see
:func:`~ingest.alerts.skymaps.multiorder.to_multiorder`. It limits a map to a few million cells."""
UNSEEN: Final = -1.6e30
"""Lower values are HEALPix' -1.6375e30 for pixels without a value."""
_PLAUSIBLE_INTEGRAL: Final = (0.5, 2.0)
"""For a map with a unit; wide, because IceCube's multi-order maps are interpolated."""
_INTEGRAL_TOLERANCE: Final = 0.05
"""Largest deviation of the integral from 1, for a map without a unit."""
_REMARK_THRESHOLD: Final = 1e-3
"""Larger relative deviations are mentioned in the remarks."""

_VALUES: Final = ("PROBDENSITY", "PROBABILITY", "PROB", "T", "TEMPERATURE", "SIGNAL", "VALUE")
_INDICES: Final = ("PIXEL", "PIX", "IPIX", "HPX_INDEX", "HEALPIX", "INDEX", "PIXEL_ID", "UNIQ")
_NOT_PROBABILITIES: Final = ("LLH", "LIKELIHOOD", "LOGL", "LOGP", "SIGNIFICANCE", "TS")

Cells = tuple[Integers, Floats, tuple[str, ...]]


def read_cells(source: bytes | Path) -> Cells:
    """Read the cells of a sky map.

    Parameters
    ----------
    source : bytes or pathlib.Path
        A FITS file, compressed with gzip or not. Its first HEALPix table is read: flat (RING or
        NESTED, with or without pixel numbers) or multi-order (UNIQ), in equatorial, galactic or
        ecliptic coordinates, with probabilities per pixel, sr or deg^2.

    Returns
    -------
    uniq, density : arrays of int64 and float64, shape (n,)
        NUNIQ numbers of cells in ICRS that do not overlap, and their densities in sr^-1, not
        negative, not normalised.
    remarks : tuple of str
        Peculiarities of the file, and how they were handled.

    Raises
    ------
    PacketError
        If the bytes are not a probability map.
    OSError
        If the file cannot be read.
    """
    file = None if isinstance(source, bytes) else source
    try:
        with warnings.catch_warnings(action="ignore"), open_table(source) as table:
            return _cells(table)
    except PacketError as error:
        error.file = error.file or (None if file is None else str(file))
        raise
    except OSError:
        raise
    except Exception as reason:
        # astropy raises exceptions of many types for a damaged header
        raise PacketError(
            "the sky map cannot be read",
            file=file,
            value=f"{type(reason).__name__}: {reason}",
        ) from None


def _cells(table: HealpixTable) -> Cells:
    system = table.text("COORDSYS")
    if system not in FRAMES:
        raise PacketError(
            "the coordinate system is unknown",
            where="COORDSYS",
            value=system,
            expected="C, G or E",
        )
    column = _value_column(table)
    remarks = [] if system else ["no COORDSYS: taken as equatorial"]
    values, cleaned = _clean(np.asarray(table.values(column), np.float64))
    remarks += cleaned
    uniq = _cell_numbers(table, len(values))
    if uniq is None:
        order = _order_of(table, len(values))
        # the arrays are large: each replaces the one before
        values, integral_remarks = _density(values, table, column, order)
        if _is_ring(table):
            values = reorder_to_nested(values, order)
        total = float(values.sum() * cell_areas(order))
        uniq, values = to_multiorder(values, order, NEGLIGIBLE * total)
    else:
        _check_overlap(uniq)
        orders = uniq_to_level_ipix(uniq)[0]
        values, integral_remarks = _density(values, table, column, orders)
    if frame := FRAMES[system]:
        uniq, values = to_icrs(uniq, values, frame)
    return uniq, values, (*remarks, *integral_remarks)


def _value_column(table: HealpixTable) -> int:
    """Return the index of the column with the probabilities."""
    names = [name.upper() for name in table.names]
    for wanted in _VALUES:
        for number, name in enumerate(names):
            # IceCube has a column PROBABILITY DENSITY [deg-2]
            if name == wanted or (len(wanted) > 6 and name.startswith(wanted)):
                return number
    others = [number for number, name in enumerate(names) if name not in _INDICES]
    for number in others:
        words = names[number].replace("_", " ").split()
        if any(word in names[number] for word in _NOT_PROBABILITIES[:-1]) or "TS" in words:
            raise PacketError(
                "the map holds likelihoods or significances, not probabilities",
                where=f"column {table.names[number]}",
                remedy="use the probability map of the same event",
            )
    if not others:
        raise PacketError("the map has no column of values", value=" ".join(table.names))
    return others[0]


def _cell_numbers(table: HealpixTable, count: int) -> Integers | None:
    """Return the NUNIQ numbers of the rows' cells, or None if the rows are the whole sky."""
    names = [name.upper() for name in table.names]
    if "UNIQ" in names:
        uniq = np.asarray(table.values(names.index("UNIQ")), np.int64)
        _check_numbers(uniq, 4, 16 << (2 * MAX_ORDER))
        numbers = uniq
    elif index := next((name for name in _INDICES if name in names), None):
        pixel = np.asarray(table.values(names.index(index)), np.int64)
        numbers = _pixels_to_uniq(table, pixel, _order_of(table, None))
    else:
        if table.text("INDXSCHM") == "EXPLICIT":
            raise PacketError("there is no column of pixel numbers", value=" ".join(table.names))
        order = _order_of(table, count)
        if count == 12 * 4**order:
            return None
        first = table.integer("FIRSTPIX")
        if first is None:
            raise PacketError(
                "the number of pixels does not agree with NSIDE",
                value=count,
                expected=str(12 * 4**order),
            )
        numbers = _pixels_to_uniq(table, np.arange(first, first + count), order)
    if len(numbers) != count:
        raise PacketError(
            "the columns of pixel numbers and of values differ in length",
            value=len(numbers),
            expected=str(count),
        )
    return numbers


def _pixels_to_uniq(table: HealpixTable, pixel: Integers, order: int) -> Integers:
    """Return the NUNIQ numbers of pixels of one size."""
    _check_numbers(pixel, 0, 12 << (2 * order))
    nested = ring_to_nested(pixel, 2**order) if _is_ring(table) else pixel
    return np.asarray(level_ipix_to_uniq(order, nested))


def _check_numbers(numbers: Integers, first: int, end: int) -> None:
    if numbers.min() < first or numbers.max() >= end:
        raise PacketError(
            "a pixel number is out of range",
            value=f"{numbers.min()} to {numbers.max()}",
            expected=f"{first} to {end - 1}",
        )


def _is_ring(table: HealpixTable) -> bool:
    scheme = table.text("ORDERING")
    if scheme not in ("RING", "NEST", "NESTED"):
        raise PacketError(
            "the pixel ordering is unknown",
            where="ORDERING",
            value=scheme,
            expected="RING or NESTED",
        )
    return scheme == "RING"


def _order_of(table: HealpixTable, count: int | None) -> int:
    """Return the order of pixels of one size, from NSIDE or else from their number."""
    if count is not None and "NSIDE" not in table.header:
        return (max(count // 12, 1).bit_length() - 1) // 2
    nside = table.integer("NSIDE")
    if nside is None or not 1 <= nside <= 2**MAX_ORDER or nside & (nside - 1):
        raise PacketError(
            "NSIDE is not a power of two",
            where="NSIDE",
            value=table.header.get("NSIDE"),
            expected="1, 2, 4 … 2^29",
        )
    return nside.bit_length() - 1


def _clean(values: Floats) -> tuple[Floats, list[str]]:
    """Return the values, with 0 for pixels without a value, in the same array."""
    remarks = []
    empty = np.isnan(values) | (values < UNSEEN)
    negative = ~empty & (values < 0)
    given = values[~empty]
    if not given.size or np.isinf(given).any() or given.max() <= 0:
        raise PacketError(
            "the map has no positive values, or infinite ones", expected="probabilities"
        )
    if -values[negative].sum() > _REMARK_THRESHOLD * given.sum(where=given > 0):
        raise PacketError(
            "the values are not probabilities, perhaps likelihoods",
            value=f"values from {given.min():g} to {given.max():g}",
            expected="values of 0 or more",
        )
    for chosen, kind in ((empty, "without value"), (negative, "below 0")):
        if chosen.any():
            remarks.append(f"{np.count_nonzero(chosen)} of {len(values)} pixels {kind}: taken as 0")
    if empty.any() or negative.any():
        values[empty | negative] = 0.0
    return values, remarks


def _density(
    values: Floats, table: HealpixTable, column: int, order: Integers | int
) -> tuple[Floats, list[str]]:
    """Return the values as densities per sr, in the same array."""
    per_pixel = float(values.sum())
    per_sr = float(
        (values @ cell_areas(order)) if np.ndim(order) else per_pixel * cell_areas(order)
    )
    totals = {"pixel": per_pixel, "sr": per_sr, "deg2": per_sr * DEG2_PER_SR}
    unit = _unit(table.units[column]) or _unit(table.names[column])
    remarks = []
    if unit and _PLAUSIBLE_INTEGRAL[0] < totals[unit] < _PLAUSIBLE_INTEGRAL[1]:
        true_unit = unit
    else:
        true_unit = min(totals, key=lambda name: abs(totals[name] - 1))
        if abs(totals[true_unit] - 1) > _INTEGRAL_TOLERANCE:
            integrals = f"{per_pixel:.6g} (sum), {per_sr:.6g} (sr), {totals['deg2']:.6g} (deg2)"
            raise PacketError(
                "the map is not a probability map: none of its integrals is 1",
                where=f"column {table.names[column]}",
                value=f"integrals {integrals}",
                expected="1 as a sum of pixels, or over sr or deg2",
            )
        if unit:
            remarks.append(f"unit {table.units[column]!r} is wrong: values are per {true_unit}")
    if abs(totals[true_unit] - 1) > _REMARK_THRESHOLD:
        remarks.append(f"the map integrates to {totals[true_unit]:.4g}: normalised")
    if true_unit == "pixel":
        values /= cell_areas(order)
    elif true_unit == "deg2":
        values *= DEG2_PER_SR
    return values, remarks


def _unit(text: str) -> str | None:
    """Return the area that values are per, from a unit or a column name that contains it."""
    text = text.lower()
    for sign, unit in (("deg", "deg2"), ("sr", "sr"), ("rad", "sr"), ("pix", "pixel")):
        if sign in text:
            return unit
    return None


def _check_overlap(uniq: Integers) -> None:
    first, end = cell_ranges(*uniq_to_level_ipix(uniq))
    by_position = np.argsort(first, kind="stable")
    if (first[by_position][1:] < end[by_position][:-1]).any():
        raise PacketError("cells of the map overlap", expected="cells that do not overlap")
