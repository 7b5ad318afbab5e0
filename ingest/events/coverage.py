"""Coverage of a release on the sky, as a MOC for registries."""

from __future__ import annotations

from typing import Final

import numpy as np

from ingest.core.mocs import moc_text

_ORDER: Final = 6
"""The order that VODataService recommends at least; cells are 0.9 degrees wide."""
_CELL: Final = 0.9
"""Largest distance from the centre of a cell of that order to its corners, deg."""


def sky_coverage(ra: float, dec: float, diameter: float) -> str:
    """Return the cells that a circle on the sky touches.

    Parameters
    ----------
    ra, dec : float
        Its centre, ICRS, deg.
    diameter : float
        Its diameter, deg; 360 for the whole sky.

    Returns
    -------
    str
        A MOC in ASCII, as VODataService has it.
    """
    # not at the top: most commands load this module, and these libraries take 0.2 s
    from astropy_healpix import healpix_to_lonlat
    from mocpy import MOC

    cells = np.arange(12 * 4**_ORDER)
    longitudes, latitudes = healpix_to_lonlat(cells, 2**_ORDER, order="nested")
    lon, lat = longitudes.to_value("rad"), latitudes.to_value("rad")
    lon0, lat0 = np.radians(ra), np.radians(dec)
    cosine = np.sin(lat0) * np.sin(lat) + np.cos(lat0) * np.cos(lat) * np.cos(lon - lon0)
    inside = cosine >= np.cos(np.radians(min(diameter / 2 + _CELL, 180)))
    moc = MOC.from_healpix_cells(cells[inside].astype(np.uint64), np.uint8(_ORDER), _ORDER)
    return moc_text(moc)
