"""Plots of the whole sky: frame, galactic plane, circles, and small PNG files.

The projection is Mollweide's, which is equal-area, in equatorial coordinates (ICRS) with right
ascension increasing to the left. The same plot always gives the same bytes.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Final

import erfa
import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Ellipse
from PIL import Image

from ingest.core import privileges
from ingest.core.files import atomic_write

Floats = npt.NDArray[np.float64]

_COLOURS: Final = 256

NIGHT, GRID, PLANE, EVENT, INK = "#0d1b33", "#ffffff", "#7fd4d9", "#ffd166", "#1c2733"
DENSITY = LinearSegmentedColormap.from_list(
    "night", [NIGHT, "#1f3f6b", "#2f6f8f", "#5fa8a0", "#cfc87a", "#fff3d0"]
)
# makes lines and labels visible on bright parts of the map
OUTLINED: Final[dict[str, Any]] = {
    "path_effects": [patheffects.withStroke(linewidth=2.2, foreground=NIGHT)]
}
# the fonts delivered with matplotlib, not installed ones of the same name
_FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
PLAIN, BOLD = _FONTS / "DejaVuSans.ttf", _FONTS / "DejaVuSans-Bold.ttf"


def mollweide(ra: npt.ArrayLike, dec: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Project positions on the sky onto the map.

    Parameters
    ----------
    ra, dec : array_like
        ICRS, deg.

    Returns
    -------
    x, y : ndarray
        From -2 to 2 and from -1 to 1. The centre is at 12 h, the left edge at 24 h and the right
        edge at 0 h.
    """
    sin_dec = np.sin(np.radians(np.asarray(dec, np.float64)))
    # solves 2 t + sin 2t = pi sin(dec) by bisection; Newton's method is slow at the poles
    low = np.full_like(sin_dec, -np.pi / 2)
    high = -low
    for _ in range(40):
        middle = (low + high) / 2
        above = 2 * middle + np.sin(2 * middle) > np.pi * sin_dec
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    turned = (180.0 - np.asarray(ra, np.float64)) / 180.0
    return 2 * turned * np.cos(low), np.sin(low)


def inverse_mollweide(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return right ascension and declination, deg, of points on the map; see :func:`mollweide`."""
    angle = np.arcsin(y)
    dec = np.degrees(np.arcsin(np.clip((2 * angle + np.sin(2 * angle)) / np.pi, -1, 1)))
    turned = x / (2 * np.maximum(np.cos(angle), 1e-9))
    return np.clip(180.0 - 180.0 * turned, 0.0, 360.0), dec


def galactic_to_icrs(longitude: npt.ArrayLike, latitude: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return ICRS right ascension and declination of galactic positions, all in deg."""
    ra, dec = erfa.g2icrs(np.radians(longitude), np.radians(latitude))
    return np.degrees(ra) % 360.0, np.degrees(dec)


def draw_frame(axes: Axes, ink: str = INK) -> None:
    """Draw the outline of the map, the grid and its labels; `ink` is for what is outside."""
    axes.set_xlim(-2.12, 2.12)
    axes.set_ylim(-1.06, 1.06)
    axes.set_aspect("equal")
    axes.axis("off")
    axes.add_patch(Ellipse((0, 0), 4, 2, facecolor=NIGHT, edgecolor="none", zorder=0))
    axes.add_patch(Ellipse((0, 0), 4, 2, facecolor="none", edgecolor=ink, lw=1.2, zorder=8))
    line: dict[str, Any] = {"color": GRID, "lw": 0.6, "alpha": 0.22, "zorder": 3}
    for dec in range(-60, 61, 30):
        ra = np.linspace(0, 360, 181)
        axes.plot(*mollweide(ra, np.full_like(ra, dec)), **line)
        left, y = mollweide(360, dec)
        label = f"{dec:+d}°".replace("-", "−") if dec else "0°"
        x_label = float(left) - 0.025 - abs(dec) / 1500
        write_text(axes, x_label, float(y), label, 9, ha="right", va="center", color=ink)
    label_style: dict[str, Any] = {"va": "top", "color": GRID, "zorder": 7, **OUTLINED}
    for hour in range(0, 25, 3):
        down = np.linspace(-90, 90, 181)
        axes.plot(*mollweide(np.full_like(down, hour * 15), down), **line)
        if hour % 6 == 0 and 0 < hour < 24:
            x = float(mollweide(hour * 15, 0)[0])
            write_text(axes, x, -0.015, f"{hour}h", 9, ha="center", **label_style)
    for hour, side in ((24, "left"), (0, "right")):
        edge = -1.975 if hour else 1.975
        write_text(axes, edge, -0.015, f"{hour}h", 9, ha=side, **label_style)


def draw_galactic_plane(axes: Axes, ink: str = INK) -> None:
    """Draw the galactic plane and centre; `ink` is for what is outside the map."""
    ra, dec = galactic_to_icrs(np.linspace(0, 360, 721), 0)
    order = np.argsort(ra)
    style_of: dict[str, Any] = {
        "color": PLANE,
        "lw": 1.1,
        "ls": (0, (6, 3)),
        "zorder": 5,
        **OUTLINED,
    }
    axes.plot(*mollweide(ra[order], dec[order]), **style_of)
    centre = mollweide(*galactic_to_icrs(0, 0))
    axes.plot(*centre, marker="+", ms=9, mew=1.4, color=PLANE, zorder=5, **OUTLINED)
    del style_of["path_effects"]
    axes.plot([], [], label="Galactic plane, + its centre", **style_of)
    legend = axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.01, -0.055),
        frameon=False,
        prop=FontProperties(fname=str(PLAIN), size=9),
        labelcolor=ink,
    )
    legend.get_lines()[0].set_color("#2a9aa1")  # visible on white


def circle(ra: float, dec: float, radius: float) -> tuple[Floats, Floats]:
    """Return right ascension and declination of points on a circle on the sphere, all in deg."""
    angle = np.linspace(0, 2 * np.pi, 241)
    delta, rho = np.radians(dec), np.radians(radius)
    sin_dec = np.sin(delta) * np.cos(rho) + np.cos(delta) * np.sin(rho) * np.cos(angle)
    delta_ra = np.arctan2(
        np.sin(angle) * np.sin(rho) * np.cos(delta), np.cos(rho) - np.sin(delta) * sin_dec
    )
    return (ra + np.degrees(delta_ra)) % 360, np.degrees(np.arcsin(np.clip(sin_dec, -1, 1)))


def write_text(
    parent: Axes | Figure, x: float, y: float, text: str, size: float, font: Path = PLAIN,
    **options: Any,
) -> None:  # fmt: skip
    """Write text in a font delivered with matplotlib."""
    options = {"color": INK, **options}
    parent.text(x, y, text, fontproperties=FontProperties(fname=str(font), size=size), **options)


def load_fonts() -> None:
    """Open the fonts, before a process gives up the right to read them."""
    figure = Figure()
    for font in (PLAIN, BOLD):
        write_text(figure, 0, 0, "1", 9, font)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()


def save(figure: Figure, path: Path) -> Path:
    """Write a figure to a small PNG file, and return its path."""
    content = png(figure)
    with atomic_write(path) as stream:
        stream.write(content)
    return path


def png(figure: Figure, transparent: bool = False) -> bytes:
    """Return a figure as a small PNG file, whose background may be transparent."""
    canvas: Any = FigureCanvasAgg(figure)
    with privileges.caller():  # matplotlib opens its fonts
        canvas.draw()
    pixels = np.ascontiguousarray(canvas.buffer_rgba())
    if transparent:
        # the one method of Pillow that keeps transparency
        picture, method = Image.fromarray(pixels), Image.Quantize.FASTOCTREE
    else:
        # keeps colours of only a few pixels
        picture = Image.fromarray(np.ascontiguousarray(pixels[..., :3]))
        method = Image.Quantize.MAXCOVERAGE
    stream = io.BytesIO()
    # A palette reduces the size to a third; no date or software is written. The last tenth of the
    # size takes half of the time, which is spent only on pictures that are served.
    reduced = picture.quantize(_COLOURS, method, dither=Image.Dither.NONE)
    reduced.save(stream, "PNG", optimize=not transparent)
    return stream.getvalue()
