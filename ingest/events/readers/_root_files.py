"""ROOT files of KM3NeT: their trees, headers, summaries and history."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, Final

import numpy as np
import uproot

from ingest.core.errors import InputError
from ingest.events.readers._files import BinaryFormat, open_delivered

ROOT: Final = BinaryFormat(
    # opened here, because uproot would open it again from other threads
    "ROOT",
    b"root",
    lambda path: uproot.open(open_delivered(path), array_cache=None),
)
_MAP = "Head/map<string,string>/map<string,string>."
_HEADER_ENTRIES = 100_000
_SUM_ENTRIES = 65_536


def tree_names(file: Any, path: Path) -> set[str]:
    """Return the names of the objects at the top of a file."""
    with ROOT.guard(path):
        return set(file.keys(recursive=False, cycle=False))


def open_tree(file: Any, name: str, path: Path) -> Any:
    """Return the tree `name`.

    Raises
    ------
    ingest.core.errors.InputError
        If it is missing or damaged.
    """
    if name not in tree_names(file, path):
        raise InputError(
            "the tree is missing",
            file=path,
            where=name,
            value=", ".join(sorted(tree_names(file, path))) or "nothing",
            expected="the tree E of events, and in a DST also T",
            remedy="deliver the file as Jpp, aanet or the DST tools write it, or give its actual"
            " format",
        )
    with ROOT.guard(path, name):
        tree = file[name]
        tree.num_entries  # noqa: B018  a damaged object may not be a tree
        return tree


def headers(file: Any, names: set[str], path: Path) -> list[dict[str, str]]:
    """Return the headers, one for each file merged into this one."""
    found: list[dict[str, str]] = []
    if "headerTree" in names:
        with ROOT.guard(path, "headerTree"):
            tree = file["headerTree"]
            keys, values = (
                tree[_MAP + part].array(library="np", entry_stop=_HEADER_ENTRIES)
                for part in ("first", "second")
            )
            found = [_header(zip(*pair, strict=True)) for pair in zip(keys, values, strict=True)]
    elif "Head" in names:
        with ROOT.guard(path, "Head"):
            found = [_header(file["Head"].tojson()["map<string,string>"].items())]
    return found


def _header(pairs: Any) -> dict[str, str]:
    return {str(key): str(value).strip() for key, value in pairs}


def header_sums(file: Any, path: Path) -> dict[str, list[Any]]:
    """Return the columns of the header tree, with a value for each merged file."""
    with ROOT.guard(path, "headerTree"):
        tree = file["headerTree"]
        return {
            name: tree[name].array(library="np", entry_stop=_HEADER_ENTRIES).tolist()
            for name in tree.keys(recursive=False)
            if name != "Head"
        }


def summaries(file: Any, names: set[str], path: Path) -> dict[str, Any]:
    """Return which summaries the tree T holds, and the sums of their counts."""
    if "T" not in names:
        return {}
    with ROOT.guard(path, "T"):
        tree = file["T"]
        kinds = {name: tree[name].typename for name in tree.keys(recursive=False)}
        totals = {}
        for name in kinds:
            for count in ("ntrks", "nhits"):
                if f"{name}/{count}" in tree:
                    totals[f"{name}/{count}"] = _sum(tree[f"{name}/{count}"])
    return {"summaries": kinds, "totals": totals}


def history(file: Any, names: set[str]) -> dict[str, str]:
    """Return the commands and inputs the file was made with, as far as readable."""
    found: dict[str, str] = {}
    if "dst_history" in names:
        with contextlib.suppress(Exception):
            folder = file["dst_history"]
            for key in folder.keys(recursive=False, cycle=False):
                with contextlib.suppress(Exception):
                    found[key] = str(folder[key].member("fTitle"))
    return found


def _sum(branch: Any) -> int:
    starts = range(0, branch.num_entries, _SUM_ENTRIES)
    return sum(
        int(branch.array(library="np", entry_start=start, entry_stop=start + _SUM_ENTRIES).sum())
        for start in starts
    )


def livetime_of(header: dict[str, str]) -> float | None:
    """Return the livetime in a header, s, as measured by data acquisition."""
    try:
        return float(header["DAQ"])
    except (KeyError, ValueError):
        return None


def total_livetime(values: list[float | None]) -> float | None:
    """Return the sum of livetimes, s; None if any of them is not stated."""
    known = [value for value in values if value is not None and np.isfinite(value) and value > 0]
    return sum(known) if known and len(known) == len(values) else None
