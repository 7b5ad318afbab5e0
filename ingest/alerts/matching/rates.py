r"""How often pairs of unrelated alerts occur: the false-alarm rates of coincidences, as in RAVEN.

A pair has the two rates :math:`F_1, F_2`, at which chance gives alerts at least as significant,
and the window :math:`\Delta t`. If the significance of only one of them is known, it orders the
pairs, and the other stream has its rate :math:`R_2`:

.. math:: \mathrm{FAR}_t = \Delta t \, R_2 \, F_1 .

If both are known, pairs are ordered by :math:`z = \Delta t \, F_1 F_2`. Those with at most this
product, of any :math:`F_1 \le R_1` and :math:`F_2 \le R_2`, have the rate

.. math:: \mathrm{FAR}_t = z \left(1 - \ln\frac{z}{z_\mathrm{max}}\right), \qquad
          z_\mathrm{max} = \Delta t \, R_1 R_2 .

With the overlap :math:`I` of their directions both become
:math:`\mathrm{FAR}_{st} = \mathrm{FAR}_t / I`, the untargeted and the targeted search of ligo-raven
(https://ligo-raven.readthedocs.io/en/latest/joint_far.html; Urban 2016, PhD thesis, University of
Wisconsin-Milwaukee). Because :math:`I` is 1 on average for unrelated directions, at most the
fraction y of chance pairs has :math:`1/I \le y` (Markov's inequality), and pairs with a rate of at
most y occur at most at the rate y.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rates:
    """The rates of one side of a pair.

    Attributes
    ----------
    far : float or None
        False-alarm rate of the notice in Hz; None if it is not known.
    stream : float
        Rate of all alerts of the stream in Hz, which is the largest false-alarm rate, too.
    """

    far: float | None
    stream: float

    @property
    def known(self) -> float | None:
        """The false-alarm rate if it is usable."""
        return self.far if self.far is not None and 0 < self.far < math.inf else None

    @property
    def effective(self) -> float:
        """The false-alarm rate, or else that of the stream."""
        return self.known or self.stream

    @property
    def largest(self) -> float:
        """The largest false-alarm rate of the stream."""
        return max(self.stream, self.known or 0.0)


def temporal_far(window: float, one: Rates, other: Rates) -> float:
    """Return the rate in Hz of unrelated pairs at least as significant.

    Parameters
    ----------
    window : float
        Length of the time window in s.
    one, other : Rates
        The two sides.
    """
    z = window * one.effective * other.effective
    sides = (one, other)
    if any(side.known is None for side in sides):
        return z
    # side by side: products of rates that a sender makes tiny could be 0
    return z * (1 + math.fsum(math.log(side.largest) - math.log(side.effective) for side in sides))


def spatiotemporal_far(temporal: float, overlap: float) -> float | None:
    """Return the rate in Hz of unrelated pairs at least as significant with their directions.

    None if the directions exclude one another: all pairs are at least as significant.
    """
    return temporal / overlap if overlap > 0 and math.isfinite(temporal / overlap) else None


def chance(expected: float, overlap: float | None) -> float:
    """Return the probability of at least one such partner by chance.

    Parameters
    ----------
    expected : float
        Number of partners at least as significant that the time window has by chance.
    overlap : float or None
        The overlap of the directions; None if it is not known.
    """
    if overlap is not None:
        expected = expected / overlap if overlap > 0 else math.inf
    return -math.expm1(-expected)
