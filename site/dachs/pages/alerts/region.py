"""The region of an alert on the sky. This runs in the Python of DaCHS."""

import math
import re
from dataclasses import dataclass, field

import healpy
import numpy as np

from .. import database

_MOST_CELLS = 1500
"""Of a drawing; a region of more cells is drawn with larger ones."""
_CELL_AREA = math.degrees(math.degrees(4 * math.pi)) / 12
"""Of a cell of order 0, in square degrees."""
_MOST_TEXT = 4_000_000
"""Characters of a coverage map; of longer ones only the circle or nothing is drawn."""


@dataclass(frozen=True)
class Region:
    """Where an alert may have come from. Angles in deg.

    Attributes
    ----------
    position : tuple of float, or None
        The best direction, right ascension and declination.
    radii : tuple of float, or None
        The radii that contain the source with 50 % and 90 %, if it is a circle.
    cells : list of (int, ndarray)
        Otherwise, for 90 % and 50 %, the order of HEALPix cells and their nested numbers.
    areas : tuple of float
        The areas of these regions in square degrees.
    centre : tuple of float, or None
        The centre of the region.
    radius : float
        The largest distance of the 90 % region from the centre; 0 without a region.
    """

    position: tuple | None
    radii: tuple | None = None
    cells: tuple = field(default=(), compare=False)
    areas: tuple = ()
    centre: tuple | None = None
    radius: float = 0.0

    def contains_sql(self, ra, dec):
        """Return the condition that the 90 % region contains a position, and its parameters.

        Parameters
        ----------
        ra, dec : str
            The columns of the position.
        """
        if self.radii:
            asked = {"ra": self.centre[0], "dec": self.centre[1], "radius": self.radius}
            return f"q3c_radial_query({ra}, {dec}, %(ra)s, %(dec)s, %(radius)s)", asked
        inside = f"region_90 @> smoc(29, spoint(radians({ra}), radians({dec})))"
        return inside, {}


def region_of(notice):
    """Return the region of a notice, with columns of ``alerts.notices``."""
    position = None if notice["ra"] is None else (notice["ra"], notice["dec"])
    origin = notice["region_origin"] or ""
    if position and origin.startswith("circle"):
        radii = _radii(notice)
        if radii:
            return Region(position, radii, centre=position, radius=radii[1])
    if not notice["has_region"]:
        return Region(position)
    maps = _maps_of(notice["notice_id"])
    if not maps:
        return Region(position)
    cells = tuple(_coarse(parts) for parts in maps)
    areas = tuple(sum((high - low + 1) / 4**order for order, low, high in parts) for parts in maps)
    centre, radius = _extent(*cells[0])
    return Region(
        position,
        cells=cells,
        areas=tuple(_CELL_AREA * area for area in areas),
        centre=centre,
        radius=radius,
    )


def _radii(notice):
    """Return the radii of 50 % and 90 %, scaled as the archive does for its regions."""
    given = [(notice["pos_err_50"], 0.5), (notice["pos_err_90"], 0.9)]
    error, containment = notice["pos_err"], notice["pos_err_cl"]
    if containment == 1:
        given += [(error, 0.5), (error, 0.9)]
    elif containment:
        given.append((error, containment))
    stated = [pair for pair in given if pair[0]] or ([(error, 0.5)] if error else [])
    if not stated:
        return None
    return tuple(_nearest(stated, wanted) for wanted in (0.5, 0.9))


def _nearest(stated, wanted):
    radius, containment = min(stated, key=lambda pair: abs(pair[1] - wanted))
    if containment != wanted:
        radius *= math.sqrt(math.log1p(-wanted) / math.log1p(-containment))
    return min(radius, 180.0)


def _maps_of(notice_id):
    """Return the order, the first and the last number of ranges of cells, for 90 % and 50 %."""
    found = database.row(
        "SELECT region_90::text AS large, region_50::text AS small FROM alerts.notices"
        f" WHERE notice_id = %(notice_id)s AND pg_column_size(region_90) < {_MOST_TEXT}",
        {"notice_id": notice_id},
    )
    texts = (found["large"], found["small"]) if found else ()
    return [_ranges(text) for text in texts if text and re.search(r"/\d", text)]


def _ranges(text):
    """Return the ranges of cells of a coverage map in ASCII."""
    parts = []
    for order, ranges in re.findall(r"(\d+)/([^/]*)(?=\s\d+/|$)", text):
        for begin, end in re.findall(r"(\d+)(?:-(\d+))?", ranges):
            parts.append((int(order), int(begin), int(end or begin)))
    return parts


def _coarse(parts):
    """Return ranges of cells as cells of one order at which they are few enough."""
    order = max(one[0] for one in parts)
    while True:
        bounds = [_at_order(order, *one) for one in parts]
        if order == 0 or sum(high - low + 1 for low, high in bounds) <= 4 * _MOST_CELLS:
            cells = np.unique(np.concatenate([np.arange(low, high + 1) for low, high in bounds]))
            if order == 0 or len(cells) <= _MOST_CELLS:
                return order, cells
        order -= 1


def _at_order(order, own, low, high):
    shift = 2 * (order - own)
    if shift >= 0:
        return low << shift, ((high + 1) << shift) - 1
    return low >> -shift, high >> -shift


def _extent(order, cells):
    """Return the centre of some cells, and the distance of the farthest point from it."""
    vectors = np.stack(healpy.pix2vec(1 << order, cells, nest=True), axis=1)
    mean = vectors.mean(axis=0)
    length = np.linalg.norm(mean)
    mean = vectors[0] if length < 1e-6 else mean / length
    size = math.degrees(healpy.nside2resol(1 << order))
    radius = math.degrees(np.arccos(np.clip((vectors @ mean).min(), -1, 1))) + size
    ra, dec = healpy.vec2ang(mean, lonlat=True)
    return (float(ra[0]), float(dec[0])), min(radius, 180.0)
