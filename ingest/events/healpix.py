"""Pixels of equal area on the sphere: HEALPix, ring scheme (Górski et al. 2005, ApJ 622, 759)."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt


def pixels(nside: int) -> int:
    """Return how many pixels the sphere has."""
    return 12 * nside * nside


def nside_of(count: int) -> int:
    """Return the resolution with `count` pixels."""
    return math.isqrt(count // 12)


def pixel(nside: int, ra: npt.ArrayLike, dec: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return the numbers of the pixels that positions in deg lie in, shape (n,)."""
    z = np.sin(np.radians(np.asarray(dec, np.float64)))
    quarter = np.asarray(ra, np.float64) / 90.0 % 4.0
    # between the polar caps: rising and falling lines, numbered from 12 o'clock
    rise = nside * (0.5 + quarter)
    slope = nside * z * 0.75
    up = np.floor(rise - slope).astype(np.int64)
    down = np.floor(rise + slope).astype(np.int64)
    ring = nside + 1 + up - down
    place = (up + down - nside + 1 + (1 - ring % 2)) // 2 % (4 * nside)
    belt = 2 * nside * (nside - 1) + (ring - 1) * 4 * nside + place
    # in the caps the rings grow from the pole
    part = quarter % 1.0
    reach = nside * np.sqrt(3 * (1 - np.abs(z)))
    up = np.minimum((part * reach).astype(np.int64), nside - 1)
    down = np.minimum(((1 - part) * reach).astype(np.int64), nside - 1)
    ring = up + down + 1
    place = np.minimum((quarter * ring).astype(np.int64), 4 * ring - 1)
    north = 2 * ring * (ring - 1) + place
    south = pixels(nside) - 2 * ring * (ring + 1) + place
    cap = np.where(z > 0, north, south)
    result: npt.NDArray[np.int64] = np.where(np.abs(z) <= 2 / 3, belt, cap)
    return result
