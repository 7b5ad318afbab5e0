"""Sky maps with a known density, in the conventions that collaborations use."""

from __future__ import annotations

import gzip
import io
import math

import numpy as np
from astropy import units as u
from astropy.coordinates import BarycentricMeanEcliptic, SkyCoord
from astropy.io import fits
from astropy_healpix import healpix_to_lonlat, level_ipix_to_uniq

CENTRE, KAPPA = (150.0, -35.0), 800.0
FRAMES = {"C": "icrs", "G": "galactic", "E": BarycentricMeanEcliptic()}


def fisher(ra, dec, centre, kappa):
    """Return Fisher's density per sr at positions in deg (1953, Proc. R. Soc. A 217, 295)."""
    apart = SkyCoord(ra, dec, unit="deg").separation(SkyCoord(*centre, unit="deg")).rad
    norm = kappa / (2 * math.pi * -math.expm1(-2 * kappa))
    return norm * np.exp(-2 * kappa * np.sin(apart / 2) ** 2)


def fisher_radius(level, kappa):
    """Return the radius in deg of the circle that contains a share of Fisher's distribution."""
    return math.degrees(math.acos(1 + math.log1p(level * math.expm1(-2 * kappa)) / kappa))


def cap(radius):
    """Return the area of a circle in square degrees."""
    return 2 * math.pi * (1 - math.cos(math.radians(radius))) * math.degrees(1) ** 2


def flat_density(nside, centre, kappa, scheme="nested", system="C"):
    """Return Fisher's density in every pixel of a map in a system of coordinates."""
    lon, lat = healpix_to_lonlat(np.arange(12 * nside**2), nside, order=scheme)
    there = SkyCoord(lon, lat, frame=FRAMES[system]).icrs
    return fisher(there.ra.deg, there.dec.deg, centre, kappa)


def table_bytes(columns, cards, packed=False):
    """Return a FITS file with one table.

    Parameters
    ----------
    columns : sequence of (name, format, unit, array)
    """
    made = [fits.Column(name, form, unit, array=array) for name, form, unit, array in columns]
    table = fits.BinTableHDU.from_columns(made)
    table.header.update(cards)
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(stream)
    return gzip.compress(stream.getvalue(), 1) if packed else stream.getvalue()


def flat_bytes(
    values, nside, *, name="PROB", unit="pix-1", scheme="NESTED", system="C", per_row=1,
    code="D", packed=False, **cards,
):  # fmt: skip
    cards = {"PIXTYPE": "HEALPIX", "ORDERING": scheme, "NSIDE": nside, "COORDSYS": system, **cards}
    cards = {key: value for key, value in cards.items() if value is not None}
    rows = np.asarray(values).reshape(-1, per_row) if per_row > 1 else values
    form = f"{per_row}{code}" if per_row > 1 else code
    return table_bytes([(name, form, unit, rows)], cards, packed)


def multi_order(name="PROBDENSITY", unit="sr-1", per=lambda area: 1.0, system="C", **cards):
    """Return a file with cells of order 6 near the centre, and of order 3 elsewhere."""
    coarse = np.arange(12 * 4**3)
    density = flat_density(8, CENTRE, KAPPA, system=system)
    near = density > 1e-4 * density.max()
    fine = (coarse[near, None] * 64 + np.arange(64)).ravel()
    values = np.concatenate([density[~near], flat_density(64, CENTRE, KAPPA, system=system)[fine]])
    level = np.repeat([3, 6], [np.count_nonzero(~near), len(fine)])
    uniq = level_ipix_to_uniq(level, np.concatenate([coarse[~near], fine]))
    scale = np.array([per(4 * math.pi / (12 * 4**order)) for order in level])
    cards = {"PIXTYPE": "HEALPIX", "ORDERING": "NUNIQ", "COORDSYS": system, **cards}
    return table_bytes([("UNIQ", "K", None, uniq), (name, "D", unit, values * scale)], cards)


def pixel_area(nside):
    return 4 * math.pi / (12 * nside**2) * u.sr
