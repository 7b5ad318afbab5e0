"""What the numbers of a HEALPix file mean: which cells, in which coordinates, per what.

A map is believed if it integrates to about 1. The unit of its column says over what; where it
says nothing, or something that cannot be, the integral that is 1 does.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
from astropy_healpix.core import ring_to_nested

from ingest.alerts.notices import PacketError
from ingest.alerts.skymaps.cells import (
    DEEPEST,
    FRAMES,
    SQUARE_DEGREES,
    Floats,
    Whole,
    areas,
    first_of,
    join_uniq,
    merged,
    nested_from_ring,
    split_uniq,
    turned_cells,
    value_at,
)
from ingest.alerts.skymaps.healpix_table import MapTable, read_table

NEGLIGIBLE: Final = 1e-6
"""Four pixels of a flat map that hold less together become one, see `merged`. So no map has more
than some million cells; only one that is noise over the whole sky would lose by it."""
UNSEEN: Final = -1.6e30
"""Below it is HEALPix' sign for a pixel without value, -1.6375e30."""
_FAIR: Final = (0.5, 2.0)
"""What a map with a unit may integrate to. IceCube's maps of many orders are interpolated."""
_CLOSE: Final = 0.05
"""How near to 1 the integral of a map without unit must be."""
_WORTH_TELLING: Final = 1e-3

_VALUES: Final = ("PROBDENSITY", "PROBABILITY", "PROB", "T", "TEMPERATURE", "SIGNAL", "VALUE")
_INDICES: Final = ("PIXEL", "PIX", "IPIX", "HPX_INDEX", "HEALPIX", "INDEX", "PIXEL_ID", "UNIQ")
_NOT_PROBABILITIES: Final = ("LLH", "LIKELIHOOD", "LOGL", "LOGP", "SIGNIFICANCE", "TS")

Cells = tuple[Whole, Floats, tuple[str, ...]]


def read_cells(source: bytes | Path) -> Cells:
    """Read the cells of a sky map.

    Parameters
    ----------
    source : bytes or pathlib.Path
        A FITS file, packed by gzip or not. Its first HEALPix table counts: flat in the schemes
        RING and NESTED with or without pixel numbers, or of many orders with UNIQ; COORDSYS
        equatorial, galactic or ecliptic. The values are probabilities per pixel, sr or deg^2.

    Returns
    -------
    uniq, density : arrays of int64 and float64, shape (n,)
        Cells in ICRS that do not overlap, and sr^-1, not negative, not normalised.
    remarks : tuple of str
        What was noticed and done about it.

    Raises
    ------
    PacketError
        If it is no map of probabilities, whatever the bytes.
    OSError
        If the file cannot be read.
    """
    file = None if isinstance(source, bytes) else source
    try:
        with warnings.catch_warnings(action="ignore"), read_table(source) as table:
            return _cells(table)
    except PacketError as error:
        error.file = error.file or (None if file is None else str(file))
        raise
    except OSError:
        raise
    except Exception as reason:
        # astropy raises errors of many kinds when it meets a damaged header
        raise PacketError(
            "the sky map cannot be understood",
            file=file,
            value=f"{type(reason).__name__}: {reason}",
        ) from None


def _cells(table: MapTable) -> Cells:
    system = table.text("COORDSYS")
    if system not in FRAMES:
        raise PacketError(
            "no known coordinates", where="COORDSYS", value=system, expected="C, G, E"
        )
    column = _value_column(table)
    remarks = [] if system else ["no COORDSYS: taken as equatorial"]
    values, cleaned = _clean(np.asarray(table.values(column), np.float64))
    remarks += cleaned
    uniq = _cell_numbers(table, len(values))
    if uniq is None:
        order = _order_of(table, len(values))
        # one array after the other takes the place of the last: they are large
        values, said = _density(values, table, column, order)
        if _is_ring(table):
            values = nested_from_ring(values, order)
        uniq, values = merged(values, order, NEGLIGIBLE * float(values.sum() * areas(order)))
    else:
        orders, cells = split_uniq(uniq)
        _check_overlap(orders, cells)
        values, said = _density(values, table, column, orders)
    if frame := FRAMES[system]:
        uniq, values = _turn(uniq, values, frame)
    return uniq, values, (*remarks, *said)


def _value_column(table: MapTable) -> int:
    """Return the number of the column with the probabilities."""
    names = [name.upper() for name in table.names]
    for wanted in _VALUES:
        for number, name in enumerate(names):
            # IceCube names a column PROBABILITY DENSITY [deg-2]
            if name == wanted or (len(wanted) > 6 and name.startswith(wanted)):
                return number
    others = [number for number, name in enumerate(names) if name not in _INDICES]
    for number in others:
        words = names[number].replace("_", " ").split()
        if any(word in names[number] for word in _NOT_PROBABILITIES[:-1]) or "TS" in words:
            raise PacketError(
                "the map holds likelihoods or significances, not probabilities",
                where=f"column {table.names[number]}",
                remedy="ask for the map of probabilities, which is published beside it",
            )
    if not others:
        raise PacketError("the map has no column of values", value=" ".join(table.names))
    return others[0]


def _cell_numbers(table: MapTable, count: int) -> Whole | None:
    """Return the NUNIQ numbers of the rows' cells; None if the rows are the whole sky's pixels."""
    names = [name.upper() for name in table.names]
    if "UNIQ" in names:
        uniq = np.asarray(table.values(names.index("UNIQ")), np.int64)
        _check_numbers(uniq, 4, 16 << (2 * DEEPEST))
        numbers = uniq
    elif index := next((name for name in _INDICES if name in names), None):
        pixel = np.asarray(table.values(names.index(index)), np.int64)
        numbers = _joined(table, pixel, _order_of(table, None))
    else:
        if table.text("INDXSCHM") == "EXPLICIT":
            raise PacketError("there is no column of pixel numbers", value=" ".join(table.names))
        order = _order_of(table, count)
        if count == 12 * 4**order:
            return None
        first = table.whole("FIRSTPIX")
        if first is None:
            raise PacketError(
                "the map has not as many pixels as NSIDE says",
                value=count,
                expected=str(12 * 4**order),
            )
        numbers = _joined(table, np.arange(first, first + count), order)
    if len(numbers) != count:
        raise PacketError("pixel numbers and values differ in number", value=len(numbers))
    return numbers


def _joined(table: MapTable, pixel: Whole, order: int) -> Whole:
    """Return the NUNIQ numbers of pixels of one size."""
    _check_numbers(pixel, 0, 12 << (2 * order))
    return join_uniq(order, ring_to_nested(pixel, 2**order) if _is_ring(table) else pixel)


def _check_numbers(numbers: Whole, first: int, beyond: int) -> None:
    if numbers.min() < first or numbers.max() >= beyond:
        raise PacketError(
            "a pixel number is none",
            value=f"{numbers.min()} to {numbers.max()}",
            expected=f"{first} to {beyond - 1}",
        )


def _is_ring(table: MapTable) -> bool:
    scheme = table.text("ORDERING")
    if scheme not in ("RING", "NEST", "NESTED"):
        raise PacketError(
            "no known scheme of pixels", where="ORDERING", value=scheme, expected="RING or NESTED"
        )
    return scheme == "RING"


def _order_of(table: MapTable, count: int | None) -> int:
    """Return the order of pixels of one size, by their number where the header does not tell."""
    if count is not None and "NSIDE" not in table.header:
        return (max(count // 12, 1).bit_length() - 1) // 2
    nside = table.whole("NSIDE")
    if nside is None or not 1 <= nside <= 2**DEEPEST or nside & (nside - 1):
        raise PacketError(
            "NSIDE is no power of two",
            where="NSIDE",
            value=table.header.get("NSIDE"),
            expected="1, 2, 4 … 2^29",
        )
    return nside.bit_length() - 1


def _clean(values: Floats) -> tuple[Floats, list[str]]:
    """Return the values with 0 where there is none, in the same array."""
    remarks = []
    empty = np.isnan(values) | (values < UNSEEN)
    negative = ~empty & (values < 0)
    given = values[~empty]
    if not given.size or np.isinf(given).any() or given.max() <= 0:
        raise PacketError("the map has no values, or infinite ones", expected="probabilities")
    if -values[negative].sum() > _WORTH_TELLING * given.sum(where=given > 0):
        raise PacketError(
            "the map holds no probabilities, perhaps likelihoods",
            value=f"values from {given.min():g} to {given.max():g}",
            expected="values from 0 up",
        )
    for chosen, what in ((empty, "without value"), (negative, "below 0")):
        if chosen.any():
            remarks.append(f"{np.count_nonzero(chosen)} of {len(values)} pixels {what}: taken as 0")
    if empty.any() or negative.any():
        values[empty | negative] = 0.0
    return values, remarks


def _density(
    values: Floats, table: MapTable, column: int, order: Whole | int
) -> tuple[Floats, list[str]]:
    """Return the values as densities per sr, in the same array."""
    per_pixel = float(values.sum())
    per_sr = float((values @ areas(order)) if np.ndim(order) else per_pixel * areas(order))
    totals = {"pixel": per_pixel, "sr": per_sr, "deg2": per_sr * SQUARE_DEGREES}
    unit = _unit(table.units[column]) or _unit(table.names[column])
    remarks = []
    if unit and _FAIR[0] < totals[unit] < _FAIR[1]:
        meant = unit
    else:
        meant = min(totals, key=lambda name: abs(totals[name] - 1))
        if abs(totals[meant] - 1) > _CLOSE:
            found = f"{per_pixel:.6g} (sum), {per_sr:.6g} (sr), {totals['deg2']:.6g} (deg2)"
            raise PacketError(
                "the map is no map of probabilities: no integral of it is 1",
                where=f"column {table.names[column]}",
                value=f"integrals {found}",
                expected="1 as a sum of pixels, or over sr or deg2",
            )
        if unit:
            remarks.append(f"unit {table.units[column]!r} cannot be: values are per {meant}")
    if abs(totals[meant] - 1) > _WORTH_TELLING:
        remarks.append(f"the map integrates to {totals[meant]:.4g}: brought to 1")
    if meant == "pixel":
        values /= areas(order)
    elif meant == "deg2":
        values *= SQUARE_DEGREES
    return values, remarks


def _unit(text: str) -> str | None:
    """Return what a unit, or the name of a column with its unit, says the values are per."""
    text = text.lower()
    for sign, unit in (("deg", "deg2"), ("sr", "sr"), ("rad", "sr"), ("pix", "pixel")):
        if sign in text:
            return unit
    return None


def _check_overlap(order: Whole, cell: Whole) -> None:
    first = first_of(order, cell)
    by_place = np.argsort(first, kind="stable")
    ends = (first + np.left_shift(np.int64(1), 2 * (DEEPEST - order)))[by_place]
    if (first[by_place][1:] < ends[:-1]).any():
        raise PacketError("cells of the map overlap", expected="each place of the sky once")


def _turn(uniq: Whole, density: Floats, frame: Any) -> tuple[Whole, Floats]:
    """Bring a map to ICRS: each new cell has the density at its centre."""
    order, cell = split_uniq(uniq)
    by_place = np.argsort(first_of(order, cell), kind="stable")
    new_order, new_cell, lon, lat = turned_cells(order, cell, frame)
    return join_uniq(new_order, new_cell), value_at(uniq[by_place], density[by_place], lon, lat)
