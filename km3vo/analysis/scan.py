"""A source tried at each point of a region, with the probability of the region's map."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .arrays import Bools, Floats, Integers, ranges
from .containment import best_radius, contained
from .healpix import cell_area, cells_in_quarter, is_shifted, places
from .intervals import feldman_cousins, sensitivity
from .region import Region
from .region_rings import declinations
from .sample import Sample
from .sphere import fraction_of_parallel

_POINT_ORDERS = (7, 9)
"""Coarsest and finest order of the cells whose centres are tried as positions of a source."""
_NODES = 64
"""Steps of the background between which intervals are interpolated."""


def averaged_over_points(
    sample: Sample, region: Region, index: float, confidence: float
) -> dict[str, float]:
    """Average what `search` gives for a source at the centre of each cell with probability."""
    order = int(np.clip(region.order.max(), *_POINT_ORDERS))
    weight = _weights(region, order)
    some = np.flatnonzero(weight)
    ring, number = places(order, some)
    n_inside, radius = _counts(sample, order)
    side = 1 << order
    row = ring + 2 * side
    seen = radius[row] > 0
    names = ("obs", "bkg", "sig_lo", "sig_up")
    if not seen.any():
        names_ = (*(f"source_{name}" for name in names), "flux_norm", "flux_limit", "sensitivity")
        return dict.fromkeys(names_, float("nan"))
    weight, row = weight[some][seen], row[seen]
    n = n_inside[_first(order)[row] + number[seen]]
    # all that the numbers depend on: the ring, and the number of events
    size = int(n.max()) + 1
    share = np.bincount(row * size + n, weight)
    key = np.flatnonzero(share)
    share = share[key] / share.sum()
    at, count = key // size, (key % size).astype(np.float64)
    dec = declinations((at - 2 * side) / side)
    background = sample.polynomial.in_circle(dec, radius[at])
    low, up, median = _interpolated(count, background, confidence)
    per_flux = sample.acceptance.at(dec, index) * contained(radius[at], sample.resolution)
    values = {
        "source_obs": count,
        "source_bkg": background,
        "source_sig_lo": low,
        "source_sig_up": up,
        "flux_norm": np.maximum(count - background, 0) / per_flux,
        "flux_limit": up / per_flux,
        "sensitivity": median / per_flux,
    }
    return {name: float(share @ value) for name, value in values.items()}


def _weights(region: Region, order: int) -> Floats:
    """Return the probability of each cell of one order."""
    weight = np.zeros(12 << 2 * order)
    total = float(cell_area(region.order).sum())
    for own, cell, chance in region.groups():
        if chance is None:
            chance = np.full(len(cell), float(cell_area(own)) / total)
        if own > order:
            weight += np.bincount(cell >> 2 * (own - order), chance, len(weight))
        else:
            shift = 2 * (order - own)
            which, part = ranges(cell << shift, (cell + 1) << shift)
            weight[part] = chance[which] / 4 ** (order - own)
    return weight


def _first(order: int) -> Integers:
    """Return where the cells of each ring, from the south, begin in a list of all."""
    side = 1 << order
    ring = np.arange(-2 * side, 2 * side + 1)
    size = 4 * cells_in_quarter(order, ring)
    return np.concatenate([[0], np.cumsum(size)[:-1]])


def _counts(sample: Sample, order: int) -> tuple[Integers, Floats]:
    """Return how many events are near each cell's centre, ring by ring, and the rings' radii."""
    side = 1 << order
    ring = np.arange(-2 * side, 2 * side + 1)
    dec = declinations(ring / side)
    density = sample.polynomial.density(dec)
    radius = np.nan_to_num(best_radius(density, sample.resolution))
    radius[[0, -1]] = 0  # there are no cells at the poles
    radius = np.where(sample.sees(dec), radius, 0)
    seen = np.flatnonzero(radius)
    sort = np.argsort(sample.dec)
    events = sample.dec[sort]
    first = np.searchsorted(events, dec[seen] - radius[seen], "left")
    last = np.searchsorted(events, dec[seen] + radius[seen], "right")
    which, place = ranges(first, last)
    row, event = seen[which], sort[place]
    half = 180 * fraction_of_parallel(
        np.sin(np.radians(sample.dec[event])),
        np.sin(np.radians(dec[row])),
        np.cos(np.radians(radius[row])),
    )
    quarter = cells_in_quarter(order, ring)[row]
    shift = is_shifted(order, ring)[row] / 2
    size = 4 * quarter
    begin = np.ceil((sample.ra[event] - half) * quarter / 90 - shift).astype(np.int64)
    end = np.floor((sample.ra[event] + half) * quarter / 90 - shift).astype(np.int64) + 1
    end = np.minimum(end, begin + size)
    starts = _first(order)
    change = np.zeros(12 * side * side + 1, dtype=np.int64)
    # a range that passes right ascension 0 is two
    turn = begin // size
    begin, end = begin - turn * size, end - turn * size
    pieces = ((begin, np.minimum(end, size)), (np.zeros_like(end), end - size))
    for low, high in pieces:
        some: Bools = high > low
        at = starts[row[some]]
        change += np.bincount(at + low[some], minlength=len(change))
        change -= np.bincount(at + high[some], minlength=len(change))
    return np.cumsum(change)[:-1], radius


def _interpolated(
    count: Floats, background: Floats, confidence: float
) -> tuple[Floats, Floats, Floats]:
    """Return intervals and the median limit, interpolated in the background."""
    # a power of two, so that regions share the intervals that were computed
    step = float(2.0 ** np.ceil(np.log2(background.max() / _NODES)))
    nodes = step * np.arange(_NODES + 1)
    low, up = np.empty_like(count), np.empty_like(count)
    for n in np.unique(count):
        some = count == n
        ends = _intervals(float(n), step, confidence)
        low[some], up[some] = (np.interp(background[some], nodes, end) for end in ends)
    return low, up, np.interp(background, nodes, _medians(step, confidence))


@lru_cache(maxsize=512)
def _intervals(n: float, step: float, confidence: float) -> tuple[Floats, Floats]:
    return feldman_cousins(n, step * np.arange(_NODES + 1), confidence)


@lru_cache(maxsize=64)
def _medians(step: float, confidence: float) -> Floats:
    return sensitivity(step * np.arange(_NODES + 1), confidence)
