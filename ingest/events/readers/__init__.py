"""Readers: one module per delivered format, all behind :class:`~.base.Reader`.

A new format is one new module and one line in :data:`READERS`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ingest.core.errors import InputError
from ingest.events.readers._damage import unreadable
from ingest.events.readers.antares_text import AntaresTextReader
from ingest.events.readers.base import DEFAULT_CHUNK_ROWS, FileFacts, Reader
from ingest.events.readers.dst_root import DstRootReader
from ingest.events.readers.event_csv import EventCsvReader
from ingest.events.readers.gadf_fits import GadfFitsReader
from ingest.events.readers.km3pipe_hdf5 import Km3pipeHdf5Reader
from ingest.events.readers.seatray_hdf5 import SeatrayHdf5Reader
from ingest.events.readers.simple_hdf5 import SimpleHdf5Reader

READERS: Final[dict[str, type[Reader]]] = {
    reader.format: reader
    for reader in (
        AntaresTextReader,
        Km3pipeHdf5Reader,
        SimpleHdf5Reader,
        DstRootReader,
        SeatrayHdf5Reader,
        GadfFitsReader,
        EventCsvReader,
    )
}
"""The readers by the name of the format in a manifest."""

AUTO: Final = "auto"
"""Instead of the name of a format: find out."""

__all__ = ["AUTO", "DEFAULT_CHUNK_ROWS", "READERS", "FileFacts", "Reader", "open_reader"]


def open_reader(path: Path, format: str = AUTO) -> Reader:
    """Open a delivered file with the reader of its format.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    format : str
        A name of :data:`READERS`, or ``auto`` to recognise the format from the file.

    Raises
    ------
    ingest.core.errors.InputError
        If there is no such format, none or several recognise the file, or it is damaged.
    """
    if format != AUTO:
        if format not in READERS:
            raise InputError(
                "there is no such format", file=path, value=format, expected=_known(), remedy=_NAME
            )
        return READERS[format](path)
    try:
        with path.open("rb") as stream:
            empty = not stream.read(1)
    except OSError as error:
        raise unreadable(path, error) from None
    fitting = [] if empty else [name for name in READERS if READERS[name].recognises(path)]
    if len(fitting) == 1:
        return READERS[fitting[0]](path)
    problem = "several formats fit the file" if fitting else "the file is of no known format"
    raise InputError(
        "the file is empty" if empty else problem,
        file=path,
        value=", ".join(fitting) or None,
        expected=_known(),
        remedy="fetch the file again" if empty else _NAME,
    )


_NAME = "name the format in the manifest or on the command line, to see why it does not fit"


def _known() -> str:
    return "one of " + "; ".join(f"{name} ({reader.title})" for name, reader in READERS.items())
