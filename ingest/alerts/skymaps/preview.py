"""Previews of sky maps and error circles, for DataLink's ``#preview``.

The whole sky is shown in the Mollweide projection, with an enlarged view if the region is small.
The colours are credible levels, not densities, so that maps of an arcsecond and of half the sky
look alike: the source is most likely where the preview is bright.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy_healpix import uniq_to_level_ipix
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from ingest.alerts.notices import Position, containment_radii
from ingest.alerts.skymaps.model import SkyMap
from ingest.alerts.skymaps.multiorder import DEG2_PER_SR, cell_areas, cell_centres
from ingest.alerts.skymaps.sphere import Floats, lonlat, separations, unit_vectors
from ingest.core.errors import InputError
from ingest.core.skyplot import (
    BOLD,
    DENSITY,
    EVENT,
    GRID,
    INK,
    NIGHT,
    OUTLINED,
    draw_sky,
    inverse_mollweide,
    mollweide,
    save,
    write_text,
)

MAX_ZOOM_RADIUS: Final = 30.0
"""Radius in deg above which a region needs no enlarged view."""
_SIZE, _SIZE_WITH_ZOOM, _DPI = (10.0, 6.0), (10.0, 4.8), 110
"""Sizes in inches."""
_ZOOM_PIXELS: Final = 480
_MAX_LEVEL: Final = 0.999
"""Higher credible levels have the colour of the sky."""
_LEVELS: Final = (0.5, 0.9)


@dataclass(frozen=True)
class _Region:
    """What is drawn: credible levels, and the properties of the 90 % region. Angles in deg."""

    level_at: Callable[[Floats, Floats], Floats]
    """The credible levels at positions."""
    centre: tuple[float, float]
    radius: float
    """Largest distance from the centre."""
    best: tuple[float, float]
    """The most likely position."""
    areas: tuple[float, float]
    """Areas of the 50 % and 90 % regions in square degrees."""
    cell_size: float | None
    """Median size of the map's cells; None for an error circle."""


def write_map_preview(
    source: SkyMap | Position, path: Path, title: str, subtitle: str = ""
) -> Path:
    """Draw a sky map or an error circle.

    Parameters
    ----------
    source : SkyMap or Position
        A position must have an error radius.
    path : pathlib.Path
        The PNG file; replaced if it exists. The same input gives the same bytes.
    title, subtitle : str
        The name of the alert, and a line below it, such as its origin.

    Returns
    -------
    pathlib.Path
        `path`.

    Raises
    ------
    InputError
        If a position has no error radius.
    """
    region = _of_map(source) if isinstance(source, SkyMap) else _of_position(source)
    zoomed = region.radius <= MAX_ZOOM_RADIUS
    # independent of the user's matplotlibrc
    with style.context("default"):
        figure = Figure(figsize=_SIZE_WITH_ZOOM if zoomed else _SIZE, dpi=_DPI, facecolor="white")
        axes = figure.add_axes((0.045, 0.05, 0.62, 0.75) if zoomed else (0.045, 0.06, 0.91, 0.78))
        draw_sky(axes)
        _draw_sky(axes, region, zoomed)
        write_text(figure, 0.045, 0.93 if zoomed else 0.945, title, 15, BOLD)
        write_text(figure, 0.045, 0.867 if zoomed else 0.895, subtitle, 11)
        if zoomed:
            _draw_zoom(figure, region)
        _draw_legend(figure, region, zoomed)
        return save(figure, path)


def _of_map(sky: SkyMap) -> _Region:
    inside = sky.in_region(0.9)
    order, cell = uniq_to_level_ipix(sky.uniq[inside])
    vectors = unit_vectors(*cell_centres(order, cell))
    mean = sky.probability[inside] @ vectors
    length = float(np.linalg.norm(mean))
    mean = mean / length if length > 1e-6 else vectors[0]
    size = np.degrees(np.sqrt(cell_areas(order)))
    radius = (np.degrees(separations(vectors, mean)) + size).max()
    ra, dec = lonlat(mean)
    return _Region(
        level_at=sky.containment_at,
        centre=(float(ra), float(dec)),
        radius=float(radius),
        best=sky.best(),
        areas=(sky.area(0.5), sky.area(0.9)),
        cell_size=float(np.median(size)),
    )


def _of_position(position: Position) -> _Region:
    found = containment_radii(position)
    if found is None:
        raise InputError("the position has no error radius, so there is no region to draw")
    radius_50, radius_90 = found[:2]
    centre = unit_vectors(position.ra, position.dec)

    def level_at(ra: Floats, dec: Floats) -> Floats:
        distance = np.degrees(separations(unit_vectors(ra, dec), centre))
        return np.where(distance <= radius_50, 0.5, np.where(distance <= radius_90, 0.9, 1.0))

    area_50, area_90 = (
        2 * math.pi * (1 - math.cos(math.radians(radius))) * DEG2_PER_SR
        for radius in (radius_50, radius_90)
    )
    best = (position.ra, position.dec)
    return _Region(level_at, best, radius_90, best, (area_50, area_90), None)


def _draw_levels(
    axes: Axes, region: _Region, ra: Floats, dec: Floats, extent: Any, visible: Any, pixel: float
) -> None:
    """Draw the credible levels as an image, and the contours of the 50 % and 90 % regions."""
    level = np.ones(visible.shape)
    level[visible] = region.level_at(ra, dec)
    shown = np.ma.masked_where(~visible | (level > _MAX_LEVEL), 1 - level)
    colours = DENSITY if region.cell_size else ListedColormap([DENSITY(0.35), DENSITY(0.75)])
    top = 1.0 if region.cell_size else 0.5
    axes.imshow(
        shown, extent=extent, origin="lower", cmap=colours, vmin=0.0 if region.cell_size else 0.1,
        vmax=top, interpolation="nearest", zorder=2, aspect="auto",
    )  # fmt: skip
    lines: dict[str, Any] = {"colors": [EVENT, EVENT], "linewidths": 1.2, "zorder": 6}
    edges = [0.5 + 1e-6, 0.9 + 1e-6]
    if (level <= 0.9).any() and (level > 0.9).any():
        if region.cell_size:
            # smooth out the steps at the edges of cells
            level = _smoothed(level, round(region.cell_size / pixel))
        axes.contour(level, levels=edges, extent=extent, linestyles=["-", "--"], **lines)


def _smoothed(image: Floats, width: int) -> Floats:
    """Return an image smoothed twice with a boxcar of a width in pixels."""
    half = width // 2
    if not half:
        return image
    window = np.ones(2 * half + 1) / (2 * half + 1)
    for axis in (0, 1, 0, 1):
        padding = [(half, half) if one == axis else (0, 0) for one in (0, 1)]
        wide = np.pad(image, padding, mode="edge")
        image = np.apply_along_axis(np.convolve, axis, wide, window, "valid")
    return image


def _draw_sky(axes: Axes, region: _Region, zoomed: bool) -> None:
    width, height = 1000, 500
    x, y = np.meshgrid(
        (np.arange(width) + 0.5) / width * 4 - 2, (np.arange(height) + 0.5) / height * 2 - 1
    )
    inside = x**2 / 4 + y**2 < 1
    if region.radius > 1.5:
        ra, dec = inverse_mollweide(x[inside], y[inside])
        _draw_levels(axes, region, ra, dec, (-2, 2, -1, 1), inside, 360 / width)
        axes.set_aspect("equal")
    if zoomed:
        # a ring marks regions that are too small to be seen
        where = mollweide(*region.centre)
        ring: dict[str, Any] = {"marker": "o", "mfc": "none", "zorder": 9, "clip_on": False}
        if region.radius < 8:
            axes.plot(*where, ms=17, mew=1.6, mec=EVENT, **ring, **OUTLINED)
            axes.plot(*where, marker=".", ms=4, color=EVENT, zorder=7)
    else:
        axes.plot(*mollweide(*region.best), marker="+", ms=10, mew=1.6, color=INK, zorder=7)


def _draw_zoom(figure: Figure, region: _Region) -> None:
    """Draw the enlarged view around the centre, in the azimuthal equidistant projection."""
    axes = figure.add_axes((0.70, 0.21, 0.275, 0.5729))
    half = 1.3 * region.radius
    axes.set_xlim(half, -half)
    axes.set_ylim(-half, half)
    axes.set_facecolor(NIGHT)
    axes.set_xticks([])
    axes.set_yticks([])
    steps = ((np.arange(_ZOOM_PIXELS) + 0.5) / _ZOOM_PIXELS * 2 - 1) * half
    east, north = np.meshgrid(steps, steps)
    ra, dec = _at_offsets(region.centre, east.ravel(), north.ravel())
    whole = np.ones(east.shape, bool)
    _draw_levels(axes, region, ra, dec, (-half, half, -half, half), whole, 2 * half / _ZOOM_PIXELS)
    best = _offsets(region.centre, region.best)
    axes.plot(
        *best, marker="+", ms=10, mew=1.6, color=NIGHT if region.cell_size else EVENT, zorder=7
    )
    bar = _round_length(half * 0.6)
    axes.plot([0.9 * half, 0.9 * half - bar], [-0.86 * half] * 2, color=GRID, lw=1.6, zorder=7)
    write_text(
        axes, 0.9 * half - bar / 2, -0.83 * half, _angle_text(bar), 9, color=GRID, va="bottom",
        ha="center", zorder=7, **OUTLINED,
    )  # fmt: skip
    for text, x, y in (("N", 0.0, 0.92), ("E", 0.93, 0.0)):
        write_text(
            axes, x * half, y * half, text, 8, color=GRID, ha="center", va="center", zorder=7,
            alpha=0.8, **OUTLINED,
        )  # fmt: skip


def _draw_legend(figure: Figure, region: _Region, zoomed: bool) -> None:
    """Write the best direction, and the areas next to the line styles of their contours."""
    digits = int(np.clip(2 - math.log10(max(region.radius, 1e-5)), 1, 6))
    ra, dec = region.best
    spot = f"RA {ra:.{digits}f}°, Dec {dec:+.{digits}f}°".replace("-", "−")
    if zoomed:
        write_text(figure, 0.8375, 0.802, spot, 11, ha="center", va="bottom")
        left, rows = 0.735, (0.135, 0.075)
    else:
        write_text(figure, 0.955, 0.895, f"best: {spot}", 11, ha="right")
        left, rows = 0.76, (0.12, 0.08)
    for row, style_of, level, area in zip(rows, ("-", "--"), _LEVELS, region.areas, strict=True):
        line = figure.add_axes((left, row, 0.045, 0.02))
        line.set_xlim(0, 1)
        line.set_ylim(-1, 1)
        line.axis("off")
        line.plot([0, 1], [0.2, 0.2], ls=style_of, lw=1.6, color="#c98a00")
        words = f"{100 * level:.0f} %: {area_text(area)}"
        write_text(figure, left + 0.058, row + 0.012, words, 10, va="center")


def area_text(square_degrees: float) -> str:
    """Return an area with three digits, in deg², arcmin² or arcsec²."""
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


def _round_length(limit: float) -> float:
    """Return the largest round length in deg, arcmin or arcsec, converted to deg."""
    unit = 1.0 if limit >= 1 else 60.0 if limit * 60 >= 1 else 3600.0
    power = 10.0 ** math.floor(math.log10(limit * unit))
    return max(step * power for step in (1, 2, 5) if step * power <= limit * unit) / unit


def _at_offsets(centre: tuple[float, float], east: Floats, north: Floats) -> tuple[Floats, Floats]:
    """Return the positions in deg at offsets in deg from a centre (azimuthal equidistant)."""
    angle, distance = np.arctan2(east, north) * u.rad, np.hypot(east, north) * u.deg
    found = SkyCoord(*centre, unit="deg").directional_offset_by(angle, distance)
    return found.ra.deg, found.dec.deg


def _offsets(centre: tuple[float, float], position: tuple[float, float]) -> tuple[float, float]:
    """Return the offsets in deg, east and north, of a position from a centre."""
    start, end = SkyCoord(*centre, unit="deg"), SkyCoord(*position, unit="deg")
    angle, distance = start.position_angle(end).rad, start.separation(end).deg
    return distance * math.sin(angle), distance * math.cos(angle)
