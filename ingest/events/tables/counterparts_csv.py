"""Candidate counterparts of an event: the data of Figure 4 of the publication of KM3-230213A.

The first line is a title. Names are normalised: one space after the catalogue, and the hyphen in
place of the minus sign, as catalogues and name resolvers have them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from ingest.core.errors import InputError
from ingest.core.fitstable import FitsColumn
from ingest.events.tables._files import csv_records, number_in
from ingest.events.tables.base import REDELIVER, Field, Table, require_unique, table_of

_METHODS: Final = tuple(f"Method {number}" for number in range(1, 5))
_HEADER: Final = ("Source", "RA J2000 [deg]", "Dec J2000 [deg]", "Dist", "Name", *_METHODS)
_FIELDS: Final = (
    Field("source", FitsColumn("source", "i2"), 1, 9999),
    Field("Name", FitsColumn("name", "S40")),
    Field("RA J2000 [deg]", FitsColumn("ra", "f8", "deg"), 0, 360),
    Field("Dec J2000 [deg]", FitsColumn("dec", "f8", "deg"), -90, 90),
    Field("Dist", FitsColumn("distance", "f8", "deg"), 0, 180),
    *(
        Field(name, FitsColumn(name.lower().replace(" ", "_"), "i2"), is_flag=True)
        for name in _METHODS
    ),
)
_FLAGS: Final = {"true": True, "false": False}


def counterparts(path: Path, _bins: Path | None = None) -> Table:
    """Return the candidates, in the order of the file.

    Raises
    ------
    ingest.core.errors.InputError
        If the file is damaged, a value cannot be right, or a number is given twice.
    """
    found = table_of(
        path,
        _FIELDS,
        [
            (where, _record(path, where, cells))
            for where, cells in csv_records(path, _HEADER, skipped=1)
        ],
    )
    require_unique(path, found, ("source",), "source")
    return found


PARTS: Final = {"counterparts": counterparts}


def _record(path: Path, where: str, cells: dict[str, str]) -> dict[str, object]:
    number = re.fullmatch(r"#(\d{1,4})", cells["Source"].strip())
    if number is None:
        raise InputError(
            "the number of the source cannot be read",
            file=path,
            where=where,
            value=cells["Source"],
            expected="# and a number, such as #1",
            remedy=REDELIVER,
        )
    numbers = {
        name: number_in(path, where, name, cells[name])
        for name in ("RA J2000 [deg]", "Dec J2000 [deg]", "Dist")
    }
    # other texts stay as they are, and are refused
    flags = {name: _FLAGS.get(cells[name].strip().lower(), cells[name]) for name in _METHODS}
    return {"source": int(number[1]), "Name": normalised(cells["Name"]), **numbers, **flags}


def normalised(name: str) -> str:
    """Return the name of a source with single spaces, and hyphens for all kinds of dashes."""
    return " ".join(re.sub("[\u2010-\u2015\u2212]", "-", name).split())
