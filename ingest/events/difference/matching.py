"""Which event of the old version is which of the new one.

Identical rows are matched first, so that in a group of events with the same time only those are
left that really differ. The others are matched by name or, where names only number the lines of
a file, by time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

_TIME_STEPS: Final = (1e-6, 1e-4)
"""d; the second is the precision of ANTARES' public list."""


@dataclass(frozen=True)
class Keys:
    """What identifies the rows of one version, as arrays of equal length.

    Attributes
    ----------
    row : ndarray
        Hash of all compared values.
    mjd : ndarray
        Time, MJD.
    name : ndarray or None
        Hash of the event's name, 0 if it has none; None if events are identified by time.
    direction : ndarray or None
        Hash of the position, which tells apart events of the same time.
    """

    row: Hashes
    mjd: npt.NDArray[np.float64]
    name: Hashes | None = None
    direction: Hashes | None = None


@dataclass(frozen=True)
class Matches:
    """Pairs of rows, by their numbers in the old and in the new version."""

    identical: tuple[Numbers, Numbers]
    different: tuple[Numbers, Numbers]
    removed: Numbers
    added: Numbers


def match(old: Keys, new: Keys) -> Matches:
    """Match the rows of two versions; each row is matched at most once."""
    identical = pair_equal(old.row, new.row)
    left_old, left_new = (
        _others(len(keys.row), used) for keys, used in zip((old, new), identical, strict=True)
    )
    olds, news = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for key_old, key_new in _passes(old, new):
        if not len(left_old) or not len(left_new):
            break
        one, other = key_old(left_old), key_new(left_new)
        place_old, place_new = pair_equal(one[0], other[0], one[1], other[1])
        olds.append(left_old[place_old])
        news.append(left_new[place_new])
        left_old = left_old[_others(len(left_old), place_old)]
        left_new = left_new[_others(len(left_new), place_new)]
    # in the order of the old file, so that values are read from the disk in their order
    order = np.argsort(all_old := np.concatenate(olds))
    different = all_old[order], np.concatenate(news)[order]
    return Matches(identical, different, left_old, left_new)


def pair_equal(
    old: npt.NDArray[Any],
    new: npt.NDArray[Any],
    old_usable: npt.NDArray[np.bool_] | None = None,
    new_usable: npt.NDArray[np.bool_] | None = None,
) -> tuple[Numbers, Numbers]:
    """Return the places of equal keys in two arrays.

    Of a key that occurs m times in one and n times in the other, the first min(m, n) are paired
    in their order.

    Parameters
    ----------
    old, new : ndarray
        The keys.
    old_usable, new_usable : ndarray of bool, optional
        Which of them may be paired; by default all.
    """
    place_old = _usable(len(old), old_usable)
    place_new = _usable(len(new), new_usable)
    place_old = place_old[np.argsort(old[place_old], kind="stable")]
    place_new = place_new[np.argsort(new[place_new], kind="stable")]
    old, new = old[place_old], new[place_new]
    if not len(old) or not len(new):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    number = np.arange(len(old))
    starts = np.concatenate([[True], old[1:] != old[:-1]])
    occurrence = number - np.maximum.accumulate(np.where(starts, number, 0))
    partner = np.searchsorted(new, old, "left") + occurrence
    paired = partner < len(new)
    paired[paired] = new[partner[paired]] == old[paired]
    return place_old[paired], place_new[partner[paired]]


def _passes(old: Keys, new: Keys) -> Iterator[Any]:
    """Yield the ways to match what is not identical, the surest first.

    Each is a pair of functions that return the keys of rows, and which of them may be used.
    """
    if old.name is not None and new.name is not None:
        yield _by_name(old.name), _by_name(new.name)
    for step in _TIME_STEPS:
        # a second grid, shifted by half a step, has those that the first one separates
        for shift in (0.5, 0.0):
            if old.direction is not None:
                yield tuple(_by_time(keys, step, shift, keys.direction) for keys in (old, new))
            yield tuple(_by_time(keys, step, shift) for keys in (old, new))


def _by_name(names: Hashes) -> Any:
    def key(rows: Numbers) -> tuple[Hashes, npt.NDArray[np.bool_]]:
        return names[rows], names[rows] != 0

    return key


def _by_time(keys: Keys, step: float, shift: float, direction: Hashes | None = None) -> Any:
    def key(rows: Numbers) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
        bins = np.floor(keys.mjd[rows] / step + shift).astype(np.int64).view(np.uint64)
        if direction is not None:
            # any odd number distributes the bins over all bits
            bins = bins * np.uint64(0x9E3779B97F4A7C15) ^ direction[rows]
        # an event with a name is only itself
        usable = np.ones(len(rows), np.bool_) if keys.name is None else keys.name[rows] == 0
        return bins, usable

    return key


def _usable(count: int, usable: npt.NDArray[np.bool_] | None) -> Numbers:
    return np.arange(count) if usable is None else np.flatnonzero(usable)


def _others(count: int, used: Numbers) -> Numbers:
    """Return the numbers below `count` that are not used."""
    free = np.ones(count, np.bool_)
    free[used] = False
    return np.flatnonzero(free)
