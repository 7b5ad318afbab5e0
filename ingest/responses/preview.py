"""Previews of responses, for DataLink's ``#preview``. The same response gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib import colormaps, style
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from ingest.core.skyplot import BOLD, DENSITY, INK, PLAIN, save, write_text
from ingest.responses.bands import Band, bands, containment_radius, median_of
from ingest.responses.model import Axis, Floats, Response

_INCHES, _DPI = (10.0, 6.0), 110
_FRAME: Final = (0.095, 0.115, 0.70, 0.74)
_WHOLE_FRAME: Final = (0.095, 0.115, 0.87, 0.74)
"""Without a legend beside it."""
_COLOURS: Final = colormaps["viridis"]
_GRID: Final[dict[str, Any]] = {"color": "#d8dee6", "lw": 0.7}
_YEAR: Final = 31_557_600.0
_INDICES: Final = (1.5, 1.8, 2.0, 2.2, 2.5, 3.0)


def draw(response: Response, path: Path, title: str = "", subtitle: str = "") -> Path:
    """Draw a response.

    Parameters
    ----------
    response : Response
        What to draw.
    path : pathlib.Path
        The PNG file.
    title, subtitle : str, optional
        Lines above the plot; by default what it shows.

    Returns
    -------
    pathlib.Path
        `path`.
    """
    # independent of the user's matplotlib settings
    with style.context("default"):
        figure = Figure(figsize=_INCHES, dpi=_DPI, facecolor="white")
        axes = figure.add_axes(_FRAME)
        shown = _DRAWINGS[response.table](figure, axes, response)
        _finish(axes)
        if axes.get_legend() is None:
            axes.set_position(_WHOLE_FRAME)
        write_text(figure, _FRAME[0], 0.945, title or shown, 15, BOLD)
        write_text(figure, _FRAME[0], 0.895, subtitle or (shown if title else ""), 11)
        return save(figure, path)


def _area(figure: Figure, axes: Axes, response: Response) -> str:
    energy = _axis(response, "energy_true")
    for band, colour in _coloured(bands(response, "zenith")):
        _steps(axes, energy, band.values, colour, band.label)
    _logarithmic(axes, "energy of the neutrino [GeV]", "effective area [m²]", 10)
    _legend(axes, "zenith angle" if response.axis("zenith") else "")
    return "Effective area"


def _acceptance(figure: Figure, axes: Axes, response: Response) -> str:
    indices, dec = _axis(response, "spectral_index"), _axis(response, "dec")
    shown = [np.argmin(np.abs(indices.edges - index)) for index in _INDICES]
    for place, row in enumerate(dict.fromkeys(int(one) for one in shown)):
        values = np.where(response.values[row] > 0, response.values[row], np.nan)
        colour = _COLOURS(place / len(_INDICES))
        axes.stairs(values, np.sin(np.radians(dec.edges)), baseline=None, color=colour, lw=2,
                    label=f"{indices.edges[row]:.1f}")  # fmt: skip
    axes.set_yscale("log")
    axes.set_xlim(-1, 1)
    ticks = np.array([-90, -60, -45, -30, -15, 0, 15, 30, 45, 60, 90])
    axes.set_xticks(np.sin(np.radians(ticks)), [f"{tick}°".replace("-", "−") for tick in ticks])
    _labels(axes, "declination", "acceptance [GeV cm² s]")
    _legend(axes, "spectral index")
    return "Acceptance of the sample, flux normalised at 1 GeV"


def _dispersion(figure: Figure, axes: Axes, response: Response) -> str:
    energy = _axis(response, "energy_true")
    other = response.axis("energy_reco") or _axis(response, "migration")
    (matrix,) = [band.values for band in bands(response, "zenith", most=1, upgoing=True)]
    shown = np.where(matrix > 0, matrix, np.nan)
    mesh = axes.pcolormesh(
        energy.edges, other.edges, shown.T, cmap=DENSITY,
        norm=LogNorm(1e-3, max(float(np.nanmax(shown)), 2e-3)),
    )  # fmt: skip
    median = median_of(matrix, other)
    axes.plot(np.sqrt(energy.lo * energy.hi), median, color="#d1495b", lw=2, label="median")
    if other.name == "energy_reco":
        axes.plot(energy.edges, energy.edges, color=INK, lw=1, ls=(0, (6, 3)), label="equal")
        ordinate = "reconstructed energy [GeV]"
    else:
        axes.axhline(1.0, color=INK, lw=1, ls=(0, (6, 3)), label="equal")
        ordinate = "reconstructed / true energy"
    _logarithmic(axes, "energy of the neutrino [GeV]", ordinate, None)
    axes.set_ylim(other.edges[0], other.edges[-1])
    _legend(axes, "")
    colour_bar = figure.colorbar(mesh, cax=figure.add_axes((0.83, 0.115, 0.022, 0.45)))
    _fonts(colour_bar.ax)
    write_text(figure, 0.815, 0.585, "probability of a bin", 9)
    return "Energy dispersion" + (", zenith angles above 90°" if response.axis("zenith") else "")


def _resolution(figure: Figure, axes: Axes, response: Response) -> str:
    energy = _axis(response, "energy_true")
    lines: dict[float, Any] = {0.5: "-", 0.9: (0, (4, 2))}
    for band, colour in _coloured(bands(response, "zenith")):
        for containment, dashes in lines.items():
            radius = containment_radius(band.values, _axis(response, "radius"), containment)
            if np.isfinite(radius).any():
                label = band.label if containment == 0.5 else None
                axes.plot(np.sqrt(energy.lo * energy.hi), radius, color=colour, ls=dashes, lw=2,
                          label=label)  # fmt: skip
    _logarithmic(axes, "energy of the neutrino [GeV]", "angular resolution [deg]", None)
    _legend(axes, "zenith angle")
    write_text(figure, 0.815, 0.16, "solid: median\ndashed: 90 %", 9)
    return "Angle between true and reconstructed direction"


def _background(figure: Figure, axes: Axes, response: Response) -> str:
    energy = _axis(response, "energy_reco")
    name = "zenith" if response.axis("zenith") else "dec"
    centre = np.sqrt(energy.lo * energy.hi)
    for band, colour in _coloured(bands(response, name)):
        _steps(axes, energy, band.values * centre * _YEAR, colour, band.label)
    _logarithmic(axes, "reconstructed energy [GeV]", "E dN/dE [sr⁻¹ yr⁻¹]", 8)
    _legend(axes, "zenith angle" if name == "zenith" else "declination")
    return "Background"


def _polynomial(figure: Figure, axes: Axes, response: Response) -> str:
    below = np.polynomial.Polynomial(response.values)
    dec = np.linspace(-90, 90, 721)
    rising = below.deriv()(dec) > 0
    # beyond the declinations that the sample covers, the polynomial falls
    dec = dec[: int(np.argmin(rising))] if not rising.all() else dec
    axes.plot(dec, below(dec), color=_COLOURS(0.25), lw=2, label="events below")
    _labels(axes, "declination [deg]", "events below the declination")
    axes.set_xlim(-90, 90)
    axes.set_xticks(np.arange(-90, 91, 30))
    axes.set_ylim(0, None)
    density: Any = axes.twinx()
    per_sr = below.deriv()(dec) * (180 / np.pi) / (2 * np.pi * np.cos(np.radians(dec)))
    inside = np.abs(dec) < 85
    density.plot(dec[inside], per_sr[inside], color="#d1495b", lw=2, ls=(0, (4, 2)))
    axes.plot([], [], color="#d1495b", lw=2, ls=(0, (4, 2)), label="density (right)")
    density.set_ylim(0, None)
    density.set_ylabel("events per sr", fontproperties=_font(11), color=INK)
    _fonts(density)
    _legend(axes, "", x=1.09)
    return "Background: number of events below a declination"


_DRAWINGS: Final[dict[str, Callable[[Figure, Axes, Response], str]]] = {
    "aeff": _area,
    "acceptance": _acceptance,
    "edisp": _dispersion,
    "psf": _resolution,
    "bkgrate": _background,
    "background": _polynomial,
}


def _axis(response: Response, name: str) -> Axis:
    axis = response.axis(name)
    if axis is None:
        raise ValueError(f"a response of the table {response.table} without {name}")
    return axis


def _coloured(several: list[Band]) -> list[tuple[Band, Any]]:
    last = max(len(several) - 1, 1)
    return [(one, _COLOURS(0.9 * (i / last))) for i, one in enumerate(several)]


def _steps(axes: Axes, axis: Axis, values: Floats, colour: Any, label: str) -> None:
    if (values > 0).any():
        shown = np.where(values > 0, values, np.nan)
        axes.stairs(shown, axis.edges, baseline=None, color=colour, lw=2, label=label or None)


def _logarithmic(axes: Axes, abscissa: str, ordinate: str, decades: int | None) -> None:
    """Make both axes logarithmic, and show at most so many decades of the values."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.autoscale_view()
    if decades is not None:
        top = axes.get_ylim()[1]
        axes.set_ylim(max(axes.get_ylim()[0], top / 10.0**decades), top)
    axes.margins(x=0)
    _labels(axes, abscissa, ordinate)


def _labels(axes: Axes, abscissa: str, ordinate: str) -> None:
    axes.set_xlabel(abscissa, fontproperties=_font(11), color=INK)
    axes.set_ylabel(ordinate, fontproperties=_font(11), color=INK)


def _legend(axes: Axes, title: str, x: float = 1.02) -> None:
    if not axes.get_legend_handles_labels()[1]:
        return
    axes.legend(
        title=title or None, title_fontproperties=_font(9), prop=_font(9), frameon=False,
        loc="upper left", bbox_to_anchor=(x, 1.0), labelcolor=INK,
    )  # fmt: skip


def _finish(axes: Axes) -> None:
    axes.grid(True, which="major", **_GRID)
    axes.set_axisbelow(True)
    _fonts(axes)


def _fonts(axes: Axes) -> None:
    for label in (*axes.get_xticklabels(which="both"), *axes.get_yticklabels(which="both")):
        label.set_fontproperties(_font(9))
        label.set_color(INK)
    for side in axes.spines.values():
        side.set_color(INK)


def _font(size: float) -> FontProperties:
    return FontProperties(fname=str(PLAIN), size=size)
