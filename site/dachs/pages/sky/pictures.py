"""Pictures of densities. This needs the standard library and NumPy only."""

import struct
import zlib

import numpy as np

_STOPS = (
    (0, (10, 34, 48, 0)),
    (40, (14, 62, 82, 110)),
    (130, (24, 122, 138, 190)),
    (210, (120, 205, 196, 225)),
    (255, (244, 244, 190, 240)),
)
"""Colours (red, green, blue, opacity) of some shades; those between are interpolated."""


def png(shades):
    """Return a PNG file with the colours of densities.

    Parameters
    ----------
    shades : numpy.ndarray
        Two-dimensional, of type ``uint8``: 0 is transparent, 255 the largest density.
    """
    height, width = shades.shape
    palette = _palette()
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    lines = np.hstack([np.zeros((height, 1), np.uint8), shades])  # no filter
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", palette[:, :3].tobytes()),
            _chunk(b"tRNS", palette[:, 3].tobytes()),
            _chunk(b"IDAT", zlib.compress(lines.tobytes(), 6)),
            _chunk(b"IEND", b""),
        )
    )


def _palette():
    at, colours = zip(*_STOPS, strict=True)
    bands = zip(*colours, strict=True)
    return np.stack([np.interp(range(256), at, one) for one in bands], axis=1).astype(np.uint8)


def _chunk(kind, content):
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
