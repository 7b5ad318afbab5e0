"""Pictures of the region of an alert: the whole sky, and an enlarged view of the region.

They are drawn as paths of SVG, which the template puts into the page, so that they have its
colours. This runs in the Python of DaCHS.
"""

import collections
import functools
import math
from dataclasses import dataclass, field

import healpy
import numpy as np

_ZOOM = 200.0
"""Half the width of the enlarged view, in units of the drawing."""
_SKY = 200.0
"""Half the height of the map of the sky."""
_MOST_ZOOM = 40.0
"""The radius in deg from which a region is shown on the map of the sky only."""
_MARGIN = 1.35
_SMALL = 6.0
"""The radius in deg below which a ring shows where a region is on the map of the sky."""
_GALACTIC_POLE = (192.85948, 27.12825)
"""ICRS, deg: Hipparcos and Tycho Catalogues, ESA SP-1200 (1997), section 1.5.3."""


@dataclass(frozen=True)
class Picture:
    """What a template draws.

    Attributes
    ----------
    sky, zoom : dict of str to str
        Paths by what they show: ``grid``, ``galaxy``, ``large`` and ``small``, which are the
        regions of 90 % and 50 %.
    mark : tuple of float
        Where the best direction is on the map of the sky, or else the centre of the region.
    dot : bool
        Whether it is the best direction.
    ring : bool
        Whether the region is too small to be seen on the map of the sky.
    best : tuple of float, or None
        Where it is in the enlarged view.
    points : list of (float, float, dict)
        Events in the enlarged view.
    sources : list of (float, float, dict)
        Sources in the enlarged view.
    bar : tuple of (float, str), or None
        Length of a bar in the enlarged view, and the angle it stands for.
    """

    sky: dict
    zoom: dict
    mark: tuple
    dot: bool
    ring: bool
    best: tuple | None = None
    points: list = field(default_factory=list)
    sources: list = field(default_factory=list)
    bar: tuple | None = None


def picture_of(region, events=(), sources=()):
    """Return the picture of a region; None if neither a region nor a position is known.

    Parameters
    ----------
    region : Region
        The region.
    events, sources : list of dict
        What else is drawn in the enlarged view, with ``ra`` and ``dec`` in deg.
    """
    where = region.position or region.centre
    if where is None:
        return None
    sky = dict(_background())
    is_small = 0 < region.radius < _MOST_ZOOM
    if region.radius >= _SMALL:
        sky |= _outlines(region, _on_sky)
    x, y = _on_sky(*where)
    mark, dot = (float(x), float(y)), region.position is not None
    if not is_small:
        return Picture(sky, {}, mark, dot, False)
    half = region.radius * _MARGIN

    def on_zoom(ra, dec):
        return _offsets(region.centre, ra, dec, _ZOOM / half)

    return Picture(
        sky,
        _outlines(region, on_zoom),
        mark,
        dot,
        region.radius < _SMALL,
        tuple(map(float, on_zoom(*region.position))) if region.position else None,
        _inside(events, on_zoom),
        _inside(sources, on_zoom),
        _bar(half),
    )


@functools.cache
def _background():
    """Return what is the same on all maps of the sky."""
    return {"grid": _grid(), "galaxy": _line(_circle(_GALACTIC_POLE, 90.0))}


def _inside(things, project):
    found = []
    for one in things:
        if one["ra"] is None or one["dec"] is None:
            continue
        x, y = map(float, project(one["ra"], one["dec"]))
        if max(abs(x), abs(y)) < _ZOOM - 4:
            found.append((x, y, one))
    return found


def _outlines(region, project):
    if region.radii:
        radii = {"small": region.radii[0], "large": region.radii[1]}
        closed = project is not _on_sky
        return {
            name: _line(_circle(region.centre, radius), project, closed)
            for name, radius in radii.items()
        }
    names = ("large", "small")
    return {name: _tiles(*one, project) for name, one in zip(names, region.cells, strict=False)}


def _circle(centre, radius, steps=180):
    """Return the positions at a distance from a centre, in deg."""
    angles = np.linspace(0, 2 * np.pi, steps + 1)
    dec_0, distance = math.radians(centre[1]), math.radians(min(radius, 179.9))
    north = np.cos(angles) * math.sin(distance) * math.cos(dec_0)
    east = np.sin(angles) * math.sin(distance) * math.cos(dec_0)
    sin_dec = math.sin(dec_0) * math.cos(distance) + north
    ra = centre[0] + np.degrees(np.arctan2(east, math.cos(distance) - math.sin(dec_0) * sin_dec))
    return ra % 360, np.degrees(np.arcsin(np.clip(sin_dec, -1, 1)))


def _tiles(order, cells, project):
    """Return the outline of the area that HEALPix cells cover as one path."""
    step = 2 if order > 3 else 6
    edges = collections.Counter()
    for cell in cells:
        corners = healpy.boundaries(1 << order, int(cell), step=step, nest=True)
        ra, dec = healpy.vec2ang(corners.T, lonlat=True)
        if project is _on_sky:  # a cell at the edge of the map stays at one side
            near = healpy.pix2ang(1 << order, int(cell), nest=True, lonlat=True)[0]
            ra = np.clip(near + (ra - near + 180) % 360 - 180, 0, 360)
        x, y = project(ra, dec)
        points = list(zip(x.round(1).tolist(), y.round(1).tolist(), strict=True))
        for begin, end in zip(points, [*points[1:], points[0]], strict=True):
            if edges[end, begin]:  # the neighbour has the same edge the other way round
                edges[end, begin] -= 1
            elif begin != end:
                edges[begin, end] += 1
    return "".join(_path(*zip(*loop, strict=True), True) for loop in _loops(edges))


def _loops(edges):
    """Yield closed lines that consist of all edges; as many begin at each point as end there."""
    following = collections.defaultdict(list)
    for (begin, end), number in edges.items():
        following[begin] += number * [end]
    for first, ends in list(following.items()):
        while ends:
            loop, point = [], first
            while following[point]:
                loop.append(point)
                point = following[point].pop()
            yield loop


def _line(positions, project=None, closed=False):
    """Return a line through positions as a path, interrupted where the map ends."""
    x, y = (project or _on_sky)(*positions)
    if closed:
        return _path(x, y, True)
    breaks = np.flatnonzero(np.abs(np.diff(x)) > _SKY) + 1
    pieces = zip(np.split(x, breaks), np.split(y, breaks), strict=True)
    return "".join(_path(*piece, False) for piece in pieces if len(piece[0]) > 1)


def _path(x, y, closed):
    points = "L".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return f"M{points}{'Z' if closed else ''}"


def _grid():
    """Return lines of equal right ascension and declination on the map of the sky."""
    dec = np.linspace(-90, 90, 61)
    lines = [_path(*_on_sky(np.full(61, ra), dec), False) for ra in range(60, 360, 60)]
    ra = np.array([0.001, 359.999])
    lines += [_path(*_on_sky(ra, np.full(2, d)), False) for d in (-60.0, -30.0, 0.0, 30.0, 60.0)]
    return "".join(lines)


def _on_sky(ra, dec):
    """Project positions (Mollweide); the centre is at 12 h, east is to the left."""
    ra, dec = np.asarray(ra, float), np.asarray(dec, float)
    sin_dec = np.sin(np.radians(dec))
    # solves 2 t + sin 2t = pi sin(dec) by bisection; Newton's method is slow at the poles
    low, high = np.full_like(sin_dec, -np.pi / 2), np.full_like(sin_dec, np.pi / 2)
    for _ in range(30):
        middle = (low + high) / 2
        above = 2 * middle + np.sin(2 * middle) > np.pi * sin_dec
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return 2 * _SKY * (180 - ra) / 180 * np.cos(low), -_SKY * np.sin(low)


def _offsets(centre, ra, dec, scale):
    """Project positions around a centre (azimuthal equidistant); north is up, east to the left."""
    ra, dec = np.radians(np.asarray(ra, float)), np.radians(np.asarray(dec, float))
    ra_0, dec_0 = map(math.radians, centre)
    along = np.cos(dec) * np.cos(ra - ra_0)
    east = np.cos(dec) * np.sin(ra - ra_0)
    north = np.sin(dec) * math.cos(dec_0) - along * math.sin(dec_0)
    towards = np.sin(dec) * math.sin(dec_0) + along * math.cos(dec_0)
    sine = np.hypot(east, north)
    distance = np.degrees(np.arctan2(sine, towards)) / np.where(sine == 0, 1, sine)
    return -scale * distance * east, -scale * distance * north


def _bar(half):
    """Return a round length of about a third of the view in its units, and its name."""
    unit, sign = (1, "°") if half * 0.6 >= 1 else (60, "′") if half * 36 >= 1 else (3600, "″")
    limit = half * 0.7 * unit
    power = 10.0 ** math.floor(math.log10(limit))
    length = max(step * power for step in (1, 2, 5) if step * power <= limit)
    return length / unit / half * _ZOOM, f"{length:g}{sign}"
