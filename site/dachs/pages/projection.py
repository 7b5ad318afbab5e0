"""The map of the sky: its projection, and lines on it as paths of SVG.

The projection is Mollweide's, which is equal-area, in equatorial coordinates (ICRS), with right
ascension increasing to the left and 180° in the middle, as in the pictures of the releases. It
needs numpy only.
"""

import numpy as np

WIDTH, HEIGHT = 720, 360
"""The size of the ellipse, in units of the drawing."""
_POLE = np.radians([192.85948, 27.12825])
_NODE = np.radians(122.93192)
"""The galactic pole in ICRS and the galactic longitude of the celestial pole; Hipparcos and Tycho
Catalogues (1997), vol. 1, section 1.5.3."""
_LONGITUDES = np.linspace(0, 2 * np.pi, 241)


def project(ra, dec):
    """Return the places of positions on the map.

    Parameters
    ----------
    ra, dec : array_like
        ICRS, deg.

    Returns
    -------
    x, y : numpy.ndarray
        From 0 to ``WIDTH``, and from 0 at the top to ``HEIGHT``.
    """
    sin_dec = np.sin(np.radians(np.asarray(dec, float)))
    # solves 2 t + sin 2t = pi sin(dec) by bisection; Newton's method is slow at the poles
    low = np.full_like(sin_dec, -np.pi / 2)
    high = -low
    for _ in range(30):
        middle = (low + high) / 2
        above = 2 * middle + np.sin(2 * middle) > np.pi * sin_dec
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    turned = (180.0 - np.asarray(ra, float)) / 180.0
    return WIDTH / 2 * (1 + turned * np.cos(low)), HEIGHT / 2 * (1 - np.sin(low))


def circle(ra, dec, radius):
    """Return right ascension and declination of points on a circle on the sky, all in deg."""
    centre, rho = np.radians(dec), np.radians(radius)
    sin_dec = np.sin(centre) * np.cos(rho) + np.cos(centre) * np.sin(rho) * np.cos(_LONGITUDES)
    turned = np.arctan2(
        np.sin(_LONGITUDES) * np.sin(rho) * np.cos(centre), np.cos(rho) - np.sin(centre) * sin_dec
    )
    return (ra + np.degrees(turned)) % 360, np.degrees(np.arcsin(np.clip(sin_dec, -1, 1)))


def galactic(longitude, latitude):
    """Return ICRS right ascension and declination of galactic positions, all in deg."""
    b, turned = np.radians(latitude), _NODE - np.radians(longitude)
    ra_pole, dec_pole = _POLE
    sin_dec = np.sin(dec_pole) * np.sin(b) + np.cos(dec_pole) * np.cos(b) * np.cos(turned)
    east = np.arctan2(
        np.cos(b) * np.sin(turned),
        np.cos(dec_pole) * np.sin(b) - np.sin(dec_pole) * np.cos(b) * np.cos(turned),
    )
    return np.degrees(ra_pole + east) % 360, np.degrees(np.arcsin(np.clip(sin_dec, -1, 1)))


def line(ra, dec):
    """Return a line through positions as a path, interrupted where it crosses the map's edge."""
    x, y = project(ra, dec)
    parts, far = [], WIDTH / 4
    for i, (here, there) in enumerate(zip(x.round(1), y.round(1), strict=True)):
        jumps = i == 0 or abs(x[i] - x[i - 1]) > far
        parts.append(f"{'M' if jumps else 'L'}{here:g} {there:g}")
    return "".join(parts)


def dots(x, y):
    """Return points as a path of lines without length, which a round line cap makes visible.

    Each step is relative to the point before, in an order with short steps, and points with the
    same place are one: this needs five or six characters for each.
    """
    places = np.unique(np.stack([np.rint(x), np.rint(y)], 1).astype(int), axis=0)
    band = places[:, 1] // 6
    order = np.lexsort((np.where(band % 2, -places[:, 0], places[:, 0]), band))
    steps = np.diff(places[order], axis=0, prepend=0)
    return "".join(f"m{right}{down if down < 0 else f' {down}'}h0" for right, down in steps)


def grid():
    """Return the path of the grid: meridians every 45°, parallels every 30°."""
    every = np.linspace(0, 360, 61)
    down = np.linspace(-90, 90, 31)
    parallels = [line(every, np.full_like(every, dec)) for dec in range(-60, 61, 30)]
    return "".join([*parallels, *(line(np.full_like(down, ra), down) for ra in range(45, 360, 45))])


def galactic_plane():
    """Return the path of the galactic plane."""
    ra, dec = galactic(np.linspace(0, 360, 181), np.zeros(181))
    return line(ra, dec)


def place(ra, dec):
    """Return the place of one position on the map, rounded."""
    x, y = project([ra], [dec])
    return round(float(x[0]), 1), round(float(y[0]), 1)
