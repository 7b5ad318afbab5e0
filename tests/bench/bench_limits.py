"""How fast limits are answered, next to a cone search of the same server."""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import requests
from astropy.io import fits

from ingest.events.delivery.manifest import load_manifest
from ingest.events.import_release import import_release
from tests.bench.instance import private_instance
from tests.bench.report import Line, median, timed

_SOURCES: Final = 1000
_NSIDE: Final = 256
"""786,432 cells"""
_REPEAT: Final = 15
_RELOADING: Final = 2.0
"""Seconds until the server has surely noticed an import."""


def lines(_: int) -> Iterator[Line]:
    """Yield medians of the times of answers."""
    with tempfile.TemporaryDirectory() as name, private_instance(serve=True) as (layout, state):
        import_release(load_manifest("ant20_01"), layout, state, Path(name))
        time.sleep(_RELOADING)
        url = f"{state.server_url}/ant20_01/nu"
        cone = _median(f"{url}/cone/scs.xml?RA=98.24&DEC=5.81&SR=1")
        one = _median(f"{url}/ps/api?RA=98.24&DEC=5.81&SR=1")
        yield Line(
            "limits of one source, one client",
            f"{one:.1f} ms",
            f"cone search {cone:.1f} ms",
            f"{one - cone:.1f} ms more",
            "≤ 20 ms more",
        )
        spent = _median(f"{url}/ps/api", SOURCES=_sources())
        yield Line(f"limits of {_SOURCES:,} sources", f"{spent / 1000:.2f} s", goal="≤ 1 s")
        for order in ("NESTED", "RING"):
            spent = _median(f"{url}/region/api", MAP=_map(order))
            what = f"limits for a map of {12 * _NSIDE**2:,} cells, {order}"
            yield Line(what, f"{spent / 1000:.2f} s", goal="≤ 0.5 s")
        spent = _median(f"{url}/region/api?MOC=3/1,4-6")
        yield Line("limits for a coverage map", f"{spent:.0f} ms")


def _median(url: str, **files: bytes) -> float:
    """Return the median time of the answers to a request in ms."""

    def ask() -> None:
        reply = requests.post(url, files=files) if files else requests.get(url, timeout=60)
        assert 'value="ERROR"' not in reply.text, reply.text[-500:]

    ask()  # the first one loads the descriptors and the sample
    return 1000 * median(_REPEAT, lambda: timed(ask))


def _sources() -> bytes:
    dice = np.random.default_rng(1)
    ra, sine = dice.uniform(0, 360, _SOURCES), dice.uniform(-1, 0.78, _SOURCES)
    dec = np.degrees(np.arcsin(sine))
    rows = (f"s{n},{a:.4f},{d:.4f}" for n, (a, d) in enumerate(zip(ra, dec, strict=True)))
    return "\n".join(["name,ra,dec", *rows]).encode()


def _map(order: str) -> bytes:
    """Return a flat sky map of random values, of which no cell is negligible."""
    values = np.random.default_rng(1).uniform(size=12 * _NSIDE**2)
    column = fits.Column("PROB", "D", array=values / values.sum())
    table = fits.BinTableHDU.from_columns([column])
    table.header.update(PIXTYPE="HEALPIX", ORDERING=order, NSIDE=_NSIDE, COORDSYS="C")
    content = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(content)
    return content.getvalue()
