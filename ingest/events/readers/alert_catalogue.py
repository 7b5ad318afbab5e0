"""A catalogue of alerts in FITS, as ``km3vo release new --alerts`` writes it from the archive.

The table ALERTS has one row per alert in the columns :data:`ALERT_COLUMNS`. The keywords of its
header say which packets of the archive it was made from.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from astropy.io import fits

from ingest.core.errors import InputError
from ingest.core.fitstable import FitsColumn
from ingest.events.fields import ALERT, FIELD_UNITS, FIELDS, MISSING_INTEGER
from ingest.events.readers._columns import RowRange, integers
from ingest.events.readers._files import REFETCH, BinaryFormat
from ingest.events.readers.base import FileFacts, TableReader

FITS: Final = BinaryFormat("FITS", b"SIMPLE  =", lambda path: fits.open(path, memmap=False))
TABLE: Final = "ALERTS"
_TAKEN: Final = (
    "event_name", "event_no", "mjd", "ra", "dec", "ang_err", "ang_err_cl", "err_50", "err_90",
    "energy", "topology", *ALERT,
)  # fmt: skip
_PROVENANCE: Final = ("ORIGIN", "CREATOR", "DATE", "NPACKETS", "SEALID", "SEALDAY", "SEALHASH")


def _column(field: str) -> FitsColumn:
    kind = np.dtype(FIELDS[field])
    unit = FIELD_UNITS.get(field, "")
    if kind.kind == "U":
        return FitsColumn(field.upper(), f"S{kind.itemsize // 4}", unit)
    null = MISSING_INTEGER if kind.kind == "i" else None
    return FitsColumn(field.upper(), f"{kind.kind}{kind.itemsize}", unit, null=null)


ALERT_COLUMNS: Final = tuple(_column(field) for field in _TAKEN)
"""The columns of a catalogue of alerts: the fields of the same names, in their units."""


class AlertCatalogueReader(TableReader):
    """Reads a catalogue of alerts."""

    format = "alert-catalogue"
    title = "Catalogue of alerts (FITS)"
    gives: tuple[str, ...] = _TAKEN

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with FITS.opened(path) as hdus, FITS.guard(path, TABLE):
            if TABLE not in hdus:
                raise self._error("there is no table of alerts", None, f"a table {TABLE}")
            table = hdus[TABLE]
            self.n_rows = int(table.header["NAXIS2"])
            found = [(one.name, one.format, one.unit or "") for one in table.columns]
            wanted = [(one.name, one.format, one.unit) for one in ALERT_COLUMNS]
            if _plain(found) != _plain(wanted):
                raise self._error(
                    "the columns are not those of a catalogue of alerts",
                    ", ".join(name for name, *_ in found),
                    ", ".join(name for name, *_ in wanted),
                )
            self._provenance = {
                key: table.header[key] for key in _PROVENANCE if key in table.header
            }
            self._start = table.header.get("MJD-BEG")
            self._stop = table.header.get("MJD-END")

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether this is FITS with a table of alerts."""
        if not FITS.recognises(path):
            return False
        with FITS.opened(path) as hdus, FITS.guard(path):
            return TABLE in hdus

    def facts(self) -> FileFacts:
        """Return what the header says."""
        return FileFacts(
            detector="km3net",
            n_events=self.n_rows,
            start_mjd=self._start,
            stop_mjd=self._stop,
            simulated=False,
            provenance=self._provenance,
        )

    def where(self, row: int) -> str:
        """Return the row of the table, which FITS counts from 1."""
        return f"{TABLE} row {row + 1}"

    @contextlib.contextmanager
    def _open_events(self) -> Iterator[Any]:
        with FITS.opened(self.path) as hdus, FITS.guard(self.path, TABLE):
            yield hdus[TABLE].data

    def _fill(self, chunk: Any, events: Any, rows: RowRange) -> None:
        block = events[rows.first : rows.stop]
        for field in _TAKEN:
            column = np.array(block.field(field.upper()))
            column = column.astype(column.dtype.newbyteorder("="))
            if column.dtype.kind in "SU":
                chunk[field] = np.char.strip(column.astype(np.str_))
            elif FIELDS[field].startswith("i"):
                chunk[field] = integers(column, field, rows, column == MISSING_INTEGER)
            else:
                chunk[field] = column

    def _error(self, problem: str, value: object, expected: str) -> InputError:
        return InputError(
            problem, file=self.path, where=TABLE, value=value, expected=expected, remedy=REFETCH
        )


def _plain(columns: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Return columns without the optional repeat count 1 of their formats."""
    return [
        (name, code[1:] if code[:1] == "1" and code[1:].isalpha() else code, unit)
        for name, code, unit in columns
    ]
