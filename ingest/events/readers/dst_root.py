"""KM3NeT's data summary files (DST): ROOT trees ``E`` (events) and ``T`` (summaries).

``E`` is that of offline files with only the best tracks, see :mod:`._evt_tree`; ``T`` holds one
row of summaries for each event. In the samples of ORCA4 and ORCA6, which hold one track per
event, ``T/coords`` was computed from the same track. An event whose reconstruction failed has a
track of type 0 or none: its direction and fit are missing.

``T/coords/mjd`` is the time of the slice alone, up to 0.1 s earlier than that of the track:
1.5 arcsec on the sky.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ingest.core.errors import InputError
from ingest.core.timescales import unix_to_mjd
from ingest.events.readers._columns import FIRST_LIGHT
from ingest.events.readers._evt_tree import EvtReader
from ingest.events.readers._files import REFETCH
from ingest.events.readers._root_files import (
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
from ingest.events.readers.base import FileFacts


class DstRootReader(EvtReader):
    """Reads the events of a DST file with their best tracks or showers."""

    format = "dst-root"
    title = "KM3NeT data summary file (DST, ROOT)"

    def _check_trees(self, file: Any, names: set[str]) -> None:
        n_summaries = open_tree(file, "T", self.path).num_entries
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
        """Return whether this is a ROOT file with trees ``E`` and ``T``."""
        if not ROOT.recognises(path):
            return False
        with ROOT.opened(path) as file:
            return {"E", "T"} <= tree_names(file, path)

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
            simulated = self._is_simulated(file, heads)
            provenance: dict[str, Any] = {
                "header": heads[0] if len(heads) == 1 else heads,
                "selection": {"header_sums": sums, **summaries(file, names, self.path)},
                "history": history(file, names),
                "best_track": self._rule(file),
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
