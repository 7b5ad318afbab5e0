"""Order of positions on the sky, so that neighbours in a table are neighbours on the sky.

The sphere is projected from its centre on a cube, as by q3c, whose index then points to few pages
of a table: Koposov and Bartunov, 2006, ASPC 351, 735. This runs in the Python of DaCHS.
"""

import numpy

BITS = 16
"""Of each coordinate on a face of the cube: pixels of about 5 arcsec."""


def pixels(ra, dec):
    """Return the pixels of positions.

    Parameters
    ----------
    ra, dec : array_like of float, shape (n,)
        Positions in deg; NaN where there is none.

    Returns
    -------
    numpy.ndarray of int64, shape (n,)
        q3c's numbers of its pixels, for ``1 << BITS`` of them along the side of a face.
    """
    ra, dec = (numpy.radians(numpy.nan_to_num(numpy.asarray(one, float))) for one in (ra, dec))
    # Faces 1 to 4 are around the equator, 0 and 5 around the poles.
    side = numpy.floor(ra / (numpy.pi / 2) + 0.5)
    around = ra - side * (numpy.pi / 2)
    x, y = numpy.tan(around), numpy.tan(dec) / numpy.cos(around)
    face = side.astype(int) % 4 + 1
    for polar, number, sign in ((y > 1, 0, 1), (y < -1, 5, -1)):
        x[polar] = sign * numpy.sin(ra[polar]) / numpy.tan(dec[polar])
        y[polar] = -numpy.cos(ra[polar]) / numpy.tan(dec[polar])
        face[polar] = number
    size = 1 << BITS
    x, y = (numpy.clip((one + 1) / 2 * size, 0, size - 1).astype(numpy.int64) for one in (x, y))
    return (face.astype(numpy.int64) << (2 * BITS)) + (_spread(y) << 1) + _spread(x)


def _spread(numbers):
    """Return numbers of 16 bits with a zero before each bit."""
    for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
        numbers = (numbers | (numbers << shift)) & mask
    return numbers
