"""Plots of the whole sky: frame, galactic plane, circles, and small PNG files.

The projection is Mollweide's, which is equal-area, in equatorial coordinates (ICRS) with right
ascension increasing to the left. The same plot always gives the same bytes.
"""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import Any, Final

import erfa
import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib import patheffects
from matplotlib.artist import Artist
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


def draw_sky(axes: Axes, ink: str = INK) -> None:
    """Draw what all maps have: outline, grid, galactic plane, and their labels.

    It takes longer than to draw thousands of events, and maps of the same size have the same. So
    it is drawn once for each size, in two layers: below points and lines (``zorder`` 3 to 5), and
    above them (7).

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        New axes of a figure; their limits are set. Fill them up to ``zorder`` 2 with what is to
        be below the grid.
    ink : str
        The colour of what is outside the map.
    """
    figure: Any = axes.figure
    _set_limits(axes)
    axes.add_patch(Ellipse((0, 0), 4, 2, facecolor=NIGHT, edgecolor="none", zorder=0))
    place = axes.get_position(original=True).bounds
    layers = _layers(tuple(figure.get_size_inches()), figure.dpi, place, ink)
    for zorder, colours in zip((3, 7), layers, strict=True):
        axes.add_artist(Pixels(colours, (0, 0), zorder))


class Pixels(Artist):
    """An image that is put onto a figure pixel by pixel, neither scaled nor coloured.

    Parameters
    ----------
    colours : numpy.ndarray of uint8, shape (height, width, 4)
        Red, green, blue and opacity, the upper row first.
    corner : (int, int)
        The pixel of the figure at its lower left corner.
    zorder : float
        As for other artists.
    """

    def __init__(
        self, colours: npt.NDArray[np.uint8], corner: tuple[int, int], zorder: float
    ) -> None:
        super().__init__()
        self._colours, self._corner = np.ascontiguousarray(colours[::-1]), corner
        self.set_zorder(zorder)

    def draw(self, renderer: Any) -> None:
        """Draw it."""
        context = renderer.new_gc()
        renderer.draw_image(context, *self._corner, self._colours)
        context.restore()


def _set_limits(axes: Axes) -> None:
    axes.set_xlim(-2.12, 2.12)
    axes.set_ylim(-1.06, 1.06)
    axes.set_aspect("equal")
    axes.axis("off")


@cache
def _layers(
    inches: tuple[float, float], dpi: float, place: tuple[float, ...], ink: str
) -> list[npt.NDArray[np.uint8]]:
    """Return the layers of a map as pixels of its figure, the upper row first."""
    layers = []
    for draw in (_draw_lines, _draw_labels):
        figure = Figure(figsize=inches, dpi=dpi, facecolor="none")
        axes = figure.add_axes(place)  # type: ignore[arg-type]
        _set_limits(axes)
        draw(axes, ink)
        layers.append(_pixels(figure))
    return layers


def _draw_lines(axes: Axes, ink: str) -> None:
    """Draw the grid and the galactic plane, and what explains the plane."""
    line: dict[str, Any] = {"color": GRID, "lw": 0.6, "alpha": 0.22, "zorder": 3}
    around = np.linspace(0, 360, 181)
    for dec in range(-60, 61, 30):
        axes.plot(*mollweide(around, np.full_like(around, dec)), **line)
    down = np.linspace(-90, 90, 181)
    for hour in range(0, 25, 3):
        axes.plot(*mollweide(np.full_like(down, hour * 15), down), **line)
    plane_ra, plane_dec = galactic_to_icrs(np.linspace(0, 360, 721), 0)
    order = np.argsort(plane_ra)
    style_of: dict[str, Any] = {
        "color": PLANE,
        "lw": 1.1,
        "ls": (0, (6, 3)),
        "zorder": 5,
        **OUTLINED,
    }
    axes.plot(*mollweide(plane_ra[order], plane_dec[order]), **style_of)
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


def _draw_labels(axes: Axes, ink: str) -> None:
    """Draw the outline and the labels of the grid."""
    axes.add_patch(Ellipse((0, 0), 4, 2, facecolor="none", edgecolor=ink, lw=1.2, zorder=8))
    for dec in range(-60, 61, 30):
        left, y = mollweide(360, dec)
        label = f"{dec:+d}°".replace("-", "−") if dec else "0°"
        x_label = float(left) - 0.025 - abs(dec) / 1500
        write_text(axes, x_label, float(y), label, 9, ha="right", va="center", color=ink)
    style_of: dict[str, Any] = {"va": "top", "color": GRID, "zorder": 7, **OUTLINED}
    for hour in range(6, 24, 6):
        x = float(mollweide(hour * 15, 0)[0])
        write_text(axes, x, -0.015, f"{hour}h", 9, ha="center", **style_of)
    for hour, side in ((24, "left"), (0, "right")):
        edge = -1.975 if hour else 1.975
        write_text(axes, edge, -0.015, f"{hour}h", 9, ha=side, **style_of)


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
    pixels = _pixels(figure)
    if transparent:
        # the one method of Pillow that keeps transparency
        picture, method = Image.fromarray(pixels), Image.Quantize.FASTOCTREE
    else:
        # keeps colours of only a few pixels
        picture = Image.fromarray(np.ascontiguousarray(pixels[..., :3]))
        method = Image.Quantize.MAXCOVERAGE
    stream = io.BytesIO()
    # A palette reduces the size to a third; no date or software is written. The highest level of
    # compression would save 4 % of the size and take as long as all the rest.
    picture.quantize(_COLOURS, method, dither=Image.Dither.NONE).save(stream, "PNG")
    return stream.getvalue()


def _pixels(figure: Figure) -> npt.NDArray[np.uint8]:
    """Return a figure as an image: red, green, blue and opacity, the upper row first."""
    canvas: Any = FigureCanvasAgg(figure)
    with privileges.caller():  # matplotlib opens its fonts
        canvas.draw()
    return np.array(canvas.buffer_rgba())
