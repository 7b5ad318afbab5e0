"""KM3NeT's offline files, as Jpp and aanet write them: ROOT files with a tree ``E`` of events.

Each event has all tracks that the reconstructions tried, from dozens to a thousand; what is taken
from them is described in :mod:`._evt_tree`. A data summary file (DST) has the same tree ``E``,
with only the best tracks, and a tree ``T`` of summaries: it is read by :mod:`.dst_root`.

The header (``Head``) states the livetime of measured runs, but not when they began and ended; the
runs are those of the events.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ingest.core.errors import InputError
from ingest.events.readers._evt_tree import EvtReader
from ingest.events.readers._root_files import (
    ROOT,
    headers,
    livetime_of,
    total_livetime,
    tree_names,
)
from ingest.events.readers.base import FileFacts


class OfflineRootReader(EvtReader):
    """Reads the best track, or the best shower, of each event of an offline file."""

    format = "offline-root"
    title = "KM3NeT offline file (Jpp or aanet, ROOT)"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether this is a ROOT file with a tree ``E``, but no tree ``T``."""
        if not ROOT.recognises(path):
            return False
        with ROOT.opened(path) as file:
            return {"E", "T"} & tree_names(file, path) == {"E"}

    def _check_trees(self, file: Any, names: set[str]) -> None:
        if "T" in names:
            raise InputError(
                "the file is a DST",
                file=self.path,
                where="T",
                expected="an offline file, without summaries",
                remedy="give the format dst-root, or deliver the offline file",
            )

    def facts(self) -> FileFacts:
        """Return what the header says, the runs of the events, and how their tracks are selected.

        The livetime is that of the whole runs, as measured by data acquisition (``DAQ``), even if
        the file holds only some of their events.

        Raises
        ------
        ingest.core.errors.InputError
            If the header cannot be read.
        """
        with ROOT.opened(self.path) as file:
            heads = headers(file, tree_names(file, self.path), self.path)
            simulated = self._is_simulated(file, heads)
            with ROOT.guard(self.path, "E"):
                det_ids, runs = (
                    np.unique(file["E"][name].array(library="np")).tolist()
                    for name in ("det_id", "run_id")
                )
            rule = self._rule(file)
        return FileFacts(
            det_id=det_ids[0] if len(det_ids) == 1 else None,
            runs=tuple(runs),
            n_events=self.n_rows,
            livetime=total_livetime([livetime_of(head) for head in heads] or [None]),
            simulated=simulated,
            provenance={
                "header": heads[0] if len(heads) == 1 else heads,
                "best_track": rule,
            },
        )
