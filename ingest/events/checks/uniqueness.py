"""Finds repeated rows by 64-bit hashes, as they are read.

Among n different rows, the probability that any two have the same hash is n² / 2 / 2⁶⁴: 3 in a
million for ten million rows, 3 in ten thousand for a hundred million.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

_GOLDEN = 0x9E3779B97F4A7C15
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)


def hash_rows(columns: Iterable[npt.NDArray[np.generic]]) -> Hashes:
    """Return one 64-bit hash per row.

    Equal values have equal hashes in any chunk: words that are zero do not contribute, so the
    padding of text has no effect.

    Parameters
    ----------
    columns : iterable of numpy.ndarray
        Columns of equal length: numbers of up to 8 bytes, or text.
    """
    total: Hashes | None = None
    position = 0
    for column in columns:
        for word in _words(column):
            position += 1
            if total is None:
                total = np.zeros(len(word), np.uint64)
            if word.any():
                key = np.uint64(position * _GOLDEN & 0xFFFFFFFFFFFFFFFF)
                total += np.where(word == 0, np.uint64(0), _mixed(word ^ key))
    if total is None:
        raise ValueError("no columns to hash")
    return total


def _words(column: npt.NDArray[np.generic]) -> Iterable[Hashes]:
    """Split a column into columns of 64-bit words."""
    if column.dtype.kind == "U":
        text = np.ascontiguousarray(column)
        letters = text.view(np.uint32).reshape(len(text), -1)
        if letters.shape[1] % 2:
            letters = np.pad(letters, ((0, 0), (0, 1)))
        yield from np.ascontiguousarray(letters).view(np.uint64).T
    elif column.dtype.kind == "S":
        size = -(-column.dtype.itemsize // 8) * 8
        yield from column.astype(f"S{size}").view(np.uint64).reshape(len(column), -1).T
    elif column.dtype.kind == "f":
        # adding zero turns negative zero into zero
        yield (column.astype(np.float64) + 0.0).view(np.uint64)
    else:
        yield column.astype(np.int64).view(np.uint64)


def _mixed(word: Hashes) -> Hashes:
    """Mix the bits with the finaliser of SplitMix64 (Steele, Lea & Flood 2014)."""
    word = (word ^ (word >> np.uint64(30))) * _M1
    word = (word ^ (word >> np.uint64(27))) * _M2
    return word ^ (word >> np.uint64(31))


class SeenRows:
    """Remembers hashes, and finds those that repeat.

    The hashes are stored in sorted arrays of doubling length, so that adding a chunk to n rows
    takes about log n steps per row, all of them in numpy.
    """

    def __init__(self) -> None:
        self._levels: list[Hashes] = []

    def add(self, hashes: Hashes) -> Mask:
        """Remember `hashes`; return which of them occurred before."""
        order = np.argsort(hashes)
        ordered = hashes[order]
        repeated = np.zeros(len(hashes), np.bool_)
        repeated[1:] = ordered[1:] == ordered[:-1]
        if repeated.any():
            # the first of equal rows must come first, which only matters here
            order = np.argsort(hashes, kind="stable")
        repeated |= self.contains(ordered)
        self._insert(ordered[~repeated])
        mask = np.empty(len(hashes), np.bool_)
        mask[order] = repeated
        return mask

    def __len__(self) -> int:
        return sum(map(len, self._levels))

    def contains(self, ordered: Hashes) -> Mask:
        """Return which of some hashes in ascending order are remembered."""
        found = np.zeros(len(ordered), np.bool_)
        for level in self._levels:
            place = np.searchsorted(level, ordered)
            place[place == len(level)] = 0
            found |= level[place] == ordered
        return found

    def _insert(self, ordered: Hashes) -> None:
        if not len(ordered):
            return
        self._levels.append(ordered)
        while len(self._levels) > 1 and len(self._levels[-2]) < 2 * len(self._levels[-1]):
            merged = np.concatenate(self._levels[-2:])
            # two sorted runs: the stable sort merges them in one pass
            merged.sort(kind="stable")
            self._levels[-2:] = [merged]


class KnownRepeats:
    """Finds repeated rows when the hashes that repeat are known.

    Parameters
    ----------
    hashes : numpy.ndarray
        The hashes that occur more than once, in ascending order; others may be among them.
    seen : numpy.ndarray, optional
        Which of them occurred before.
    """

    def __init__(self, hashes: Hashes, seen: Mask | None = None) -> None:
        self._hashes = hashes
        self._seen = np.zeros(len(hashes), np.bool_) if seen is None else seen

    def add(self, hashes: Hashes) -> Mask:
        """Return which rows have a hash that occurred before."""
        mask = np.zeros(len(hashes), np.bool_)
        if not len(self._hashes):
            return mask
        place = np.searchsorted(self._hashes, hashes)
        place[place == len(self._hashes)] = 0
        rows = np.flatnonzero(self._hashes[place] == hashes)
        known, first = np.unique(place[rows], return_index=True)
        mask[rows] = True
        mask[rows[first]] = self._seen[known]
        self._seen[known] = True
        return mask
