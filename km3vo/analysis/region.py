"""A region of the sky in HEALPix cells, of a coverage map or a sky map."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .arrays import Floats, Integers, numbers
from .errors import AnalysisError
from .healpix import MAX_ORDER, cell_area, cells_of_ranges, merged, nested
from .sphere import SQUARE_DEGREES

TOLERANCE = 0.05
"""How far the sum of a map's probabilities may be from 1; it is then normalised."""
_UNITS = {"cell": None, "sr": 1.0, "deg2": SQUARE_DEGREES}
_FIRST_UNIQ = np.int64(4) ** np.arange(1, MAX_ORDER + 3)
"""The number of the first cell of each order, and of one order more."""
_CELLS = re.compile(r"([0-9]{1,19})(?:-([0-9]{1,19}))?")


@dataclass(frozen=True, eq=False)
class Region:
    """Cells that do not overlap, with the probability of a source in each, if it is known.

    Parameters
    ----------
    order, cell : ndarray, shape (n,)
        Orders and numbers of the cells in the NESTED scheme.
    probability : ndarray, shape (n,), optional
        Probability that the source is in each cell.
    unknown : int
        Number of cells of the map that had no value.
    """

    order: Integers
    cell: Integers
    probability: Floats | None = None
    unknown: int = 0

    @classmethod
    def from_moc_text(cls, text: str) -> Region:
        """Read a coverage map in the ASCII form of MOC 2.0, such as ``3/1,4-6 5/10``.

        Raises
        ------
        AnalysisError
            If it does not have this form, or has no cells.
        """
        found = list(_ranges_of_text(text))
        if not found:
            raise AnalysisError("region", repr(text[:60]), "one cell or more", "such as 3/1,4-6")
        ends = np.array(found, dtype=np.int64).T
        return cls(*cells_of_ranges(*merged(ends[0], ends[1])))

    @classmethod
    def from_uniq(cls, uniq: Any, probability: Any = None, unit: str = "cell") -> Region:
        """Return the region of cells in the NUNIQ scheme, 4^(order + 1) + cell.

        Parameters
        ----------
        uniq : array_like of int, shape (n,)
            The cells. Without a probability, they may overlap.
        probability : array_like, shape (n,), optional
            Probability that the source is in each cell; NaN counts as 0.
        unit : str
            ``cell`` for the probability in each cell, ``sr`` or ``deg2`` for its density.

        Raises
        ------
        AnalysisError
            If a number is not that of a cell, cells with a probability overlap, or the
            probabilities are not valid, see `from_map`.
        """
        number = np.atleast_1d(np.asarray(uniq))
        if number.dtype.kind not in "iu" or number.ndim != 1 or not len(number):
            raise AnalysisError("region", repr(uniq)[:60], "whole numbers of cells, one or more")
        number = number.astype(np.int64)
        order = np.searchsorted(_FIRST_UNIQ, number, side="right") - 1
        wrong = (order < 0) | (order > MAX_ORDER)
        if wrong.any():
            raise AnalysisError(
                "region", int(number[wrong][0]), f"numbers of cells up to order {MAX_ORDER}"
            )
        cell = number - _FIRST_UNIQ[order]
        shift = 2 * (MAX_ORDER - order)
        first, last = cell << shift, (cell + 1) << shift
        if probability is None:
            return cls(*cells_of_ranges(*merged(first, last)))
        by_first = np.argsort(first)
        # not from sums, which overflow
        if (last[by_first][:-1] > first[by_first][1:]).any():
            raise AnalysisError("region", "a map with cells that overlap", "each place once")
        return _with_probability(order, cell, numbers("probability", probability), unit)

    @classmethod
    def from_map(
        cls,
        values: Any,
        order: int | None = None,
        nside: int | None = None,
        nested_cells: bool = True,
        unit: str = "cell",
    ) -> Region:
        """Return the region of a map of the whole sky in cells of one order.

        Parameters
        ----------
        values : array_like, shape (12 · 4^order,)
            Probability that the source is in each cell; NaN counts as 0.
        order, nside : int, optional
            The map's order, or its square root of the number of cells in a base cell. Both follow
            from the number of values.
        nested_cells : bool
            Whether the values are in the order of the NESTED scheme, or of the RING scheme.
        unit : str
            ``cell`` for the probability in each cell, ``sr`` or ``deg2`` for its density.

        Raises
        ------
        AnalysisError
            If the number of values is not that of a map, a value is negative, or they do not sum
            to 1 within `TOLERANCE`.
        """
        value = numbers("probability", values).ravel()
        orders = [k for k in range(MAX_ORDER + 1) if 12 * 4**k == len(value)]
        if not orders or (order, nside) not in _names(orders[0]):
            wanted = "12 · 4^order" if order is None and nside is None else "that of the order"
            raise AnalysisError("probability", f"{len(value)} values", f"{wanted} values")
        cell = np.arange(len(value), dtype=np.int64)
        if not nested_cells:
            cell = nested(orders[0], cell)
        return _with_probability(np.full(len(value), orders[0]), cell, value, unit)

    def smallest(self, containment: float) -> Region:
        """Return the smallest region with a probability, the densest cells first.

        Raises
        ------
        AnalysisError
            If the region has no probabilities, or the containment is not between 0 and 1.
        """
        if not 0 < containment <= 1:
            raise AnalysisError("containment", containment, "a number above 0, up to 1")
        if self.probability is None:
            raise AnalysisError("containment", containment, "a map with probabilities")
        densest = np.argsort(-self.probability * 4.0**self.order)
        reached = np.cumsum(self.probability[densest])
        # rounding: the sum of all may be a little less than 1
        count = int(np.searchsorted(reached, containment * reached[-1] * (1 - 1e-12))) + 1
        chosen = np.zeros(len(densest), dtype=bool)
        chosen[densest[:count]] = True
        return Region(self.order[chosen], self.cell[chosen], self.probability[chosen], self.unknown)

    @property
    def area(self) -> float:
        """Area in deg²."""
        return float(cell_area(self.order).sum() * SQUARE_DEGREES)

    def groups(self) -> Iterator[tuple[int, Integers, Floats | None]]:
        """Yield the cells of each order, with their probabilities."""
        for order in np.flatnonzero(np.bincount(self.order, minlength=1)):
            some = self.order == order
            if some.all():
                yield int(order), self.cell, self.probability
            else:
                chance = None if self.probability is None else self.probability[some]
                yield int(order), self.cell[some], chance


def _names(order: int) -> tuple[tuple[int | None, int | None], ...]:
    return tuple((k, n) for k in (None, order) for n in (None, 2**order))


def _with_probability(order: Integers, cell: Integers, values: Floats, unit: str) -> Region:
    if unit not in _UNITS:
        raise AnalysisError("unit", unit, "cell, sr or deg2")
    if values.shape != cell.shape:
        raise AnalysisError("probability", f"{values.size} values", f"{cell.size}, one per cell")
    known = np.isfinite(values) & (values > -1e30)  # HEALPix marks missing values by -1.6375e30
    chance = np.where(known, values, 0.0)
    if (chance < 0).any():
        raise AnalysisError("probability", float(chance.min()), "values from 0")
    per = _UNITS[unit]
    if per is not None:
        chance = chance * cell_area(order) * per
    total = float(chance.sum())
    if not abs(total - 1) <= TOLERANCE:
        raise AnalysisError(
            "probability",
            f"a map that sums to {total:.6g}",
            f"a sum of 1, within {TOLERANCE:g}",
            "normalise the map, or state that its values are densities per sr or per deg²",
        )
    return Region(order, cell, chance / total, int(np.count_nonzero(~known)))


def _ranges_of_text(text: str) -> Iterator[tuple[int, int]]:
    """Yield the ranges of cells of order 29, without their last, of a coverage map."""
    # without a pattern for the whole: those of blanks and digits take quadratic time
    *parts, listed = (re.split(r"[\s,]+", part.strip()) for part in text.split("/"))
    orders = [part.pop() for part in parts]
    (before, *between) = parts or [listed]
    if "".join(before):
        raise _moc_error(before[0])
    for order_text, words in zip(orders, [*between, listed], strict=bool(parts)):
        if not re.fullmatch("[0-9]{1,2}", order_text):
            raise _moc_error(order_text)
        order = int(order_text)
        for word in filter(None, words):
            ends = _CELLS.fullmatch(word)
            if ends is None:
                raise _moc_error(word)
            first, last = int(ends[1]), int(ends[2] or ends[1])
            if order > MAX_ORDER:
                raise _moc_error(f"{order}/{word}")
            if not first <= last < 12 * 4**order:
                raise AnalysisError(
                    "region",
                    repr(f"{order}/{word}"[:60]),
                    f"cells of order {order} from 0 to {12 * 4**order - 1}, in order",
                )
            shift = 2 * (MAX_ORDER - order)
            yield first << shift, (last + 1) << shift


def _moc_error(word: str) -> AnalysisError:
    return AnalysisError(
        "region",
        repr(word[:60]),
        "a coverage map of order/cells",
        "such as 3/1,4-6 5/10, with orders up to 29",
    )
