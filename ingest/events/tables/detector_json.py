"""The optical modules of a detector and their photomultipliers, in JSON as KM3io writes it.

Floor 0 is the base of a detection unit, which has no photomultipliers. Positions are in the frame
of the detector, m; a direction is the axis of a photomultiplier.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from ingest.core.fitstable import FitsColumn
from ingest.events.tables._files import json_records, read_json
from ingest.events.tables.base import (
    DIRECTION,
    POSITION,
    Field,
    Table,
    require_unique,
    require_unit_vectors,
    table_of,
)
from ingest.events.tables.hits_json import CHANNELS, LARGEST_ID

_IDENTITY: Final = (
    Field("id", FitsColumn("dom_id", "i4"), 1, LARGEST_ID),
    Field("detection_unit", FitsColumn("detection_unit", "i2"), 1, 999),
    Field("floor", FitsColumn("floor", "i2"), 0, 18),
)
_MODULE: Final = (*_IDENTITY, *POSITION, Field("n_pmts", FitsColumn("n_pmts", "i2"), 0, CHANNELS))
_PMT: Final = (
    Field("dom_id", FitsColumn("dom_id", "i4"), 1, LARGEST_ID),
    Field("id", FitsColumn("channel_id", "i2"), 0, CHANNELS - 1),
    *_IDENTITY[1:],
    *POSITION,
    *DIRECTION,
)


def modules(path: Path, _bins: Path | None = None) -> Table:
    """Return the optical modules and the bases of the detection units.

    Raises
    ------
    ingest.core.errors.InputError
        If the file is damaged, a value cannot be right, or an identifier or a place is given twice.
    """
    found = table_of(
        path,
        _MODULE,
        [(where, {**one, "n_pmts": len(pmts)}) for where, one, pmts in _modules(path)],
    )
    require_unique(path, found, ("dom_id",), "module")
    require_unique(path, found, ("detection_unit", "floor"), "module")
    return found


def pmts(path: Path, _bins: Path | None = None) -> Table:
    """Return the photomultipliers.

    Raises
    ------
    ingest.core.errors.InputError
        If the file is damaged, a value cannot be right, or a channel is given twice.
    """
    records = []
    for where, module, parts in _modules(path):
        place = {
            "dom_id": module.get("id"),
            "detection_unit": module.get("detection_unit"),
            "floor": module.get("floor"),
        }
        records += [(f"{where}.{part}", {**one, **place}) for part, one in parts]
    found = table_of(path, _PMT, records)
    require_unique(path, found, ("dom_id", "channel_id"), "photomultiplier")
    require_unit_vectors(path, found, "photomultiplier")
    return found


PARTS: Final = {"modules": modules, "pmts": pmts}


def _modules(path: Path) -> list[tuple[str, dict[str, Any], list[tuple[str, dict[str, Any]]]]]:
    """Return the modules, each with its place in the file and its photomultipliers."""
    return [
        (where, one, json_records(path, "pmts", one.get("pmts")))
        for where, one in json_records(path, "", read_json(path))
    ]
