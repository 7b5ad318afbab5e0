"""Readers of delivered responses: one module per group of formats.

A new format is a function from a path to a :class:`ingest.responses.model.Response`, and one entry
in :data:`READERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingest.core.errors import InputError
from ingest.responses.model import Response
from ingest.responses.readers.antares_text import read_acceptance, read_background
from ingest.responses.readers.arca230_csv import read_arca230_csv
from ingest.responses.readers.area_json import read_area_json
from ingest.responses.readers.gadf_fits import read_gadf


@dataclass(frozen=True)
class ResponseReader:
    """A format of responses.

    Parameters
    ----------
    title : str
        A short description of the format.
    read : callable
        Reads a file.
    """

    title: str
    read: Callable[[Path], Response]


READERS: Final[dict[str, ResponseReader]] = {
    "antares-acceptance": ResponseReader("ANTARES acceptance (text)", read_acceptance),
    "antares-background": ResponseReader("ANTARES background (text)", read_background),
    "gadf": ResponseReader("GADF response with zenith angles (FITS)", read_gadf),
    "arca230-csv": ResponseReader("KM3NeT/ARCA230 response (CSV)", read_arca230_csv),
    "effective-area-json": ResponseReader("effective area of a sky average (JSON)", read_area_json),
}
"""The readers by the name of their format in manifests."""


def read_response(path: Path, format: str) -> Response:
    """Read a delivered response.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    format : str
        A key of :data:`READERS`.

    Raises
    ------
    ingest.core.errors.InputError
        If the format does not exist, or the file is not of this format or is damaged.
    """
    if format not in READERS:
        raise InputError(
            "the format of responses does not exist",
            file=path,
            value=format,
            expected="one of "
            + "; ".join(f"{name} ({reader.title})" for name, reader in READERS.items()),
            remedy="correct the format in the manifest",
        )
    return READERS[format].read(path)
