"""Readers of delivered files: one module per format, all with the interface of :class:`Reader`.

A new format is one new module and one line in :data:`READERS`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ingest.core.errors import InputError
from ingest.events.readers._files import open_delivered, unreadable
from ingest.events.readers._root_files import ROOT
from ingest.events.readers.alert_catalogue import ALERT_COLUMNS, AlertCatalogueReader
from ingest.events.readers.antares_text import AntaresTextReader
from ingest.events.readers.base import DEFAULT_CHUNK_ROWS, FileFacts, Reader
from ingest.events.readers.dst_root import DstRootReader
from ingest.events.readers.event_csv import EventCsvReader
from ingest.events.readers.gadf_fits import GadfFitsReader
from ingest.events.readers.km3pipe_hdf5 import Km3pipeHdf5Reader
from ingest.events.readers.offline_root import OfflineRootReader
from ingest.events.readers.seatray_hdf5 import SeatrayHdf5Reader
from ingest.events.readers.simple_hdf5 import SimpleHdf5Reader

READERS: Final[dict[str, type[Reader]]] = {
    reader.format: reader
    for reader in (
        AntaresTextReader,
        Km3pipeHdf5Reader,
        SimpleHdf5Reader,
        DstRootReader,
        OfflineRootReader,
        SeatrayHdf5Reader,
        GadfFitsReader,
        EventCsvReader,
        AlertCatalogueReader,
    )
}
"""The readers by the name of their format in manifests."""

AUTO: Final = "auto"
"""In place of a format's name: identify the format from the file."""

__all__ = [
    "ALERT_COLUMNS",
    "AUTO",
    "DEFAULT_CHUNK_ROWS",
    "READERS",
    "ROOT",
    "FileFacts",
    "Reader",
    "open_reader",
]


def open_reader(path: Path, format: str = AUTO, topology: str | None = None) -> Reader:
    """Open a delivered file with the reader of its format.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    format : str
        A key of :data:`READERS`, or ``auto`` to identify the format from the file.
    topology : str, optional
        ``track`` or ``shower``: which reconstruction to take, if the file has several.

    Raises
    ------
    ingest.core.errors.InputError
        If the format does not exist or has not this topology, no format or several match the
        file, or it is damaged.
    """
    if format == AUTO:
        format = _identified(path)
    if format not in READERS:
        raise InputError(
            "the format does not exist", file=path, value=format, expected=_known(), remedy=_REMEDY
        )
    reader = READERS[format](path)
    if topology is not None:
        reader.select(topology)
    return reader


def _identified(path: Path) -> str:
    """Return the only format that matches the file."""
    try:
        with open_delivered(path) as stream:
            empty = not stream.read(1)
    except OSError as error:
        raise unreadable(path, error) from None
    if empty:
        raise InputError(
            "the file is empty", file=path, expected=_known(), remedy="fetch the file again"
        )
    matching = [name for name, reader in READERS.items() if reader.recognises(path)]
    if len(matching) != 1:
        raise InputError(
            "several formats match the file" if matching else "the file has no known format",
            file=path,
            value=", ".join(matching) or None,
            expected=_known(),
            remedy=_REMEDY,
        )
    return matching[0]


_REMEDY = "name the format in the manifest or with --format, to see why it does not match"


def _known() -> str:
    return "one of " + "; ".join(f"{name} ({reader.title})" for name, reader in READERS.items())
