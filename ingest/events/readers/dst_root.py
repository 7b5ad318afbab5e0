"""KM3NeT's data summary files (DST): ROOT trees ``E`` (events) and ``T`` (summaries).

``E/Evt`` holds the reconstructed events: identifiers, the UTC time of the time slice, and tracks
with their fit information (``fitinf``); ``T`` holds one row of summaries for each of them.
Directions are those of propagation, x = UTM easting, y = UTM northing, z = up.

The track of an event is selected as in :data:`~._tracks.BEST_TRACK` from the tracks of type 4000
(Jpp); in the samples of ORCA4 and ORCA6, which hold one track per event, ``T/coords`` was
computed from the same track. An event whose reconstruction failed has a track of type 0 or none:
its direction and fit are missing.

The time is that of the event plus that of the track, in ns within the time slice of 0.1 s.
``T/coords/mjd`` is the time of the slice alone, up to 0.1 s earlier: 1.5 arcsec on the sky.

Fit information by its index (KM3NeT data format definitions): 0 JGANDALF_BETA0_RAD, the angular
error estimate; 3 JGANDALF_NUMBER_OF_HITS; 4 JENERGY_ENERGY in GeV, before the correction that
simulations apply. In measured data it equals the energy of the track.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import awkward as ak
import numpy as np

from ingest.core.errors import InputError
from ingest.core.timescales import unix_to_mjd
from ingest.events.fields import UNIX_TIME, VECTOR, Array, Chunk
from ingest.events.readers._columns import (
    FIRST_LIGHT,
    RowRange,
    fill_tracks,
    integers,
    unix_time,
)
from ingest.events.readers._dst_header import (
    ROOT,
    header_sums,
    headers,
    history,
    livetime_of,
    open_tree,
    summaries,
    total_livetime,
    tree_names,
)
from ingest.events.readers._files import REFETCH
from ingest.events.readers._tracks import BEST_TRACK, JPP, LAST_MUON_STAGE, best_tracks
from ingest.events.readers.base import FileFacts, TableReader

BETA0, HITS, ENERGY = 0, 3, 4
IDS: Final = ("det_id", "run_id", "frame_index", "trigger_counter")
_DIRECTION = ("trks.dir.x", "trks.dir.y", "trks.dir.z")
_TRACKS = (*_DIRECTION, "trks.t", "trks.lik", "trks.rec_type", "trks.rec_stages")
_BRANCHES = (*IDS, "t.fSec", "t.fNanoSec", *_TRACKS, "trks.fitinf")
_SIMULATION = {"physics", "simul", "genvol", "spectrum", "primary", "cut_nu"}
_TRUTH_EVENTS = 100


class DstRootReader(TableReader):
    """Reads the events and best tracks of a DST file."""

    format = "dst-root"
    title = "KM3NeT data summary file (DST, ROOT)"
    gives = (
        *IDS, *UNIX_TIME, *VECTOR, "ang_err", "energy", "n_hits", "likelihood", "topology",
    )  # fmt: skip

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with ROOT.opened(path) as file:
            events = open_tree(file, "E", path)
            with ROOT.guard(path, "E"):
                branches = {name.split("/")[-1] for name in events.keys()}  # noqa: SIM118
                self.n_rows = int(events.num_entries)
            if missing := [name for name in _BRANCHES if name not in branches]:
                raise InputError(
                    f"branches are missing: {', '.join(missing)}",
                    file=path,
                    where="E",
                    expected="events with reconstructed tracks (Evt with trks)",
                    remedy="deliver the DST with its tree E as the collaboration writes it",
                )
            if "T" in tree_names(file, path):
                self._check_summaries(file)

    def _check_summaries(self, file: Any) -> None:
        with ROOT.guard(self.path, "T"):
            n_summaries = int(file["T"].num_entries)
        if n_summaries != self.n_rows:
            raise InputError(
                "the trees have different lengths",
                file=self.path,
                where="T",
                value=f"{n_summaries} entries",
                expected=f"{self.n_rows}, one for each event of E",
                remedy=REFETCH,
            )

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether this is a ROOT file with a tree ``E``."""
        if not ROOT.recognises(path):
            return False
        with ROOT.opened(path) as file:
            return "E" in tree_names(file, path)

    def facts(self) -> FileFacts:
        """Return what header, header tree and history say, and how the events were selected.

        The livetime is that of the runs the events come from, as measured by data acquisition
        (``DAQ``), even if the file holds only some of their events.

        Raises
        ------
        ingest.core.errors.InputError
            If the header cannot be read.
        """
        with ROOT.opened(self.path) as file:
            names = tree_names(file, self.path)
            heads = headers(file, names, self.path)
            sums = header_sums(file, self.path) if "headerTree" in names else {}
            detectors = sums.pop("detid", [])
            runs = sums.pop("runNumber", [])
            simulated: bool | None = None if not heads else False
            if any(_SIMULATION & set(head) for head in heads) or self._has_truth(file):
                simulated = True
            provenance: dict[str, Any] = {
                "header": heads[0] if len(heads) == 1 else heads,
                "selection": {"header_sums": sums, **summaries(file, names, self.path)},
                "history": history(file, names),
                "best_track": BEST_TRACK,
            }
        livetimes = [livetime_of(head) for head in heads] or [None]
        livetime = total_livetime(livetimes) or total_livetime(sums.get("livetime_s", [None]))
        starts = [] if simulated else [t for t in sums.get("UTCMin_s", []) if t > FIRST_LIGHT]
        stops = [] if simulated else [t for t in sums.get("UTCMax_s", []) if t > FIRST_LIGHT]
        sites = {m[1].lower() for d in detectors if (m := re.match(r"D_(ORCA|ARCA)", str(d)))}
        return FileFacts(
            detector=sites.pop() if len(sites) == 1 else None,
            runs=tuple(sorted({int(run) for run in runs})),
            n_events=self.n_rows,
            start_mjd=float(unix_to_mjd(min(starts))) if starts else None,
            stop_mjd=float(unix_to_mjd(max(stops))) if stops else None,
            livetime=livetime,
            simulated=simulated,
            provenance=provenance,
        )

    def where(self, row: int) -> str:
        """Return the entry of the tree E."""
        return f"E entry {row}"

    @contextlib.contextmanager
    def _open_events(self) -> Iterator[Any]:
        with ROOT.opened(self.path) as file:
            yield open_tree(file, "E", self.path)

    def _fill(self, chunk: Chunk, events: Any, rows: RowRange) -> None:
        with ROOT.guard(self.path, f"E entries {rows.first} to {rows.stop - 1}"):
            block = events.arrays(
                list(_BRANCHES), entry_start=rows.first, entry_stop=rows.stop, library="ak"
            )
            columns, fit, reconstructed = _best_track_columns(block, len(rows))
        for name in IDS:
            chunk[name] = integers(columns[name], name, rows)
        chunk["unix_seconds"], chunk["unix_nanoseconds"] = unix_time(
            columns["t.fSec"],
            columns["t.fNanoSec"],
            np.where(reconstructed, columns["trks.t"], 0.0),
            rows,
        )
        values = {
            "likelihood": columns["trks.lik"],
            "energy": fit[:, ENERGY],
            "ang_err": np.degrees(fit[:, BETA0]),
            "n_hits": fit[:, HITS],
        }
        x, y, z = (columns[branch] for branch in _DIRECTION)
        fill_tracks(chunk, reconstructed, (x, y, z), values, rows)

    def _has_truth(self, file: Any) -> bool:
        """Return whether one of the first events has the particle it was simulated from."""
        with ROOT.guard(self.path, "E"):
            events = file["E"]
            if not any(name.endswith("mc_trks.id") for name in events.keys()):  # noqa: SIM118
                return False
            counts = ak.num(events["mc_trks.id"].array(entry_stop=_TRUTH_EVENTS))
            return bool(ak.any(counts > 0))


def _best_track_columns(block: Any, n_events: int) -> tuple[dict[str, Array], Array, Array]:
    """Flatten a block of events.

    Returns
    -------
    columns : dict of str to numpy.ndarray, shape (n_events,)
        The columns of the events, and those of their best tracks.
    fit : numpy.ndarray, shape (n_events, ENERGY + 1)
        Their fit information.
    reconstructed : numpy.ndarray of bool, shape (n_events,)
        Which events have a track.
    """
    n_tracks = ak.to_numpy(ak.num(block["trks.rec_type"]))
    event = np.repeat(np.arange(n_events), n_tracks)
    flat = {name: ak.to_numpy(ak.flatten(block[name])) for name in _TRACKS[:-1]}
    stages = ak.flatten(block["trks.rec_stages"], axis=1)
    n_stages = ak.to_numpy(ak.num(stages))
    all_muon = ak.to_numpy(ak.all((stages >= 0) & (stages <= LAST_MUON_STAGE), axis=1))
    eligible = (flat["trks.rec_type"] == JPP) & all_muon & (n_stages > 0)
    best, reconstructed = best_tracks(event, eligible, n_stages, flat["trks.lik"], n_events)
    columns = {name: ak.to_numpy(block[name]) for name in (*IDS, "t.fSec", "t.fNanoSec")}
    for name, values in flat.items():
        columns[name] = np.zeros(n_events, values.dtype)
        columns[name][reconstructed] = values[best[reconstructed]]
    fit = np.full((n_events, ENERGY + 1), np.nan)
    padded = ak.pad_none(ak.flatten(block["trks.fitinf"], axis=1), ENERGY + 1, clip=True)
    of_best = ak.fill_none(padded[best[reconstructed]], np.nan)
    fit[reconstructed] = ak.to_numpy(of_best).reshape(-1, ENERGY + 1)
    return columns, fit, reconstructed
