"""A picture of the events of a product on the sky, for DataLink's ``#preview``.

The map is Mollweide's, which keeps areas, in equatorial coordinates (ICRS); right ascension grows
to the left, as on the sky seen from below. Few events are points, many are a density in equal
areas (HEALPix, Górski et al. 2005). The same product gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import matplotlib
import numpy as np
import numpy.typing as npt
from astropy.io import fits
from matplotlib import patheffects, style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Circle, Ellipse
from PIL import Image

from ingest.events import healpix
from ingest.events.sky import equatorial
from ingest.files import atomic_write

Floats = npt.NDArray[np.float64]

MOST_POINTS: Final = 20_000
"""More events than that are shown as a density."""
EVENTS_PER_PIXEL: Final = 10
"""In the mean, at least; fewer would show chance and not the sky."""
RADII: Final = {"ERR_50": "50 %", "ERR_68": "68 %", "ERR_90": "90 %", "ERR_99": "99 %"}
_ROWS: Final = 1 << 16
_INCHES, _DPI = (10.0, 6.0), 110
_COLOURS: Final = 256

_NIGHT, _GRID, _PLANE, _EVENT, _INK = "#0d1b33", "#ffffff", "#7fd4d9", "#ffd166", "#1c2733"
_DENSITY = LinearSegmentedColormap.from_list(
    "night", [_NIGHT, "#1f3f6b", "#2f6f8f", "#5fa8a0", "#cfc87a", "#fff3d0"]
)
# to be seen on bright parts of the sky, too
_OUTLINED: Final[dict[str, Any]] = {
    "path_effects": [patheffects.withStroke(linewidth=2.2, foreground=_NIGHT)]
}
# the font that comes with matplotlib, and no other one of its name
_FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
_PLAIN, _BOLD = _FONTS / "DejaVuSans.ttf", _FONTS / "DejaVuSans-Bold.ttf"


@dataclass
class _Sky:
    """What is drawn of the events."""

    count: int
    ra: Floats
    """deg; empty where the density is drawn."""
    dec: Floats
    density: npt.NDArray[np.int64] | None
    radii: dict[str, float]
    """Error radii in deg by what they contain; of a single event only."""


def write_preview(product: Path) -> Path:
    """Draw the events of a product beside it.

    Parameters
    ----------
    product : pathlib.Path
        An event list as :func:`ingest.events.gadf.write_event_list` makes it.

    Returns
    -------
    pathlib.Path
        The picture, ``<stem>.png``.
    """
    with fits.open(product, memmap=True) as hdus:
        primary, events = hdus[0].header, hdus["EVENTS"]
        sky = _collect(product, events)
        days = dict.fromkeys(events.header[name][:10] for name in ("DATE-OBS", "DATE-END"))
        when = " to ".join(days)
    # whatever the user's own settings of matplotlib are
    with style.context("default"):
        figure = Figure(figsize=_INCHES, dpi=_DPI, facecolor="white")
        # beside the sky of a single event there is room for its surroundings
        axes = figure.add_axes((0.045, 0.06, 0.91 if sky.count != 1 else 0.68, 0.78))
        _frame(axes)
        _draw_plane(axes)
        _draw_events(figure, axes, sky)
        number = f"{sky.count:,} event" + ("" if sky.count == 1 else "s")
        _write(figure, 0.045, 0.945, primary.get("TITLE") or primary["INSTRUME"], 15, _BOLD)
        _write(figure, 0.045, 0.895, f"{primary['INSTRUME']} · {number} · {when}", 11)
        if sky.count == 1:
            _zoom(figure, sky)
        if primary["SIMULATE"]:
            mark: dict[str, Any] = {
                "ha": "center",
                "va": "center",
                "rotation": 24,
                "alpha": 0.55,
                "zorder": 9,
            }
            _write(figure, 0.5, 0.45, "SIMULATED", 64, _BOLD, color="#e63946", **mark)
        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    path = product.with_suffix(".png")
    with atomic_write(path) as stream:
        # a palette makes it a third of the size; nothing says when or by what it was written
        method = Image.Quantize.MAXCOVERAGE  # keeps also colours that only few pixels have
        reduced = picture.quantize(_COLOURS, method, dither=Image.Dither.NONE)
        reduced.save(stream, "PNG", optimize=True)
    return path


def _collect(product: Path, events: Any) -> _Sky:
    """Read the positions, and count them in pixels if they are many."""
    count = int(events.header["NAXIS2"])
    if count <= MOST_POINTS:
        # a copy of at least nothing: there may be no events
        rows = np.concatenate([np.empty(0, _row_type(events)), *_rows(product, events)])
        return _Sky(count, rows["RA"].astype(float), rows["DEC"].astype(float), None, _radii(rows))
    nside = 8
    while nside < 32 and healpix.pixels(2 * nside) * EVENTS_PER_PIXEL <= count:
        nside *= 2
    density = np.zeros(healpix.pixels(nside), np.int64)
    for rows in _rows(product, events):
        pixel = healpix.pixel(nside, rows["RA"], rows["DEC"])
        density += np.bincount(pixel, minlength=len(density))
    return _Sky(count, np.empty(0), np.empty(0), density, {})


def _radii(rows: npt.NDArray[np.void]) -> dict[str, float]:
    """Return the error radii of a single event, in deg, by what they contain."""
    names = rows.dtype.names or ()
    if len(rows) != 1:
        return {}
    given = {label: name for name, label in RADII.items() if name in names}
    if not given and "ANG_ERR" in names:
        given = {"error": "ANG_ERR"}
    radii = {label: float(rows[name][0]) for label, name in given.items()}
    return {label: radius for label, radius in radii.items() if np.isfinite(radius)}


def _row_type(events: Any) -> np.dtype[np.void]:
    row_type: np.dtype[np.void] = events.columns.dtype.newbyteorder(">")
    return row_type


def _rows(product: Path, events: Any) -> Iterator[npt.NDArray[np.void]]:
    """Yield the rows, some at a time; what astropy maps would stay in memory as a whole."""
    row_type = _row_type(events)
    with product.open("rb") as stream:
        stream.seek(events.fileinfo()["datLoc"])
        left = int(events.header["NAXIS2"])
        while left > 0:
            rows = np.fromfile(stream, row_type, min(_ROWS, left))
            left -= len(rows) or left
            yield rows


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


def _inverse(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return the positions in deg of places inside the map."""
    angle = np.arcsin(y)
    dec = np.degrees(np.arcsin(np.clip((2 * angle + np.sin(2 * angle)) / np.pi, -1, 1)))
    turned = x / (2 * np.maximum(np.cos(angle), 1e-9))
    return np.clip(180.0 - 180.0 * turned, 0.0, 360.0), dec


def _frame(axes: Axes) -> None:
    """Draw the sky, its grid and the labels."""
    axes.set_xlim(-2.12, 2.12)
    axes.set_ylim(-1.06, 1.06)
    axes.set_aspect("equal")
    axes.axis("off")
    axes.add_patch(Ellipse((0, 0), 4, 2, facecolor=_NIGHT, edgecolor="none", zorder=0))
    axes.add_patch(Ellipse((0, 0), 4, 2, facecolor="none", edgecolor=_INK, lw=1.2, zorder=8))
    line: dict[str, Any] = {"color": _GRID, "lw": 0.6, "alpha": 0.22, "zorder": 3}
    for dec in range(-60, 61, 30):
        ra = np.linspace(0, 360, 181)
        axes.plot(*mollweide(ra, np.full_like(ra, dec)), **line)
        left, y = mollweide(360, dec)
        label = f"{dec:+d}°".replace("-", "−") if dec else "0°"
        x_label = float(left) - 0.025 - abs(dec) / 1500
        _write(axes, x_label, float(y), label, 9, ha="right", va="center")
    label_style: dict[str, Any] = {"va": "top", "color": _GRID, "zorder": 7, **_OUTLINED}
    for hour in range(0, 25, 3):
        down = np.linspace(-90, 90, 181)
        axes.plot(*mollweide(np.full_like(down, hour * 15), down), **line)
        if hour % 6 == 0 and 0 < hour < 24:
            x = float(mollweide(hour * 15, 0)[0])
            _write(axes, x, -0.015, f"{hour}h", 9, ha="center", **label_style)
    for hour, side in ((24, "left"), (0, "right")):
        edge = -1.975 if hour else 1.975
        _write(axes, edge, -0.015, f"{hour}h", 9, ha=side, **label_style)


def _draw_plane(axes: Axes) -> None:
    """Draw the plane and the centre of the Milky Way."""
    ra, dec = equatorial(np.linspace(0, 360, 721), np.zeros(721))
    order = np.argsort(ra)
    style_of: dict[str, Any] = {
        "color": _PLANE,
        "lw": 1.1,
        "ls": (0, (6, 3)),
        "zorder": 5,
        **_OUTLINED,
    }
    axes.plot(*mollweide(ra[order], dec[order]), **style_of)
    centre = mollweide(*equatorial(np.zeros(1), np.zeros(1)))
    axes.plot(*centre, marker="+", ms=9, mew=1.4, color=_PLANE, zorder=5, **_OUTLINED)
    del style_of["path_effects"]
    axes.plot([], [], label="Galactic plane, + its centre", **style_of)
    legend = axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.01, -0.055),
        frameon=False,
        prop=FontProperties(fname=str(_PLAIN), size=9),
        labelcolor=_INK,
    )
    legend.get_lines()[0].set_color("#2a9aa1")  # to be seen on white


def _draw_events(figure: Figure, axes: Axes, sky: _Sky) -> None:
    if sky.density is None:
        size = float(np.clip(9000 / max(sky.count, 1), 2.2, 40))
        x, y = mollweide(sky.ra, sky.dec)
        alpha = 0.95 if sky.count < 1000 else 0.7
        if sky.radii:
            edge = _circle(float(sky.ra[0]), float(sky.dec[0]), max(sky.radii.values()))
            # dots: a line would cross the map where the circle crosses its edge
            axes.plot(*mollweide(*edge), ls="", marker=".", ms=1.6, color=_EVENT, zorder=6)
            size = 6.0
        axes.scatter(x, y, s=size, color=_EVENT, alpha=alpha, linewidths=0, zorder=6)
        return
    width, height = 1600, 800
    x, y = np.meshgrid(
        (np.arange(width) + 0.5) / width * 4 - 2, (np.arange(height) + 0.5) / height * 2 - 1
    )
    inside = x**2 / 4 + y**2 < 1
    area = 4 * np.pi * np.degrees(1) ** 2 / len(sky.density)
    image = np.full(x.shape, np.nan)
    pixel = healpix.pixel(healpix.nside_of(len(sky.density)), *_inverse(x[inside], y[inside]))
    image[inside] = sky.density[pixel] / area
    shown = axes.imshow(
        np.ma.masked_invalid(image),
        extent=(-2, 2, -1, 1),
        origin="lower",
        cmap=_DENSITY,
        vmin=0,
        vmax=float(np.percentile(sky.density, 99.5)) / area or 1.0,
        interpolation="nearest",
        zorder=2,
    )
    bar = figure.add_axes((0.70, 0.075, 0.24, 0.018))
    figure.colorbar(shown, cax=bar, orientation="horizontal")
    for label in bar.get_xticklabels():
        label.set_fontproperties(FontProperties(fname=str(_PLAIN), size=8))
    _write(figure, 0.94, 0.105, "events per square degree", 9, ha="right")


def _circle(ra: float, dec: float, radius: float) -> tuple[Floats, Floats]:
    """Return positions on a circle on the sphere, all in deg."""
    around = np.linspace(0, 2 * np.pi, 241)
    delta, reach = np.radians(dec), np.radians(radius)
    sin_dec = np.sin(delta) * np.cos(reach) + np.cos(delta) * np.sin(reach) * np.cos(around)
    turn = np.arctan2(
        np.sin(around) * np.sin(reach) * np.cos(delta), np.cos(reach) - np.sin(delta) * sin_dec
    )
    return (ra + np.degrees(turn)) % 360, np.degrees(np.arcsin(np.clip(sin_dec, -1, 1)))


def _zoom(figure: Figure, sky: _Sky) -> None:
    """Draw the surroundings of a single event, with the circles of its errors."""
    ra, dec = float(sky.ra[0]), float(sky.dec[0])
    axes = figure.add_axes((0.755, 0.25, 0.22, 0.3667))
    widest = max([*sky.radii.values(), 0.5])
    half = 1.35 * widest
    axes.set_xlim(half, -half)
    axes.set_ylim(-half, half)
    axes.set_aspect("equal")
    axes.set_facecolor(_NIGHT)
    axes.set_xticks([])
    axes.set_yticks([])
    # the words stand around the circles: side by side they would cover each other
    for angle, (label, radius) in zip((45, 135, 225, 315), sky.radii.items(), strict=False):
        axes.add_patch(Circle((0, 0), radius, fill=False, ec=_EVENT, lw=1.2, alpha=0.9))
        x, y = radius * np.cos(np.radians(angle)), radius * np.sin(np.radians(angle))
        _write(axes, x, y, label, 8, ha="center", va="center", color=_EVENT, **_OUTLINED)
    axes.plot(0, 0, marker="+", ms=9, mew=1.5, color=_EVENT)
    axes.plot([0.9 * half, 0.9 * half - 1], [-0.86 * half] * 2, color=_GRID, lw=1.5)
    _write(axes, 0.9 * half, -0.82 * half, "1°", 8, color=_GRID, va="bottom")
    place = f"RA {ra:.2f}°, Dec {dec:+.2f}°".replace("-", "−")
    _write(axes, 0, 1.05 * half, place, 10, ha="center", va="bottom")
    _write(axes, 0, -1.05 * half, "radii of containment", 9, ha="center", va="top")


def _write(
    place: Axes | Figure, x: float, y: float, words: str, size: float, font: Path = _PLAIN,
    **options: Any,
) -> None:  # fmt: skip
    """Write words in the font of the house."""
    options = {"color": _INK, **options}
    place.text(x, y, words, fontproperties=FontProperties(fname=str(font), size=size), **options)
