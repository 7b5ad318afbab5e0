"""Releases of simulated events for workflows, and what workflows leave of them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ingest.events.delivery import DeliveredFile, Manifest
from tests.bench.instance import release_of
from tests.bench.samples import write_simple

EVENTS = 60
"""In each file."""


def write_release(folder: Path, count: int, **source: str) -> Manifest:
    """Write files of simulated events; return the manifest of their release.

    Parameters
    ----------
    folder : pathlib.Path
        Where the files are written.
    count : int
        Their number.
    **source : str
        Their only source in the manifest, in which ``{}`` stands for the name; by default a
        directory of inputs.
    """
    folder.mkdir(exist_ok=True)
    paths = [write_simple(folder / f"run{n}.h5", EVENTS, seed=n) for n in range(1, count + 1)]
    manifest = release_of(paths[0], EVENTS * count, "simple-hdf5")
    source = source or {"kind": "overlay"}
    files = tuple(
        DeliveredFile.model_validate(
            {
                "name": path.name,
                "sources": [{key: text.format(path.name) for key, text in source.items()}],
            }
        )
        for path in paths
    )
    section = manifest.release.model_copy(update={"products": "per-file"})
    return manifest.model_copy(update={"files": files, "release": section})


def checksums(folder: Path) -> dict[str, str]:
    """Return the checksums of all products and what belongs to them, by name.

    Without the records of jobs, which have times and names of machines.
    """
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("converted/*/*"))
        if path.name != "job.json"
    }
