"""How many events there are where, as a HiPS made of the counts in HEALPix cells.

This runs in the Python of DaCHS.
"""

import functools
import io
import math

import healpy
import numpy as np
from astropy.io import fits

from .. import database
from ..answers import Answer, NotFound
from ..keeping import Locks
from .pictures import png
from .samples import sample

FEWEST = 500
"""A release with fewer events has no density, but points."""
_PER_CELL = 4
"""The mean number of events in a cell, at least."""
_FINEST = 6
_DEEPEST = 3
"""The largest order of tiles: finer ones would show nothing new."""
_WIDTH = 128
_SMALL = 6
"""The power of two of the width of tiles in the picture of all."""
_SECONDS = 60
_KEPT = 300
_locks = Locks()


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


def allsky(visit):
    """Return all tiles of order 3, small, in one picture, with which clients begin."""
    found = _sample(visit)
    return Answer(_mosaic(found, found.version), "image/png", max_age=_KEPT)


def coverage(visit):
    """Return the part of the sky with data, which is all of it, as a coverage map (FITS)."""
    _sample(visit)
    return Answer(_whole_sky(), "application/fits", max_age=_KEPT)


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
    with _locks.of(found.name):  # the others wait, and find it
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
    return png(_shades(_density(found, version), order, number, int(math.log2(_WIDTH))))


@functools.lru_cache(20)
def _mosaic(found, version):
    density = _density(found, version)
    side = 2**_SMALL
    picture = np.zeros((29 * side, 27 * side), np.uint8)
    for number in range(12 * 4**3):
        row, column = (side * one for one in divmod(number, 27))
        shades = _shades(density, 3, number, _SMALL)
        picture[row : row + side, column : column + side] = shades
    return png(picture)


@functools.cache
def _whole_sky():
    cells = fits.Column(name="UNIQ", format="1K", array=np.arange(4, 16))
    table = fits.BinTableHDU.from_columns([cells])
    table.header.update(
        {"MOCVERS": "2.0", "MOCDIM": "SPACE", "ORDERING": "NUNIQ", "COORDSYS": "C"}
        | {"MOCORD_S": 0, "MOCORDER": 0, "PIXTYPE": "HEALPIX"}
    )
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(stream)
    return stream.getvalue()


def _shades(density, order, number, depth):
    """Return the pixels of a tile with sides of ``2**depth`` pixels."""
    cells = number * 4**depth + _cells(depth)
    theta, phi = healpy.pix2ang(2 ** (order + depth), cells.ravel(), nest=True)
    values = healpy.get_interp_val(density, theta, phi, nest=True).reshape(cells.shape)
    shades = np.sqrt(values / max(density.max(), 1e-12)) * 255
    return np.clip(shades, 0, 255).astype(np.uint8)


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
