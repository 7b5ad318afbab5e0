"""A picture of where the source of an alert is, from its sky map or its error circle.

The whole sky is Mollweide's map; beside it are the surroundings where the region is small. The
colours are credible levels, not densities: they look alike for a map of a second of arc and for
one of half the sky, and bright is where to look first.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from ingest.alerts.notices import Position, radii
from ingest.alerts.skymaps.cells import SQUARE_DEGREES, areas, centres, split_uniq
from ingest.alerts.skymaps.circles import chord, unit_vectors
from ingest.alerts.skymaps.model import SkyMap
from ingest.core.errors import InputError
from ingest.core.skyplot import (
    BOLD,
    DENSITY,
    EVENT,
    GRID,
    INK,
    NIGHT,
    OUTLINED,
    draw_frame,
    draw_plane,
    inverse,
    mollweide,
    save,
    write,
)

Floats = npt.NDArray[np.float64]

WIDEST_ZOOM: Final = 30.0
"""deg: a region that reaches further from its centre is seen well enough on the whole sky."""
_ALONE, _BESIDE, _DPI = (10.0, 6.0), (10.0, 4.8), 110
"""Sizes in inches: of the whole sky alone, and with the surroundings beside it."""
_ZOOM_PIXELS: Final = 480
_SHOWN: Final = 0.999
"""The faintest level that has a colour."""
_LEVELS: Final = (0.5, 0.9)


@dataclass(frozen=True)
class _Place:
    """What is drawn."""

    level: Callable[[Floats, Floats], Floats]
    """The credible level at positions in deg."""
    centre: tuple[float, float]
    reach: float
    """deg: how far the 90 % region goes from its centre."""
    best: tuple[float, float]
    areas: tuple[float, float]
    """Square degrees of the regions."""
    cell: float | None
    """deg: how large the map's cells are in the 90 % region; None for two circles."""


def write_map_preview(what: SkyMap | Position, path: Path, title: str, below: str = "") -> Path:
    """Draw a sky map or an error circle.

    Parameters
    ----------
    what : SkyMap or Position
        A position must have a radius.
    path : pathlib.Path
        The picture, PNG; replaced if it is there. The same input gives the same bytes.
    title, below : str
        The name of the alert, and a line below it: when it was and who sent it.

    Returns
    -------
    pathlib.Path
        `path`.

    Raises
    ------
    InputError
        If a position has no radius.
    """
    place = _of_map(what) if isinstance(what, SkyMap) else _of_position(what)
    zoomed = place.reach <= WIDEST_ZOOM
    # whatever the user's own settings of matplotlib are
    with style.context("default"):
        figure = Figure(figsize=_BESIDE if zoomed else _ALONE, dpi=_DPI, facecolor="white")
        axes = figure.add_axes((0.045, 0.05, 0.62, 0.75) if zoomed else (0.045, 0.06, 0.91, 0.78))
        draw_frame(axes)
        draw_plane(axes)
        _draw_sky(axes, place, zoomed)
        write(figure, 0.045, 0.93 if zoomed else 0.945, title, 15, BOLD)
        write(figure, 0.045, 0.867 if zoomed else 0.895, below, 11)
        if zoomed:
            _draw_zoom(figure, place)
        _draw_key(figure, place, zoomed)
        return save(figure, path)


def _of_map(sky: SkyMap) -> _Place:
    inside = sky.in_region(0.9)
    order, cell = split_uniq(sky.uniq[inside])
    vectors = unit_vectors(*centres(order, cell))
    mean = sky.probability[inside] @ vectors
    length = float(np.linalg.norm(mean))
    mean = mean / length if length > 1e-6 else vectors[0]
    size = np.degrees(np.sqrt(areas(order)))
    apart = _angles(vectors, mean) + size
    where = (
        math.degrees(math.atan2(mean[1], mean[0])) % 360,
        math.degrees(math.atan2(mean[2], math.hypot(mean[0], mean[1]))),
    )
    both = (sky.area(0.5), sky.area(0.9))
    return _Place(
        sky.containment_at, where, float(apart.max()), sky.best(), both, float(np.median(size))
    )


def _of_position(position: Position) -> _Place:
    found = radii(position)
    if found is None:
        raise InputError("the position has no radius, so there is no region to draw")
    small, large = found[:2]
    centre = unit_vectors(position.ra, position.dec)

    def level(ra: Floats, dec: Floats) -> Floats:
        apart = _angles(unit_vectors(ra, dec), centre)
        return np.where(apart <= small, 0.5, np.where(apart <= large, 0.9, 1.0))

    caps = [2 * math.pi * (1 - math.cos(math.radians(radius))) for radius in (small, large)]
    where = (position.ra, position.dec)
    both = (caps[0] * SQUARE_DEGREES, caps[1] * SQUARE_DEGREES)
    return _Place(level, where, large, where, both, None)


def _angles(vectors: Floats, centre: Floats) -> Floats:
    """Return distances in deg."""
    return np.asarray(np.degrees(2 * np.arcsin(np.minimum(chord(vectors, centre) / 2, 1))))


def _draw_levels(
    axes: Axes, place: _Place, ra: Floats, dec: Floats, extent: Any, seen: Any, pixel: float
) -> None:
    """Draw the levels in the pixels of an image, and the edges of the regions."""
    level = np.ones(seen.shape)
    level[seen] = place.level(ra, dec)
    shown = np.ma.masked_where(~seen | (level > _SHOWN), 1 - level)
    colours = DENSITY if place.cell else ListedColormap([DENSITY(0.35), DENSITY(0.75)])
    top = 1.0 if place.cell else 0.5
    axes.imshow(
        shown, extent=extent, origin="lower", cmap=colours, vmin=0.0 if place.cell else 0.1,
        vmax=top, interpolation="nearest", zorder=2, aspect="auto",
    )  # fmt: skip
    lines: dict[str, Any] = {"colors": [EVENT, EVENT], "linewidths": 1.2, "zorder": 6}
    edges = [0.5 + 1e-6, 0.9 + 1e-6]
    if (level <= 0.9).any() and (level > 0.9).any():
        if place.cell:
            # a line around cells is a saw; one around their mean is what the map wants to say
            level = _blurred(level, round(place.cell / pixel))
        axes.contour(level, levels=edges, extent=extent, linestyles=["-", "--"], **lines)


def _blurred(image: Floats, width: int) -> Floats:
    """Return an image in which each pixel is the mean of those around it, twice."""
    half = width // 2
    if not half:
        return image
    window = np.ones(2 * half + 1) / (2 * half + 1)
    for axis in (0, 1, 0, 1):
        padding = [(half, half) if one == axis else (0, 0) for one in (0, 1)]
        wide = np.pad(image, padding, mode="edge")
        image = np.apply_along_axis(np.convolve, axis, wide, window, "valid")
    return image


def _draw_sky(axes: Axes, place: _Place, zoomed: bool) -> None:
    width, height = 1000, 500
    x, y = np.meshgrid(
        (np.arange(width) + 0.5) / width * 4 - 2, (np.arange(height) + 0.5) / height * 2 - 1
    )
    inside = x**2 / 4 + y**2 < 1
    if place.reach > 1.5:
        ra, dec = inverse(x[inside], y[inside])
        _draw_levels(axes, place, ra, dec, (-2, 2, -1, 1), inside, 360 / width)
        axes.set_aspect("equal")
    if zoomed:
        # a ring that is seen at any size of the region
        where = mollweide(*place.centre)
        ring: dict[str, Any] = {"marker": "o", "mfc": "none", "zorder": 9, "clip_on": False}
        if place.reach < 8:
            axes.plot(*where, ms=17, mew=1.6, mec=EVENT, **ring, **OUTLINED)
            axes.plot(*where, marker=".", ms=4, color=EVENT, zorder=7)
    else:
        axes.plot(*mollweide(*place.best), marker="+", ms=10, mew=1.6, color=INK, zorder=7)


def _draw_zoom(figure: Figure, place: _Place) -> None:
    """Draw the surroundings of the centre: distances from it are true (azimuthal equidistant)."""
    axes = figure.add_axes((0.70, 0.21, 0.275, 0.5729))
    half = 1.3 * place.reach
    axes.set_xlim(half, -half)
    axes.set_ylim(-half, half)
    axes.set_facecolor(NIGHT)
    axes.set_xticks([])
    axes.set_yticks([])
    steps = ((np.arange(_ZOOM_PIXELS) + 0.5) / _ZOOM_PIXELS * 2 - 1) * half
    east, north = np.meshgrid(steps, steps)
    ra, dec = _around(place.centre, east.ravel(), north.ravel())
    whole = np.ones(east.shape, bool)
    _draw_levels(axes, place, ra, dec, (-half, half, -half, half), whole, 2 * half / _ZOOM_PIXELS)
    best = _offsets(place.centre, place.best)
    axes.plot(*best, marker="+", ms=10, mew=1.6, color=NIGHT if place.cell else EVENT, zorder=7)
    bar = _round_length(half * 0.6)
    axes.plot([0.9 * half, 0.9 * half - bar], [-0.86 * half] * 2, color=GRID, lw=1.6, zorder=7)
    write(
        axes, 0.9 * half - bar / 2, -0.83 * half, _angle_text(bar), 9, color=GRID, va="bottom",
        ha="center", zorder=7, **OUTLINED,
    )  # fmt: skip
    for text, x, y in (("N", 0.0, 0.92), ("E", 0.93, 0.0)):
        write(
            axes, x * half, y * half, text, 8, color=GRID, ha="center", va="center", zorder=7,
            alpha=0.8, **OUTLINED,
        )  # fmt: skip


def _draw_key(figure: Figure, place: _Place, zoomed: bool) -> None:
    """Write the best direction, and the areas beside the lines that surround them."""
    digits = int(np.clip(2 - math.log10(max(place.reach, 1e-5)), 1, 6))
    ra, dec = place.best
    spot = f"RA {ra:.{digits}f}°, Dec {dec:+.{digits}f}°".replace("-", "−")
    if zoomed:
        write(figure, 0.8375, 0.802, spot, 11, ha="center", va="bottom")
        left, rows = 0.735, (0.135, 0.075)
    else:
        write(figure, 0.955, 0.895, f"best: {spot}", 11, ha="right")
        left, rows = 0.76, (0.12, 0.08)
    for row, style_of, level, area in zip(rows, ("-", "--"), _LEVELS, place.areas, strict=True):
        line = figure.add_axes((left, row, 0.045, 0.02))
        line.set_xlim(0, 1)
        line.set_ylim(-1, 1)
        line.axis("off")
        line.plot([0, 1], [0.2, 0.2], ls=style_of, lw=1.6, color="#c98a00")
        words = f"{100 * level:.0f} %: {area_text(area)}"
        write(figure, left + 0.058, row + 0.012, words, 10, va="center")


def area_text(square_degrees: float) -> str:
    """Return an area with three digits, in the unit that suits it."""
    if square_degrees >= 0.1:
        digits = max(0, 2 - math.floor(math.log10(square_degrees)))
        return f"{square_degrees:,.{digits}f} deg²".replace(",", "\u202f")
    if square_degrees >= 0.1 / 3600:
        return f"{square_degrees * 3600:.3g} arcmin²"
    return f"{square_degrees * 3600**2:.3g} arcsec²"


def _angle_text(degrees: float) -> str:
    if degrees >= 1:
        return f"{degrees:g}°"
    return f"{degrees * 60:g}′" if degrees * 60 > 0.999 else f"{degrees * 3600:.3g}″"


def _round_length(longest: float) -> float:
    """Return the longest round length, in deg, minutes or seconds of arc."""
    unit = 1.0 if longest >= 1 else 60.0 if longest * 60 >= 1 else 3600.0
    power = 10.0 ** math.floor(math.log10(longest * unit))
    return max(step * power for step in (1, 2, 5) if step * power <= longest * unit) / unit


def _around(centre: tuple[float, float], east: Floats, north: Floats) -> tuple[Floats, Floats]:
    """Return the positions in deg at offsets in deg from a centre."""
    alpha, delta = (math.radians(angle) for angle in centre)
    apart = np.radians(np.hypot(east, north))
    angle = np.arctan2(east, north)
    up = math.sin(delta) * np.cos(apart) + math.cos(delta) * np.sin(apart) * np.cos(angle)
    side = np.sin(angle) * np.sin(apart)
    ahead = math.cos(delta) * np.cos(apart) - math.sin(delta) * np.sin(apart) * np.cos(angle)
    dec = np.degrees(np.arctan2(up, np.hypot(side, ahead)))
    return np.degrees(alpha + np.arctan2(side, ahead)) % 360, dec


def _offsets(centre: tuple[float, float], there: tuple[float, float]) -> tuple[float, float]:
    """Return the offsets in deg, east and north, of a position from a centre."""
    turn = math.radians(there[0] - centre[0])
    delta, other = math.radians(centre[1]), math.radians(there[1])
    side = math.cos(other) * math.sin(turn)
    up = math.cos(delta) * math.sin(other) - math.sin(delta) * math.cos(other) * math.cos(turn)
    ahead = math.sin(delta) * math.sin(other) + math.cos(delta) * math.cos(other) * math.cos(turn)
    apart = math.degrees(math.atan2(math.hypot(side, up), ahead))
    angle = math.atan2(side, up)
    return apart * math.sin(angle), apart * math.cos(angle)
