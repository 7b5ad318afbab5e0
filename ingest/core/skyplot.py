"""Drawing on the sky: the frame, the Milky Way, circles, and small PNG files.

The map is Mollweide's, which keeps areas, in equatorial coordinates (ICRS); right ascension grows
to the left, as on the sky seen from below. The same drawing gives the same bytes.
"""

from __future__ import annotations

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

from ingest.core.files import atomic_write

Floats = npt.NDArray[np.float64]

_COLOURS: Final = 256

NIGHT, GRID, PLANE, EVENT, INK = "#0d1b33", "#ffffff", "#7fd4d9", "#ffd166", "#1c2733"
DENSITY = LinearSegmentedColormap.from_list(
    "night", [NIGHT, "#1f3f6b", "#2f6f8f", "#5fa8a0", "#cfc87a", "#fff3d0"]
)
# to be seen on bright parts of the sky, too
OUTLINED: Final[dict[str, Any]] = {
    "path_effects": [patheffects.withStroke(linewidth=2.2, foreground=NIGHT)]
}
# the font that comes with matplotlib, and no other one of its name
_FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
PLAIN, BOLD = _FONTS / "DejaVuSans.ttf", _FONTS / "DejaVuSans-Bold.ttf"


def mollweide(ra: npt.ArrayLike, dec: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return the places in the map, x from -2 to 2 and y from -1 to 1, of positions in deg.

    The middle is at 12 h; 24 h is at the left edge and 0 h at the right one.
    """
    sin_dec = np.sin(np.radians(np.asarray(dec, np.float64)))
    # 2 t + sin 2t = pi sin(dec), by bisection: safe at the poles, where Newton's way is slow
    low = np.full_like(sin_dec, -np.pi / 2)
    high = -low
    for _ in range(40):
        middle = (low + high) / 2
        above = 2 * middle + np.sin(2 * middle) > np.pi * sin_dec
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    turned = (180.0 - np.asarray(ra, np.float64)) / 180.0
    return 2 * turned * np.cos(low), np.sin(low)


def inverse(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return the positions in deg of places inside the map."""
    angle = np.arcsin(y)
    dec = np.degrees(np.arcsin(np.clip((2 * angle + np.sin(2 * angle)) / np.pi, -1, 1)))
    turned = x / (2 * np.maximum(np.cos(angle), 1e-9))
    return np.clip(180.0 - 180.0 * turned, 0.0, 360.0), dec


def galactic_to_icrs(longitude: npt.ArrayLike, latitude: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return ICRS right ascension and declination of galactic positions, all in deg."""
    ra, dec = erfa.g2icrs(np.radians(longitude), np.radians(latitude))
    return np.degrees(ra) % 360.0, np.degrees(dec)


def draw_frame(axes: Axes) -> None:
    """Draw the sky, its grid and the labels."""
    axes.set_xlim(-2.12, 2.12)
    axes.set_ylim(-1.06, 1.06)
    axes.set_aspect("equal")
    axes.axis("off")
    axes.add_patch(Ellipse((0, 0), 4, 2, facecolor=NIGHT, edgecolor="none", zorder=0))
    axes.add_patch(Ellipse((0, 0), 4, 2, facecolor="none", edgecolor=INK, lw=1.2, zorder=8))
    line: dict[str, Any] = {"color": GRID, "lw": 0.6, "alpha": 0.22, "zorder": 3}
    for dec in range(-60, 61, 30):
        ra = np.linspace(0, 360, 181)
        axes.plot(*mollweide(ra, np.full_like(ra, dec)), **line)
        left, y = mollweide(360, dec)
        label = f"{dec:+d}°".replace("-", "−") if dec else "0°"
        x_label = float(left) - 0.025 - abs(dec) / 1500
        write(axes, x_label, float(y), label, 9, ha="right", va="center")
    label_style: dict[str, Any] = {"va": "top", "color": GRID, "zorder": 7, **OUTLINED}
    for hour in range(0, 25, 3):
        down = np.linspace(-90, 90, 181)
        axes.plot(*mollweide(np.full_like(down, hour * 15), down), **line)
        if hour % 6 == 0 and 0 < hour < 24:
            x = float(mollweide(hour * 15, 0)[0])
            write(axes, x, -0.015, f"{hour}h", 9, ha="center", **label_style)
    for hour, side in ((24, "left"), (0, "right")):
        edge = -1.975 if hour else 1.975
        write(axes, edge, -0.015, f"{hour}h", 9, ha=side, **label_style)


def draw_plane(axes: Axes) -> None:
    """Draw the plane and the centre of the Milky Way."""
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
        labelcolor=INK,
    )
    legend.get_lines()[0].set_color("#2a9aa1")  # to be seen on white


def circle(ra: float, dec: float, radius: float) -> tuple[Floats, Floats]:
    """Return positions on a circle on the sphere, all in deg."""
    around = np.linspace(0, 2 * np.pi, 241)
    delta, reach = np.radians(dec), np.radians(radius)
    sin_dec = np.sin(delta) * np.cos(reach) + np.cos(delta) * np.sin(reach) * np.cos(around)
    turn = np.arctan2(
        np.sin(around) * np.sin(reach) * np.cos(delta), np.cos(reach) - np.sin(delta) * sin_dec
    )
    return (ra + np.degrees(turn)) % 360, np.degrees(np.arcsin(np.clip(sin_dec, -1, 1)))


def write(
    place: Axes | Figure, x: float, y: float, words: str, size: float, font: Path = PLAIN,
    **options: Any,
) -> None:  # fmt: skip
    """Write words in the font of the house."""
    options = {"color": INK, **options}
    place.text(x, y, words, fontproperties=FontProperties(fname=str(font), size=size), **options)


def save(figure: Figure, path: Path) -> Path:
    """Draw a figure into a small PNG file."""
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    with atomic_write(path) as stream:
        # a palette makes it a third of the size; nothing says when or by what it was written
        method = Image.Quantize.MAXCOVERAGE  # keeps also colours that only few pixels have
        reduced = picture.quantize(_COLOURS, method, dither=Image.Dither.NONE)
        reduced.save(stream, "PNG", optimize=True)
    return path
