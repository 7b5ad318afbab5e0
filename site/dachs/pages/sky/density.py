"""How many events there are where, as a HiPS made of the counts in HEALPix cells.

This runs in the Python of DaCHS.
"""

import functools
import math
import threading

import healpy
import numpy as np

from .. import database
from ..answers import Answer, NotFound
from .pictures import png
from .samples import sample

FEWEST = 500
"""A release with fewer events has no density, but points."""
_PER_CELL = 4
"""The mean number of events in a cell, at least."""
_FINEST = 6
_DEEPEST = 1
"""The largest order of tiles: finer ones would show nothing new."""
_WIDTH = 256
_SECONDS = 60
_KEPT = 300
_lock = threading.Lock()


def properties(visit):
    """Return the properties of the HiPS of a release."""
    found = _sample(visit)
    lines = {
        "creator_did": f"ivo://density/{found.name}",
        "obs_title": f"Density of events: {found.release.title}",
        "hips_version": "1.4",
        "hips_status": "private master clonable",
        "hips_frame": "equatorial",
        "hips_order": _DEEPEST,
        "hips_order_min": 0,
        "hips_tile_width": _WIDTH,
        "hips_tile_format": "png",
        "dataproduct_type": "image",
    }
    text = "".join(f"{name:20} = {value}\n" for name, value in lines.items())
    return Answer(text.encode(), "text/plain; charset=utf-8", max_age=_KEPT)


def tile(visit):
    """Return a tile as a PNG file."""
    found = _sample(visit)
    *_, order, _, name = visit.path.split("/")
    order, number = int(order.removeprefix("Norder")), int(name[4:-4])
    if order > _DEEPEST or number >= 12 * 4**order:
        raise NotFound("There is no such tile.")
    return Answer(_tile(found, found.version, order, number), "image/png", max_age=_KEPT)


def peak(found):
    """Return the largest density of the events of a sample, per square degree; None if few."""
    if found.facts["events"] < FEWEST:
        return None
    density = _density(found, found.version)
    return float(density.max())


def _sample(visit):
    found = sample(visit.path.split("/")[2], visit)
    if found.facts["events"] < FEWEST:
        raise NotFound("There are so few events that they are drawn one by one.")
    return found


def _density(found, version):
    with _lock:  # the others wait, and find it
        return _count(found, version)


@functools.lru_cache(20)
def _count(found, _version):
    """Return the number of events per square degree in each cell, in the order NESTED."""
    order = _order(found.facts["events"])
    counts = np.zeros(12 * 4**order)
    rows = database.rows(
        f"SELECT healpix_nest({order}, spoint(radians({found.sql('ra')}),"
        f" radians({found.sql('dec')}))) AS cell, count(*) AS n FROM {found.table} GROUP BY cell",
        seconds=_SECONDS,
    )
    for row in rows:
        counts[row["cell"]] = row["n"]
    return counts / healpy.nside2pixarea(2**order, degrees=True)


def _order(events):
    return min(_FINEST, max(2, math.floor(math.log(events / (12 * _PER_CELL), 4))))


@functools.lru_cache(300)
def _tile(found, version, order, number):
    density = _density(found, version)
    depth = int(math.log2(_WIDTH))
    cells = number * _WIDTH**2 + _cells(depth)
    theta, phi = healpy.pix2ang(2 ** (order + depth), cells.ravel(), nest=True)
    values = healpy.get_interp_val(density, theta, phi, nest=True).reshape(cells.shape)
    shades = np.sqrt(values / max(density.max(), 1e-12)) * 255
    return png(np.clip(shades, 0, 255).astype(np.uint8))


@functools.cache
def _cells(depth):
    """Return the number of each pixel of a tile within the tile; rows from the top.

    In NESTED numbering the bits of the two coordinates alternate; a tile of a HiPS has the one of
    the even bits downwards and the other to the right.
    """
    index = np.arange(2**depth)
    spread = np.zeros_like(index)
    for bit in range(depth):
        spread |= ((index >> bit) & 1) << (2 * bit)
    return spread[:, None] + 2 * spread[None, :]
