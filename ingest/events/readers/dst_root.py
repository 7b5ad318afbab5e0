"""KM3NeT's data summary files (DST): ROOT trees ``E`` (events) and ``T`` (summaries).

``E/Evt`` holds the reconstructed event: ids, the UTC time of its time slice, and tracks with
their fit information (``fitinf``); ``T`` holds one row of summaries for each of them. Directions
are those of the particle, x = UTM easting, y = UTM northing, z = up.

The event's track is chosen by :data:`~._tracks.BEST_TRACK` from the tracks of type 4000 (Jpp);
in the samples of ORCA4 and ORCA6, where only one track was kept, ``T/coords`` was computed from
the same one. An event whose reconstruction failed has a track of type 0 or none: its direction
and its fit are missing.

Time is that of the event plus that of the track, ns within the time slice of 0.1 s.
``T/coords/mjd`` is the time of the slice alone, up to 0.1 s earlier: 1.5 arcsec on the sky.

Fit information by its index (KM3NeT data format definitions): 0 JGANDALF_BETA0_RAD, the angular
error estimate; 3 JGANDALF_NUMBER_OF_HITS; 4 JENERGY_ENERGY in GeV, before the correction that
simulations apply. In measured data it equals the track's own energy.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import awkward as ak
import numpy as np
import numpy.typing as npt
import uproot

from ingest.core.errors import InputError
from ingest.events.fields import Chunk, chunk_dtype
from ingest.events.readers._columns import FIRST_LIGHT, integers, refuse_empty, unix_time
from ingest.events.readers._damage import REPAIR, damage_told, unreadable
from ingest.events.readers._tracks import BEST_TRACK, JPP, LAST_MUON_STAGE, best_tracks
from ingest.events.readers.base import DEFAULT_CHUNK_ROWS, FileFacts, Reader

Array = npt.NDArray[Any]

SIGNATURE: Final = b"root"
BETA0, HITS, ENERGY = 0, 3, 4
IDS: Final = ("det_id", "run_id", "frame_index", "trigger_counter")
DIRECTION: Final = {"dir_x": "trks.dir.x", "dir_y": "trks.dir.y", "dir_z": "trks.dir.z"}
_TRACKS = (*DIRECTION.values(), "trks.t", "trks.lik", "trks.rec_type", "trks.rec_stages")
_BRANCHES = (*IDS, "t.fSec", "t.fNanoSec", *_TRACKS, "trks.fitinf")
_SIMULATION = {"physics", "simul", "genvol", "spectrum", "primary", "cut_nu"}
_MAP = "Head/map<string,string>/map<string,string>."
_LOOKED_AT = 100
_HEADER_ENTRIES = 100_000


class DstRootReader(Reader):
    """Reads the events and best tracks of a DST file."""

    format = "dst-root"
    title = "KM3NeT data summary file (DST, ROOT)"
    gives = (
        *IDS, "unix_seconds", "unix_nanoseconds", *DIRECTION,
        "ang_err", "energy", "n_hits", "likelihood", "topology",
    )  # fmt: skip

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with _opened(path) as file:
            events = _tree(file, "E", path)
            with _told(path, "E"):
                there = {name.split("/")[-1] for name in events.keys()}  # noqa: SIM118
                self._n_events = int(events.num_entries)
            if missing := [name for name in _BRANCHES if name not in there]:
                raise InputError(
                    f"branches are missing: {', '.join(missing)}",
                    file=path,
                    where="E",
                    expected="events with reconstructed tracks (Evt with trks)",
                    remedy="deliver the DST with its tree E as the collaboration writes it",
                )
            if "T" in _names(file, path):
                with _told(path, "T"):
                    n_summaries = int(file["T"].num_entries)
                if n_summaries != self._n_events:
                    raise InputError(
                        "the trees have different lengths",
                        file=path,
                        where="T",
                        value=f"{n_summaries} entries",
                        expected=f"{self._n_events}, one for each event of E",
                        remedy=REPAIR,
                    )

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Look for a ROOT file that has a tree ``E``."""
        with path.open("rb") as stream:
            if stream.read(len(SIGNATURE)) != SIGNATURE:
                return False
        with _opened(path) as file:
            return "E" in _names(file, path)

    def facts(self) -> FileFacts:
        """Return what header, header tree and history say, and what the file was selected by.

        The livetime is that of the runs the events were taken from, as data taking measured it
        (``DAQ``), also where the file holds only a part of their events.

        Raises
        ------
        ingest.core.errors.InputError
            If the header cannot be read.
        """
        with _opened(self.path) as file:
            names = _names(file, self.path)
            heads = _heads(file, names, self.path)
            sums = _sums(file, self.path) if "headerTree" in names else {}
            detectors = sums.pop("detid", [])
            runs = sums.pop("runNumber", [])
            simulated: bool | None = None if not heads else False
            if any(_SIMULATION & set(head) for head in heads) or self._has_truth(file):
                simulated = True
            provenance: dict[str, Any] = {
                "header": heads[0] if len(heads) == 1 else heads,
                "selection": {"header_sums": sums, **_summaries(file, names, self.path)},
                "history": _history(file, names),
                "best_track": BEST_TRACK,
            }
        livetimes = [_number(head.get("DAQ")) for head in heads] or [None]
        livetime = _total(livetimes) or _total(sums.get("livetime_s", [None]))
        starts = [] if simulated else [t for t in sums.get("UTCMin_s", []) if t > FIRST_LIGHT]
        stops = [] if simulated else [t for t in sums.get("UTCMax_s", []) if t > FIRST_LIGHT]
        sites = {m[1].lower() for d in detectors if (m := re.match(r"D_(ORCA|ARCA)", str(d)))}
        return FileFacts(
            detector=sites.pop() if len(sites) == 1 else None,
            runs=tuple(sorted({int(run) for run in runs})),
            n_events=self._n_events,
            start_mjd=40587 + min(starts) / 86400 if starts else None,
            stop_mjd=40587 + max(stops) / 86400 if stops else None,
            livetime=livetime,
            simulated=simulated,
            provenance=provenance,
        )

    def where(self, row: int) -> str:
        """Name the entry of the tree E."""
        return f"E entry {row}"

    def chunks(self, rows: int = DEFAULT_CHUNK_ROWS) -> Iterator[Chunk]:
        """Yield the events in file order; one without a track has NaN and an empty topology.

        Raises
        ------
        ingest.core.errors.InputError
            If entries cannot be read, or times are not absolute.
        """
        refuse_empty(self._n_events, self.path)
        with _opened(self.path) as file:
            events = _tree(file, "E", self.path)
            for first in range(0, self._n_events, rows):
                stop = min(first + rows, self._n_events)
                place = f"E entries {first} to {stop - 1}"
                with _told(self.path, place):
                    block = events.arrays(
                        list(_BRANCHES), entry_start=first, entry_stop=stop, library="ak"
                    )
                    columns = _columns(block, stop - first)
                chunk = np.empty(stop - first, chunk_dtype(self.gives))
                self._fill(chunk, columns, first)
                yield chunk

    def _fill(self, chunk: Chunk, columns: dict[str, Array], first: int) -> None:
        known = columns["known"]

        def where(row: int) -> str:
            return self.where(first + row)

        for name in IDS:
            chunk[name] = integers(columns[name], name, self.path, where)
        chunk["unix_seconds"], chunk["unix_nanoseconds"] = unix_time(
            columns["t.fSec"],
            columns["t.fNanoSec"],
            np.where(known, columns["trks.t"], 0.0),
            self.path,
            where,
        )
        fit = columns["fitinf"]
        numbers = {field: columns[branch] for field, branch in DIRECTION.items()}
        numbers |= {"likelihood": columns["trks.lik"], "energy": fit[:, ENERGY]}
        numbers |= {"ang_err": np.degrees(fit[:, BETA0])}
        for field, values in numbers.items():
            chunk[field] = np.where(known, values, np.nan)
        chunk["n_hits"] = integers(fit[:, HITS], "n_hits", self.path, where, missing=~known)
        chunk["topology"] = np.where(known, "track", "")

    def _has_truth(self, file: Any) -> bool:
        """Say whether one of the first events carries the particle it was simulated from."""
        with _told(self.path, "E"):
            events = file["E"]
            if not any(name.endswith("mc_trks.id") for name in events.keys()):  # noqa: SIM118
                return False
            counts = ak.num(events["mc_trks.id"].array(entry_stop=_LOOKED_AT))
            return bool(ak.any(counts > 0))


def _columns(block: Any, n_events: int) -> dict[str, Array]:
    """Flatten a block of events: their own columns, and those of their best tracks."""
    n_tracks = ak.to_numpy(ak.num(block["trks.rec_type"]))
    event = np.repeat(np.arange(n_events), n_tracks)
    flat = {name: ak.to_numpy(ak.flatten(block[name])) for name in _TRACKS[:-1]}
    stages = ak.flatten(block["trks.rec_stages"], axis=1)
    length = ak.to_numpy(ak.num(stages))
    muon = ak.to_numpy(ak.all((stages >= 0) & (stages <= LAST_MUON_STAGE), axis=1))
    eligible = (flat["trks.rec_type"] == JPP) & muon & (length > 0)
    chosen, known = best_tracks(event, eligible, length, flat["trks.lik"], n_events)
    columns = {name: ak.to_numpy(block[name]) for name in (*IDS, "t.fSec", "t.fNanoSec")}
    for name, values in flat.items():
        columns[name] = np.zeros(n_events, values.dtype)
        columns[name][known] = values[chosen[known]]
    fit = np.full((n_events, ENERGY + 1), np.nan)
    padded = ak.pad_none(ak.flatten(block["trks.fitinf"], axis=1), ENERGY + 1, clip=True)
    fit[known] = ak.to_numpy(ak.fill_none(padded[chosen[known]], np.nan)).reshape(-1, ENERGY + 1)
    return {**columns, "fitinf": fit, "known": known}


def _told(path: Path, where: str | None = None) -> contextlib.AbstractContextManager[None]:
    """Turn whatever uproot and awkward throw at a damaged file into an InputError."""
    return damage_told(path, where, "ROOT", "structure")


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with path.open("rb") as stream:
            found = stream.read(len(SIGNATURE))
    except OSError as error:
        raise unreadable(path, error) from None
    if found != SIGNATURE:
        raise InputError(
            "this is not a ROOT file",
            file=path,
            value=found,
            expected=f"{SIGNATURE!r} at its start",
            remedy="give the file's true format, or fetch the file again",
        )
    with _told(path):
        file = uproot.open(path, array_cache=None)
    try:
        yield file
    finally:
        with contextlib.suppress(Exception):
            file.close()


def _names(file: Any, path: Path) -> set[str]:
    with _told(path):
        return set(file.keys(recursive=False, cycle=False))


def _tree(file: Any, name: str, path: Path) -> Any:
    if name not in _names(file, path):
        raise InputError(
            "the tree is missing",
            file=path,
            where=name,
            value=", ".join(sorted(_names(file, path))) or "nothing",
            expected="the trees E and T of a DST",
            remedy="deliver a DST; a file of another kind has another reader",
        )
    with _told(path, name):
        tree = file[name]
        tree.num_entries  # noqa: B018  a damaged object may be something else than a tree
        return tree


def _heads(file: Any, names: set[str], path: Path) -> list[dict[str, str]]:
    """Return the headers, one for each file that was merged into this one."""
    heads: list[dict[str, str]] = []
    if "headerTree" in names:
        with _told(path, "headerTree"):
            tree = file["headerTree"]
            keys, values = (
                tree[_MAP + part].array(library="np", entry_stop=_HEADER_ENTRIES)
                for part in ("first", "second")
            )
            heads = [_head(zip(*pair, strict=True)) for pair in zip(keys, values, strict=True)]
    elif "Head" in names:
        with _told(path, "Head"):
            heads = [_head(file["Head"].tojson()["map<string,string>"].items())]
    return heads


def _head(pairs: Any) -> dict[str, str]:
    return {str(key): str(value).strip() for key, value in pairs}


def _sums(file: Any, path: Path) -> dict[str, list[Any]]:
    """Return the columns of the header tree, a value for each file that was merged."""
    with _told(path, "headerTree"):
        tree = file["headerTree"]
        return {
            name: tree[name].array(library="np", entry_stop=_HEADER_ENTRIES).tolist()
            for name in tree.keys(recursive=False)
            if name != "Head"
        }


def _summaries(file: Any, names: set[str], path: Path) -> dict[str, Any]:
    """Return which summaries the tree T holds, and what their counts add up to."""
    if "T" not in names:
        return {}
    with _told(path, "T"):
        tree = file["T"]
        kinds = {name: tree[name].typename for name in tree.keys(recursive=False)}
        totals = {}
        for name in kinds:
            for count in ("ntrks", "nhits"):
                if f"{name}/{count}" in tree:
                    parts = tree[f"{name}/{count}"]
                    total = sum(
                        int(parts.array(library="np", entry_start=a, entry_stop=a + 65536).sum())
                        for a in range(0, tree.num_entries, 65536)
                    )
                    totals[f"{name}/{count}"] = total
    return {"summaries": kinds, "totals": totals}


def _history(file: Any, names: set[str]) -> dict[str, str]:
    """Return the commands and inputs of the file's making, those that can be read."""
    history: dict[str, str] = {}
    if "dst_history" in names:
        with contextlib.suppress(Exception):
            folder = file["dst_history"]
            for key in folder.keys(recursive=False, cycle=False):
                with contextlib.suppress(Exception):
                    history[key] = str(folder[key].member("fTitle"))
    return history


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None


def _total(values: list[float | None]) -> float | None:
    """Add up livetimes, s; None when one is not stated."""
    known = [value for value in values if value is not None and np.isfinite(value) and value > 0]
    return sum(known) if known and len(known) == len(values) else None
