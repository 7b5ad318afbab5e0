"""Responses as GADF files that gammapy reads."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
from astropy import units
from astropy.io import fits

from ingest.core.files import atomic_write
from ingest.core.fitstable import Card
from ingest.responses.layouts import LAYOUTS, GadfLayout
from ingest.responses.model import AXES, Axis, Floats, Response

_ALL_SKY: Final = Axis("zenith", np.array([0.0, 180.0]))
_KEYWORDS: Final = (
    ("HDUCLASS", "GADF", "format"),
    ("HDUDOC", "https://gamma-astro-data-formats.readthedocs.io", "its description"),
    ("HDUVERS", "0.3", "its version"),
    ("HDUCLAS1", "RESPONSE", "instrument response"),
)
_REST: Final = (
    ("HDUCLAS3", "FULL-ENCLOSURE", "no cut on the direction"),
    ("THETAIS", "ZENITH", "THETA is the zenith angle, not an offset"),
)
_SPACING_TOLERANCE: Final = 1e-4


def write_gadf(response: Response, path: Path, cards: Iterable[Card] = ()) -> Path | None:
    """Write a response as a GADF file.

    A response that does not depend on the zenith angle gets one bin of THETA, from 0 to 180 deg.
    An energy dispersion in true and reconstructed energy is written in their ratio if both have
    the same logarithmic bins: then the ratio of the centres of two bins depends only on how far
    the bins are apart.

    Parameters
    ----------
    response : Response
        What to write.
    path : pathlib.Path
        The FITS file, with one table.
    cards : iterable of (str, value, str)
        Further keywords of the table, such as TELESCOP, with their comments.

    Returns
    -------
    pathlib.Path or None
        `path`; None, without a file, if GADF has no class for such a response.
    """
    layout = next((one for one in LAYOUTS.values() if one.table == response.table), None)
    if layout is None:
        return None
    stored = _stored(response, layout)
    if stored is None:
        return None
    axes, values = stored
    columns = []
    for (column, name), axis in zip(layout.axes, axes, strict=True):
        for end, edges in (("LO", axis.lo), ("HI", axis.hi)):
            edges_of_row = edges[np.newaxis].astype(np.float32)
            columns.append(
                fits.Column(
                    f"{column}_{end}", f"{len(axis)}E", AXES[name] or None, array=edges_of_row
                )
            )
    shape = tuple(len(axis) for axis in axes)
    columns.append(
        fits.Column(
            layout.column,
            f"{values.size}D",
            layout.unit or None,
            # the first axis varies fastest
            dim="(" + ",".join(map(str, shape)) + ")",
            array=values.transpose()[np.newaxis],
        )
    )
    table = fits.BinTableHDU.from_columns(columns, name=layout.extension)
    classes = (
        *_KEYWORDS,
        ("HDUCLAS2", layout.group, "kind of response"),
        ("HDUCLAS4", layout.name, "its class in GADF"),
        *_REST,
    )
    for keyword, value, comment in (*classes, *cards):
        table.header[keyword] = (value, comment)
    for note in response.notes:
        table.header.add_history(f"{note}.")
    hdus = fits.HDUList([fits.PrimaryHDU(), table])
    for hdu in hdus:
        # without the date, so that the same response always gives the same bytes
        hdu.add_datasum(when="data unit checksum")
        hdu.add_checksum(when="HDU checksum")
    content = io.BytesIO()
    hdus.writeto(content)
    with atomic_write(path) as stream:
        stream.write(content.getvalue())
    return path


def _stored(response: Response, layout: GadfLayout) -> tuple[list[Axis], Floats] | None:
    """Return the axes and values as GADF has them, or None if it cannot have them."""
    values = response.values
    if response.table == "edisp":
        if response.axis("energy_reco") is not None:
            converted = _migration(response)
            if converted is None:
                return None
            response, values = converted, converted.values
        migration = response.axis("migration")
        if migration is None:
            return None
        position = response.axes.index(migration)
        width = np.diff(migration.edges)
        values = values / width.reshape(-1, *[1] * (values.ndim - 1 - position))
    missing = [name for _, name in layout.axes if response.axis(name) is None]
    known = {name for _, name in layout.axes}
    if missing not in ([], ["zenith"]) or any(one.name not in known for one in response.axes):
        return None
    if missing and response.table == "bkgrate":
        return None
    axes = [response.axis(name) or _ALL_SKY for _, name in layout.axes]
    order = [response.axes.index(axis) for axis in axes if axis in response.axes]
    values = values.transpose(order).reshape([len(axis) for axis in axes])
    declared = units.Unit(response.unit) if response.table == "bkgrate" else None
    if declared is not None:
        values = values * declared.to(units.Unit(layout.unit))
    return axes, values


def _migration(response: Response) -> Response | None:
    """Return an energy dispersion in energies as one in the ratio of energies."""
    true, reco = response.axis("energy_true"), response.axis("energy_reco")
    if true is None or reco is None or response.axes != (true, reco):
        return None
    logs = [np.log10(axis.edges) for axis in (true, reco)]
    step = (logs[0][-1] - logs[0][0]) / len(true)
    first = (logs[1][0] - logs[0][0]) / step
    even = all(np.allclose(np.diff(one), step, rtol=_SPACING_TOLERANCE) for one in logs)
    if not even or abs(first - round(first)) > _SPACING_TOLERANCE:
        return None
    # bin k of the ratio holds the pairs of bins that are k + lowest apart
    lowest = round(first) - (len(true) - 1)
    bins = len(true) + len(reco) - 1
    values = np.zeros((len(true), bins))
    for row in range(len(true)):
        start = round(first) - row - lowest
        values[row, start : start + len(reco)] = response.values[row]
    edges = 10.0 ** (step * (np.arange(bins + 1) + lowest - 0.5))
    return Response("edisp", "edisp", (true, Axis("migration", edges)), values, response.meta)
