"""The cells of a region by rings of constant declination, on which the background depends."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .arrays import Floats, Integers
from .healpix import MAX_ORDER, cell_area, cells, parallel_share, projected, rings, sin_dec
from .region import Region
from .sample import Sample

_RING_ORDER = 9
"""Larger cells are divided into cells of this order, 0.1 deg."""


class Rings(NamedTuple):
    """The cells of a region by order and ring: arrays with one row for each ring that has some.

    Attributes
    ----------
    order, y : ndarray
        Order, and coordinate of the centre in the projection.
    number, probability : ndarray
        Number of cells, and their probability; without a map, in proportion to the area.
    """

    order: Integers
    y: Floats
    number: Floats
    probability: Floats


def rings_of(region: Region) -> Rings:
    """Return the cells of a region by ring, larger cells divided into smaller ones."""
    found: list[tuple[Integers, Floats, Floats, Floats]] = []
    coarse_count = np.zeros(1)
    coarse_chance = np.zeros(1)
    # from order to order, cells that are too large are divided, those of the region added
    groups = {order: (cell, chance) for order, cell, chance in region.groups()}
    total = float(cell_area(region.order).sum())
    for order in range(MAX_ORDER + 1):
        if order <= _RING_ORDER:
            size = (4 << order) + 1
            coarse_count = _divided(coarse_count, size, 1)
            coarse_chance = _divided(coarse_chance, size, 4)
        if order not in groups:
            continue
        cell, chance = groups[order]
        if chance is None:
            chance = np.full(len(cell), float(cell_area(order)) / total)
        ring = rings(order, cell)
        if order <= _RING_ORDER:
            place = ring + (2 << order)
            coarse_count += np.bincount(place, minlength=size)
            coarse_chance += np.bincount(place, chance, size)
        else:
            some, inverse = np.unique(ring, return_inverse=True)
            orders = np.full(len(some), order, dtype=np.int64)
            number = np.bincount(inverse).astype(np.float64)
            total_chance = np.bincount(inverse, chance).astype(np.float64)
            found.append((orders, some / 2.0**order, number, total_chance))
    place = np.flatnonzero(coarse_count)
    y = (place - (2 << _RING_ORDER)) / 2.0**_RING_ORDER
    found.append(
        (
            np.full(len(place), _RING_ORDER, dtype=np.int64),
            y,
            coarse_count[place],
            coarse_chance[place],
        )
    )
    return Rings(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _divided(values: Floats, size: int, share: int) -> Floats:
    """Divide the cells of each ring into four: two in the same ring, one above, one below."""
    divided = np.zeros(size)
    if len(values) * 2 - 1 == size:
        divided[::2] = 2 * values / share
        divided[1:-1:2] += values[:-1] / share
        divided[1:-1:2] += values[1:] / share
    return divided


def expected_in_rings(sample: Sample, by_ring: Rings) -> Floats:
    """Return the background expected in the cells of each ring, by the polynomial.

    The area of a cell is a triangle along y. Two points at its standard deviation integrate
    polynomials up to the third degree exactly.
    """
    step = 2.0 ** -by_ring.order.astype(np.float64) / np.sqrt(6)
    density = sum(
        sample.polynomial.density(declinations(by_ring.y + sign * step)) / 2 for sign in (-1, 1)
    )
    expected: Floats = density * cell_area(by_ring.order) * by_ring.number
    return expected


def shares_of_events(sample: Sample, by_ring: Rings) -> Floats:
    """Return for each event which fraction of its circle of constant declination is in the region.

    It is the probability that the event is inside after its right ascension is scrambled.
    """
    y = projected(np.sin(np.radians(sample.dec)))
    shares = np.zeros(len(y))
    for order in np.unique(by_ring.order):
        some = by_ring.order == order
        at = by_ring.y[some]
        sort = np.argsort(at)
        at, count = at[sort], by_ring.number[some][sort]
        step = 2.0 ** -float(order)
        below = np.floor(y / step) * step
        for centre in (below, below + step):
            place = np.minimum(np.searchsorted(at, centre), len(at) - 1)
            hit = np.where(at[place] == centre, count[place], 0.0)
            shares += hit * parallel_share(y - centre, y, order)
    return np.minimum(shares, 1)


def events_inside(sample: Sample, region: Region) -> Integers:
    """Return the indices of the events in a region."""
    finest = cells(MAX_ORDER, sample.ra, sample.dec)
    inside = np.zeros(len(finest), dtype=bool)
    for order, cell, _ in region.groups():
        place = finest >> 2 * (MAX_ORDER - order)
        if order <= 10:
            covered = np.zeros(12 << 2 * order, dtype=bool)
            covered[cell] = True
            inside |= covered[place]
        else:
            inside |= np.isin(place, cell)
    return np.flatnonzero(inside)


def declinations(y: Floats) -> Floats:
    """Return declinations in deg at coordinates y of the projection."""
    return np.asarray(np.degrees(np.arcsin(np.clip(sin_dec(y), -1, 1))))
