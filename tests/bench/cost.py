"""Cost curves: what a step takes for any number of rows, from what it took for some.

A curve is t = a + b·n, or a + b·n + c·n·log₂ n for steps that sort. All terms are at least 0: no
step is faster with more rows. The fit minimises relative residuals, since a tenth of a second
matters for 10⁴ rows and not for 10⁷.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls


@dataclass(frozen=True)
class Curve:
    """A fitted curve.

    Attributes
    ----------
    start, per_row, per_comparison : float
        a, b and c.
    """

    start: float
    per_row: float
    per_comparison: float = 0.0

    def at(self, n: float) -> float:
        """Return the cost of `n` rows."""
        return float(_terms([n], 3)[0] @ [self.start, self.per_row, self.per_comparison])

    @classmethod
    def fitted(cls, rows: Sequence[int], costs: Sequence[float], sorts: bool = False) -> Curve:
        """Fit a curve.

        Parameters
        ----------
        rows, costs : sequence of number
            Two points at least; all costs are above 0.
        sorts : bool
            Whether the step sorts. Its curve has the third term then.
        """
        weights = 1 / np.asarray(costs, float)
        terms = _terms(rows, 3 if sorts else 2) * weights[:, None]
        # columns of equal size, or the solver's tolerance drops the small ones
        scale = np.linalg.norm(terms, axis=0)
        found, _ = nnls(terms / scale, np.ones(len(weights)))
        return cls(*(found / scale).tolist())

    def residuals(self, rows: Sequence[int], costs: Sequence[float]) -> list[float]:
        """Return (measured − fitted) / fitted for each point."""
        return [cost / self.at(n) - 1 for n, cost in zip(rows, costs, strict=True)]


def held_out(rows: Sequence[int], costs: Sequence[float], sorts: bool = False) -> float | None:
    """Return by how much the largest point, which is not fitted, differs from its prediction.

    Parameters
    ----------
    rows, costs, sorts
        As for :meth:`Curve.fitted`, in ascending order of rows.

    Returns
    -------
    float or None
        (measured − predicted) / predicted; None if there are fewer than three points.
    """
    if len(rows) < 3:
        return None
    curve = Curve.fitted(rows[:-1], costs[:-1], sorts)
    return curve.residuals(rows[-1:], costs[-1:])[0]


def _terms(rows: Sequence[float], count: int) -> np.ndarray:
    n = np.asarray(rows, float)
    return np.stack([np.ones_like(n), n, n * np.log2(np.maximum(n, 1))], axis=1)[:, :count]
