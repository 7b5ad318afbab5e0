"""HEALPix cells in the NESTED scheme with numpy alone: rings, positions and sets of cells.

In the projection of Calabretta & Roukema (2007, MNRAS 381, 865) every cell is a square on its tip.
Here y is the vertical coordinate of the projection: the centres of the base cells are at y = −1, 0
and 1, the poles at −2 and 2. The centres of the cells of order k are in rings at multiples of
2^−k, which is half the height of a cell.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import Floats, Integers, ranges

MAX_ORDER = 29
_FACE_Y = np.repeat([1, 0, -1], 4)
_FACE_X = np.array([1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7])
"""Right ascension of the centres of the base cells in units of 45 deg."""
_PART = 1 << 18
"""Cells that are converted at a time, because each needs some hundred bytes meanwhile."""
_MASKS = (
    0x5555555555555555,
    0x3333333333333333,
    0x0F0F0F0F0F0F0F0F,
    0x00FF00FF00FF00FF,
    0x0000FFFF0000FFFF,
    0x00000000FFFFFFFF,
)
"""Groups of 1, 2, 4, 8, 16 and 32 bits, each followed by as many zeros."""


def cell_area(order: Any) -> Floats:
    """Return the area of a cell of an order in sr."""
    area: Floats = np.pi / 3 / 4.0 ** np.asarray(order)
    return area


def sin_dec(y: Any) -> Floats:
    """Return the sine of the declination at a coordinate y of the projection."""
    height = np.asarray(y, dtype=np.float64)
    polar = 1 - (2 - np.abs(height)) ** 2 / 3
    return np.where(np.abs(height) <= 1, 2 / 3 * height, np.copysign(polar, height))


def projected(sine: Any) -> Floats:
    """Return the coordinate y of the projection for the sine of a declination."""
    z = np.asarray(sine, dtype=np.float64)
    polar = 2 - np.sqrt(3 * np.maximum(1 - np.abs(z), 0))
    return np.where(np.abs(z) <= 2 / 3, 1.5 * z, np.copysign(polar, z))


def parallel_share(distance: Any, y: Any, order: Any) -> Floats:
    """Return which fraction of a circle of constant declination lies in a cell.

    Parameters
    ----------
    distance : array_like
        Of the circle from the cell's centre in y.
    y : array_like
        Where the circle is.
    order : array_like
        Order of the cell.
    """
    width = np.maximum(2.0 ** -np.asarray(order, dtype=np.float64) - np.abs(distance), 0) / 4
    squeeze = np.minimum(2 - np.abs(np.asarray(y, dtype=np.float64)), 1)
    share: Floats = width / np.maximum(squeeze, 1e-300)
    return np.minimum(share, 1)


def cells_in_quarter(order: int, ring: Any) -> Integers:
    """Return a quarter of the number of cells in a ring."""
    side = np.int64(1) << order
    return np.asarray(np.minimum(2 * side - np.abs(ring), side), dtype=np.int64)


def is_shifted(order: int, ring: Any) -> Integers:
    """Return 1 for a ring whose first centre is half a cell from right ascension 0, else 0."""
    side = np.int64(1) << order
    cap = np.abs(ring) >= side
    return np.where(cap, 1, (side + ring - 1) & 1)


def rings(order: int, cell: Integers) -> Integers:
    """Return the rings of cells of one order: their centre is at y = ring / 2^order."""
    face, x, y = _split(order, cell)
    return _ring(order, face, x, y)


def places(order: int, cell: Integers) -> tuple[Integers, Integers]:
    """Return the rings of cells of one order, and their number in the ring, eastwards from 0."""
    face, x, y = _split(order, cell)
    ring = _ring(order, face, x, y)
    quarter = cells_in_quarter(order, ring)
    eighths = np.mod(_FACE_X[face] * quarter + x - y, 8 * quarter)
    return ring, (eighths - is_shifted(order, ring)) >> 1


def centres(order: int, cell: Integers) -> tuple[Floats, Floats]:
    """Return right ascension and declination in deg of the centres of cells of one order."""
    ring, number = places(order, cell)
    ra = (number + is_shifted(order, ring) / 2) * 90 / cells_in_quarter(order, ring)
    return ra, np.degrees(np.arcsin(sin_dec(ring / 2.0**order)))


def cells(order: int, ra_deg: Any, dec_deg: Any) -> Integers:
    """Return the cells of one order in which directions in deg lie (Górski et al. 2005)."""
    side = 1 << order
    y = projected(np.sin(np.radians(dec_deg)))
    turn = np.mod(ra_deg, 360) / 90
    # in the belt: distances along the two sides of the tilted base cells, in cells
    rising = np.floor(side * (0.5 + turn + y / 2)).astype(np.int64)
    falling = np.floor(side * (0.5 + turn - y / 2)).astype(np.int64)
    column, row = rising >> order, falling >> order
    belt_face = np.where(
        row == column, (row & 3) | 4, np.where(row < column, row & 3, (column & 3) + 8)
    )
    belt_x, belt_y = rising & (side - 1), side - 1 - (falling & (side - 1))
    # in the caps, where cells converge towards the pole
    quarter = np.minimum(turn.astype(np.int64), 3)
    reach = side * (2 - np.abs(y))
    east = np.minimum(((turn - quarter) * reach).astype(np.int64), side - 1)
    west = np.minimum(((1 - turn + quarter) * reach).astype(np.int64), side - 1)
    north = y > 0
    cap_face = np.where(north, quarter, quarter + 8)
    cap_x, cap_y = np.where(north, side - 1 - west, east), np.where(north, side - 1 - east, west)
    belt = np.abs(y) <= 1
    face = np.where(belt, belt_face, cap_face)
    x, up = np.where(belt, belt_x, cap_x), np.where(belt, belt_y, cap_y)
    return np.asarray((face << 2 * order) | _spread(x) | (_spread(up) << 1), dtype=np.int64)


def nested(order: int, cell: Integers) -> Integers:
    """Return the NESTED numbers of cells of one order that are numbered in the RING scheme."""
    number = np.asarray(cell, dtype=np.int64)
    if number.size > _PART:
        parts = np.array_split(number, -(-number.size // _PART))
        return np.concatenate([nested(order, part) for part in parts])
    side = np.int64(1) << order
    last = 12 * side * side - 1
    cap = 2 * side * (side - 1)
    # in the northern cap the ring i begins at 2 i (i - 1)
    from_pole = np.minimum(number, last - number)
    ring_of_cap = ((1 + np.sqrt(1 + 2 * from_pole.astype(np.float64))) / 2).astype(np.int64)
    ring_of_cap += (2 * ring_of_cap * (ring_of_cap + 1) <= from_pole).astype(np.int64)
    ring_of_cap -= (2 * ring_of_cap * (ring_of_cap - 1) > from_pole).astype(np.int64)
    belt_ring = side - (number - cap) // (4 * side)
    in_north, in_south = number < cap, number > last - cap
    ring = np.where(
        in_north, 2 * side - ring_of_cap, np.where(in_south, ring_of_cap - 2 * side, belt_ring)
    )
    quarter = cells_in_quarter(order, ring)
    first = np.where(
        in_north,
        2 * ring_of_cap * (ring_of_cap - 1),
        np.where(
            in_south, last + 1 - 2 * ring_of_cap * (ring_of_cap + 1), cap + 4 * side * (side - ring)
        ),
    )
    ra = (number - first + is_shifted(order, ring) / 2) * 90 / quarter
    return cells(order, ra, np.degrees(np.arcsin(sin_dec(ring / 2.0**order))))


def merged(first: Integers, last: Integers) -> tuple[Integers, Integers]:
    """Return ranges of numbers, without their last, sorted and without overlap or contact."""
    by_first = np.argsort(first, kind="stable")
    first, last = first[by_first], np.maximum.accumulate(last[by_first])
    begins = np.concatenate([[True], first[1:] > last[:-1]])
    ends = np.concatenate([begins[1:], [True]])
    return first[begins], last[ends]


def cells_of_ranges(first: Integers, last: Integers) -> tuple[Integers, Integers]:
    """Return orders and numbers of the fewest cells that make up merged ranges of order 29."""
    orders: list[Integers] = []
    numbers: list[Integers] = []
    for order in range(MAX_ORDER + 1):
        shift = 2 * (MAX_ORDER - order)
        begin, end = -(-first >> shift), last >> shift
        some = begin < end
        if some.any():
            _, inside = ranges(begin, end)
            numbers.append(inside)
            orders.append(np.full(len(inside), order))
            # what is left of each range, before and after the cells
            left = np.stack([first, np.where(some, begin << shift, last)])
            right = np.stack([np.where(some, end << shift, last), last])
            first = np.concatenate([left[0], right[0]])
            last = np.concatenate([left[1], right[1]])
            keep = first < last
            first, last = first[keep], last[keep]
    empty = np.empty(0, dtype=np.int64)
    return np.concatenate([empty, *orders]), np.concatenate([empty, *numbers])


def _ring(order: int, face: Integers, x: Integers, y: Integers) -> Integers:
    return np.asarray(x + y + 1 + ((_FACE_Y[face] - 1) << order), dtype=np.int64)


def _split(order: int, cell: Any) -> tuple[Integers, Integers, Integers]:
    """Return the base cells of cells, and their coordinates in it, to the north-east and -west."""
    number = np.asarray(cell, dtype=np.int64)
    within = number & ((1 << 2 * order) - 1)
    return number >> 2 * order, _gather(within), _gather(within >> 1)


def _gather(number: Integers) -> Integers:
    """Return every second bit of numbers, beginning with the lowest."""
    bits = number & _MASKS[0]
    for power, mask in enumerate(_MASKS[1:]):
        bits = (bits | (bits >> (1 << power))) & mask
    return bits


def _spread(number: Integers) -> Integers:
    """Return numbers with a zero after each bit."""
    bits = number
    for power, mask in reversed(tuple(enumerate(_MASKS[:-1]))):
        bits = (bits | (bits << (1 << power))) & mask
    return bits
