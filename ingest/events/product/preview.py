"""Previews: the events of a product on the sky, for DataLink's ``#preview``.

Few events are drawn as points, many as a density in equal areas (HEALPix, Górski et al. 2005).
The same product gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from astropy_healpix import npix_to_nside
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Circle

from ingest.core.fitsrows import TableRows
from ingest.core.skyplot import (
    BOLD,
    DENSITY,
    EVENT,
    GRID,
    INK,
    NIGHT,
    OUTLINED,
    PLAIN,
    Pixels,
    circle,
    draw_sky,
    inverse_mollweide,
    mollweide,
    save,
    write_text,
)
from ingest.events.survey import SkyCounts, pixels

RADII: Final = {"ERR_50": "50 %", "ERR_68": "68 %", "ERR_90": "90 %", "ERR_99": "99 %"}
_INCHES, _DPI = (10.0, 6.0), 110


def write_preview(product: Path, sky: SkyCounts | None = None) -> Path:
    """Draw the events of a product.

    Parameters
    ----------
    product : pathlib.Path
        An event list written by :func:`ingest.events.product.write_event_list`.
    sky : SkyCounts, optional
        Its events, if they are known without reading it.

    Returns
    -------
    pathlib.Path
        The preview beside the product, ``<stem>.png``.
    """
    events = TableRows(product)
    primary = events.primary
    sky = _collect(events) if sky is None else sky
    radii = _radii(events)
    days = dict.fromkeys(events.header[name][:10] for name in ("DATE-OBS", "DATE-END"))
    when = " to ".join(days)
    # independent of the user's matplotlib settings
    with style.context("default"):
        figure = Figure(figsize=_INCHES, dpi=_DPI, facecolor="white")
        # leave room for the surroundings of a single event
        axes = figure.add_axes((0.045, 0.06, 0.91 if sky.count != 1 else 0.68, 0.78))
        draw_sky(axes)
        draw_events(figure, axes, sky, radii)
        number = f"{sky.count:,} event" + ("" if sky.count == 1 else "s")
        write_text(figure, 0.045, 0.945, primary.get("TITLE") or primary["INSTRUME"], 15, BOLD)
        write_text(figure, 0.045, 0.895, f"{primary['INSTRUME']} · {number} · {when}", 11)
        if sky.count == 1:
            _zoom(figure, sky, radii)
        if primary["SIMULATE"]:
            mark: dict[str, Any] = {
                "ha": "center",
                "va": "center",
                "rotation": 24,
                "alpha": 0.55,
                "zorder": 9,
            }
            write_text(figure, 0.5, 0.45, "SIMULATED", 64, BOLD, color="#e63946", **mark)
        return save(figure, product.with_suffix(".png"))


def _collect(events: TableRows) -> SkyCounts:
    sky = SkyCounts()
    for rows in events.blocks():
        sky.include(rows["RA"], rows["DEC"])
    return sky


def _radii(events: TableRows) -> dict[str, float]:
    """Return the error radii of a single event, deg, by their containment."""
    if len(events) != 1:
        return {}
    (rows,) = events.blocks()
    given = {label: name for name, label in RADII.items() if name in events.units}
    if not given and "ANG_ERR" in events.units:
        given = {"error": "ANG_ERR"}
    radii = {label: float(rows[name][0]) for label, name in given.items()}
    return {label: radius for label, radius in radii.items() if np.isfinite(radius)}


def draw_events(
    figure: Figure, axes: Axes, sky: SkyCounts, radii: Mapping[str, float], ink: str = INK
) -> None:
    """Draw events on a map of the sky: few as points, many as their density.

    Parameters
    ----------
    figure, axes
        The plot, with the map's frame.
    sky : SkyCounts
        The events.
    radii : mapping of str to float
        Error radii of a single event, deg, by their containment.
    ink : str
        The colour of the labels of the density.
    """
    density = sky.density
    if density is None:
        ra, dec = sky.positions
        size = float(np.clip(9000 / max(sky.count, 1), 2.2, 40))
        x, y = mollweide(ra, dec)
        alpha = 0.95 if sky.count < 1000 else 0.7
        if radii:
            edge = circle(float(ra[0]), float(dec[0]), max(radii.values()))
            # dots, because a line would cross the map if the circle crosses its edge
            axes.plot(*mollweide(*edge), ls="", marker=".", ms=1.6, color=EVENT, zorder=6)
            size = 6.0
        axes.scatter(x, y, s=size, color=EVENT, alpha=alpha, linewidths=0, zorder=6)
        return
    area = 4 * np.pi * np.degrees(1) ** 2 / len(density)
    scale = ScalarMappable(Normalize(0, float(np.percentile(density, 99.5)) / area or 1.0), DENSITY)
    axes.apply_aspect()
    corners = axes.transData.transform([(-2.0, -1.0), (2.0, 1.0)])
    corner, inside, pixel = _map(npix_to_nside(len(density)), *map(tuple, corners))
    image = np.zeros((*inside.shape, 4), np.uint8)
    image[inside] = scale.to_rgba(density / area, bytes=True)[pixel]
    axes.add_artist(Pixels(image, corner, zorder=2))
    _draw_scale(figure, scale, ink)


def _draw_scale(figure: Figure, scale: ScalarMappable, ink: str) -> None:
    """Draw the scale of the density."""
    bar = figure.add_axes((0.70, 0.075, 0.24, 0.018))
    figure.colorbar(scale, cax=bar, orientation="horizontal")
    bar.tick_params(color=ink, labelcolor=ink)
    for label in bar.get_xticklabels():
        label.set_fontproperties(FontProperties(fname=str(PLAIN), size=8))
    write_text(figure, 0.94, 0.105, "events per square degree", 9, ha="right", color=ink)


@cache
def _map(
    nside: int, lower_left: tuple[float, float], upper_right: tuple[float, float]
) -> tuple[tuple[int, int], npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Return where an image of the map begins, which of its points are on the map, and their cells.

    Parameters
    ----------
    nside : int
        Of the HEALPix cells.
    lower_left, upper_right : (float, float)
        The corners of the map, in pixels of the figure.

    Returns
    -------
    corner : (int, int)
        The pixel of the figure at the lower left corner of the image.
    inside : numpy.ndarray of bool, shape (height, width)
        Which points are on the map, the upper row first.
    cells : numpy.ndarray of int
        The HEALPix cells of these.
    """
    first = np.floor(lower_left).astype(int)
    width, height = np.ceil(upper_right).astype(int) - first
    low, size = np.array(lower_left), np.subtract(upper_right, lower_left)
    x, y = np.meshgrid(
        (first[0] + np.arange(width) + 0.5 - low[0]) / size[0] * 4 - 2,
        (first[1] + np.arange(height)[::-1] + 0.5 - low[1]) / size[1] * 2 - 1,
    )
    inside = x**2 / 4 + y**2 < 1
    corner = int(first[0]), int(first[1])
    return corner, inside, pixels(nside, *inverse_mollweide(x[inside], y[inside]))


def _zoom(figure: Figure, sky: SkyCounts, radii: Mapping[str, float]) -> None:
    """Draw the surroundings of a single event, with circles of its error radii."""
    ra, dec = (float(column[0]) for column in sky.positions)
    axes = figure.add_axes((0.755, 0.25, 0.22, 0.3667))
    widest = max([*radii.values(), 0.5])
    half = 1.35 * widest
    axes.set_xlim(half, -half)
    axes.set_ylim(-half, half)
    axes.set_aspect("equal")
    axes.set_facecolor(NIGHT)
    axes.set_xticks([])
    axes.set_yticks([])
    # labels are distributed around the circles so that they do not overlap
    for angle, (label, radius) in zip((45, 135, 225, 315), radii.items(), strict=False):
        axes.add_patch(Circle((0, 0), radius, fill=False, ec=EVENT, lw=1.2, alpha=0.9))
        x, y = radius * np.cos(np.radians(angle)), radius * np.sin(np.radians(angle))
        write_text(axes, x, y, label, 8, ha="center", va="center", color=EVENT, **OUTLINED)
    axes.plot(0, 0, marker="+", ms=9, mew=1.5, color=EVENT)
    axes.plot([0.9 * half, 0.9 * half - 1], [-0.86 * half] * 2, color=GRID, lw=1.5)
    write_text(axes, 0.9 * half, -0.82 * half, "1°", 8, color=GRID, va="bottom")
    place = f"RA {ra:.2f}°, Dec {dec:+.2f}°".replace("-", "−")
    write_text(axes, 0, 1.05 * half, place, 10, ha="center", va="bottom")
    write_text(axes, 0, -1.05 * half, "radii of containment", 9, ha="center", va="top")
