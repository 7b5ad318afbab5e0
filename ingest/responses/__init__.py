"""Instrument responses: delivered files as tables, as GADF files and as pictures.

:func:`read_response` makes a :class:`Response` of a delivered file, :func:`write_tables` the rows
of its table below ``irf``, :func:`write_gadf` a file that gammapy reads, :func:`draw` its preview.
"""

from __future__ import annotations

from pathlib import Path

from ingest.responses.gadf import write_gadf
from ingest.responses.model import AXES, TABLES, Axis, Response, ResponseTable
from ingest.responses.readers import READERS, ResponseReader, read_response
from ingest.responses.tables import write_tables

__all__ = [
    "AXES",
    "READERS",
    "TABLES",
    "Axis",
    "Response",
    "ResponseReader",
    "ResponseTable",
    "draw",
    "read_response",
    "write_gadf",
    "write_tables",
]


def draw(response: Response, path: Path, title: str = "", subtitle: str = "") -> Path:
    """Draw a response; see :func:`ingest.responses.preview.draw`."""
    # loads matplotlib, for which only callers that draw have to wait
    from ingest.responses import preview

    return preview.draw(response, path, title, subtitle)
