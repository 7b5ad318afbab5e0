"""Upper ends against a scan of backgrounds and signals in the steps of Feldman and Cousins."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from scipy.special import gammaln, xlogy

from km3vo.analysis import feldman_cousins

CONFIDENCES = np.array([0.6827, 0.9, 0.95, 0.99])
PER_EVENT = 1000
"""Backgrounds per event."""
BACKGROUNDS = (500, 1000, 1500, 2000, 2500, 3000, 3500, 4000, *range(5000, 16000, 1000))
"""Of the tables, in steps."""
SIGNAL = 0.005 * np.arange(2700)
LARGEST = 20
"""Number of events."""


def printed(value: float) -> Decimal:
    return Decimal(repr(round(float(value), 9))).quantize(Decimal("0.01"), ROUND_HALF_UP)


@pytest.mark.long
def test_lengthened_ends_are_those_of_the_authors_scan() -> None:
    n = np.arange(70)
    highest = np.zeros((len(CONFIDENCES), LARGEST + 1))
    compared = 0
    # from a background beyond those of the tables, as larger ones lengthen intervals
    for step in range(17_500, BACKGROUNDS[0] - 1, -1):
        background = step / PER_EVENT
        mean = (SIGNAL + background)[:, None]
        best = np.maximum(n, background)
        logarithm = xlogy(n, mean) - mean - gammaln(n + 1)
        order = np.argsort(xlogy(n, best) - best - gammaln(n + 1) - logarithm, axis=1)
        probability = np.take_along_axis(np.exp(logarithm), order, axis=1)
        before = np.empty_like(probability)
        np.put_along_axis(before, order, np.cumsum(probability, axis=1) - probability, axis=1)
        fewer = min(int(np.ceil(background)), LARGEST + 1)
        accepted = before[:, :fewer] < CONFIDENCES[:, None, None]
        ends = np.where(accepted, SIGNAL[:, None], 0).max(axis=1)
        highest[:, :fewer] = np.maximum(highest[:, :fewer], ends)
        if step in BACKGROUNDS:
            for row, confidence in zip(highest, CONFIDENCES, strict=True):
                ours = feldman_cousins(np.arange(fewer), background, float(confidence))[1]
                assert [printed(end) for end in ours] == [printed(end) for end in row[:fewer]]
                compared += fewer
    assert compared == 520
