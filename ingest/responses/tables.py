"""Responses as tables: FITS files with one row per bin, which DaCHS loads."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np

from ingest.core.files import atomic_write
from ingest.core.fitstable import Card, FitsColumn, TableWriter, row_dtype, write_primary
from ingest.responses.model import POINTS, TABLES, Response

EXTENSION: Final = "RESPONSE"
NAME_LENGTH: Final = 64


def write_tables(
    response: Response, path: Path, release: str, name: str, cards: Iterable[Card] = ()
) -> int:
    """Write a response as a table with one row per bin.

    Parameters
    ----------
    response : Response
        What to write.
    path : pathlib.Path
        The FITS file. Its only table has the columns ``release`` and ``response`` and those of
        :data:`ingest.responses.model.TABLES`.
    release, name : str
        The release, and the name of the response in it: the values of these two columns.
    cards : iterable of (str, value, str)
        Further keywords of the primary header, with their comments.

    Returns
    -------
    int
        The number of rows, which is that of the bins.

    Raises
    ------
    ValueError
        If a name is too long.
    """
    table = TABLES[response.table]
    keys = {"release": release, "response": name}
    for key, text in keys.items():
        if len(text.encode()) > NAME_LENGTH:
            raise ValueError(f"{key} {text!r} has more than {NAME_LENGTH} bytes")
    columns = (*(FitsColumn(key, f"S{NAME_LENGTH}") for key in keys), *table.columns)
    rows = np.zeros(response.values.size, row_dtype(columns))
    for key, text in keys.items():
        rows[key] = text.encode()
    indices = np.unravel_index(np.arange(response.values.size), response.values.shape)
    for axis_name in table.axes:
        axis = response.axis(axis_name)
        if axis is None:
            lo, hi = table.absent.get(axis_name, (np.nan, np.nan))
            rows[f"{axis_name}_lo"], rows[f"{axis_name}_hi"] = lo, hi
            continue
        index = indices[response.axes.index(axis)]
        if axis_name in POINTS:
            rows[axis_name] = axis.edges[index]
        else:
            rows[f"{axis_name}_lo"], rows[f"{axis_name}_hi"] = axis.lo[index], axis.hi[index]
    rows[table.value.name] = response.values.reshape(-1)
    notes = (f"{note}." for note in response.notes)
    with atomic_write(path) as stream:
        write_primary(stream, cards, notes)
        writer = TableWriter(stream, EXTENSION, columns)
        writer.append(rows)
        writer.finish()
    return len(rows)
