"""The middle of a region of the sky. This runs in the Python of DaCHS."""

import healpy
import numpy as np


def middle(region):
    """Return a position in a region: that of its cell which is next to the centre of its mass.

    Parameters
    ----------
    region : dict or None
        Numbers of HEALPix cells by order, as :func:`pages.sky.coverage.cells` returns them.

    Returns
    -------
    float or None
        Right ascension in deg, and declination in deg; None, None without cells.
    """
    if not region:
        return None, None
    places, areas = [], []
    for order, numbers in region.items():
        nside = 1 << int(order)
        places.append(np.stack(healpy.pix2vec(nside, np.array(numbers), nest=True), axis=1))
        areas.append(np.full(len(numbers), nside**-2.0))
    places, areas = np.concatenate(places), np.concatenate(areas)
    ra, dec = healpy.vec2ang(places[np.argmax(places @ (areas @ places))], lonlat=True)
    return float(ra[0]), float(dec[0])
