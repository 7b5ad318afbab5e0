"""Plots of the whole sky with matplotlib, which is needed only here.

Equatorial coordinates (ICRS) in Mollweide's equal-area projection, right ascension increasing to
the left and 12 h in the centre.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from astropy import units as u
from astropy.coordinates import SkyCoord

Floats = npt.NDArray[np.float64]


def sky_axes(figure: Any, position: Any = 111, galactic_plane: bool = True) -> Any:
    """Add axes for the whole sky to a figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    position : int or matplotlib.gridspec.SubplotSpec, optional
        Where in the figure, as for ``add_subplot``.
    galactic_plane : bool, optional
        Whether to draw the galactic plane, and a cross at its centre.

    Returns
    -------
    matplotlib.axes.Axes
        Plot into them what :func:`project` returns.
    """
    from matplotlib.patheffects import withStroke

    axes = figure.add_subplot(position, projection="mollweide")
    hours = np.arange(3, 24, 3)
    axes.set_xticks(np.radians(180.0 - 15.0 * hours))
    axes.set_xticklabels([])
    # above everything, with an outline, so that points do not hide them
    outline = [withStroke(linewidth=3, foreground="white")]
    for hour in (6, 12, 18):
        x = np.radians(180.0 - 15.0 * hour)
        label: dict[str, Any] = {"size": 9, "ha": "center", "va": "top", "zorder": 9}
        axes.text(x, -0.03, f"{hour}h", path_effects=outline, **label)
    dec = np.arange(-60, 61, 30)
    axes.set_yticks(np.radians(dec))
    axes.set_yticklabels([f"{one:+d}°".replace("-", "−") if one else "0°" for one in dec])
    axes.tick_params(labelsize=9)
    axes.grid(True)
    if galactic_plane:
        plane = SkyCoord(np.linspace(0, 360, 361) * u.deg, 0 * u.deg, frame="galactic").icrs
        line: dict[str, Any] = {"color": "#8a97a5", "lw": 1.0, "ls": (0, (5, 3)), "zorder": 1.5}
        draw_line(axes, plane.ra.deg, plane.dec.deg, **line)
        centre = SkyCoord(0 * u.deg, 0 * u.deg, frame="galactic").icrs
        axes.plot(*project(centre.ra.deg, centre.dec.deg), marker="+", ms=8, color=line["color"])
    return axes


def project(ra: npt.ArrayLike, dec: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return the coordinates of positions in the axes of :func:`sky_axes`.

    Parameters
    ----------
    ra, dec : array_like
        ICRS, deg.

    Returns
    -------
    x, y : ndarray
        In radian, as matplotlib's projection takes them.
    """
    wrapped = np.mod(np.asarray(ra, np.float64), 360.0)
    return np.radians(180.0 - wrapped), np.radians(np.asarray(dec, np.float64))


def draw_line(axes: Any, ra: npt.ArrayLike, dec: npt.ArrayLike, **style: Any) -> None:
    """Draw a line through positions in deg, interrupted where it crosses the edge at 0 h.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        From :func:`sky_axes`.
    ra, dec : array_like
        The positions, shape (n,), ICRS, deg.
    **style
        As for ``plot``.
    """
    x, y = project(ra, dec)
    jumps = np.flatnonzero(np.abs(np.diff(x)) > np.pi) + 1
    axes.plot(np.insert(x, jumps, np.nan), np.insert(y, jumps, np.nan), **style)


def circle(ra: float, dec: float, radius: float, n: int = 181) -> tuple[Floats, Floats]:
    """Return right ascension and declination of points on a circle on the sphere, all in deg."""
    angle = np.linspace(0, 360, n) * u.deg
    points = SkyCoord(ra * u.deg, dec * u.deg).directional_offset_by(angle, radius * u.deg)
    return points.ra.deg, points.dec.deg
