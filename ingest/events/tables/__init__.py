"""Readers of files beside the events whose content fills further tables of a release.

One module per format; each has a dictionary ``PARTS`` of what its files contain. A new format is
one new module and one line in :data:`FORMATS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ingest.core.errors import InputError
from ingest.events.tables import (
    counterparts_csv,
    detector_json,
    hits_json,
    oscillation_root,
    pmt_numbers_csv,
)
from ingest.events.tables.base import Part, Table

FORMATS: Final[Mapping[str, Mapping[str, Part]]] = {
    "hits-json": hits_json.PARTS,
    "detector-json": detector_json.PARTS,
    "counterparts-csv": counterparts_csv.PARTS,
    "pmt-numbers-csv": pmt_numbers_csv.PARTS,
    "oscillation-root": oscillation_root.PARTS,
}
"""By the name of the format in manifests: the parts of a file that can become a table."""

__all__ = ["FORMATS", "Table", "read_table"]


def read_table(path: Path, format: str, part: str | None = None, bins: Path | None = None) -> Table:
    """Read a delivered file, or one part of it, as a table.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    format : str
        A key of :data:`FORMATS`.
    part : str, optional
        Which part, if files of this format have several.
    bins : pathlib.Path, optional
        The file with the edges of the bins, if they are in a file of their own.

    Raises
    ------
    ingest.core.errors.InputError
        If the format does not exist or has no such part, or the file is damaged or has values
        that cannot be right.
    """
    if format not in FORMATS:
        raise InputError(
            "the format of the table does not exist",
            file=path,
            value=format,
            expected="one of " + ", ".join(FORMATS),
            remedy="correct the format in the manifest",
        )
    parts = FORMATS[format]
    chosen = next(iter(parts)) if part is None and len(parts) == 1 else part
    if chosen is None or chosen not in parts:
        raise InputError(
            f"files of the format {format} have several parts"
            if part is None
            else f"files of the format {format} have no such part",
            file=path,
            value=part,
            expected="one of " + ", ".join(parts),
            remedy="name the part in the manifest: part =",
        )
    return parts[chosen](path, bins)
