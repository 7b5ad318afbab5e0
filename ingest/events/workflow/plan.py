"""The plan of a workflow: which jobs convert which files of a release."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ingest import __version__
from ingest.events.delivery import DeliveredFile, LocatedFile, Manifest, locate
from ingest.events.release_conversion import product_facts, products_of, require_format
from ingest.events.workflow.directory import WorkDirectory, read_json, write_json

MOST_JOBS: Final = 500
"""Snakemake's time and memory grow with their number; larger releases have jobs of several files.
"""


@dataclass(frozen=True)
class PlannedProduct:
    """A product, and the files it is made of."""

    name: str
    files: tuple[DeliveredFile, ...]
    located: tuple[LocatedFile, ...]

    def recipe(self, facts: str) -> str:
        """Return a checksum of all but the content of the files that determines the product."""
        listed = [
            file.model_dump(mode="json", include={"name", "size", "sha256"}) for file in self.files
        ]
        origins = [one.location if one.remote else "" for one in self.located]
        words = [__version__, facts, self.name, listed, origins]
        return hashlib.sha256(json.dumps(words).encode()).hexdigest()


def write_plan(
    manifest: Manifest,
    overlay: Path | None,
    work: WorkDirectory,
    files_per_job: int | None = None,
) -> int:
    """Write the plan of a release, and what each job has to do.

    What jobs of an earlier run have done counts, if it was made in the same way, was not refused,
    and the files have not changed since.

    Parameters
    ----------
    manifest : Manifest
        The release.
    overlay : pathlib.Path, optional
        A directory with local inputs.
    work : WorkDirectory
        The directory of the workflow, held.
    files_per_job : int, optional
        By default so many that there are not more than :data:`MOST_JOBS`.

    Returns
    -------
    int
        The number of jobs that have something to do.

    Raises
    ------
    ingest.core.errors.InputError
        If a file is not available, or the release cannot be converted.
    """
    require_format(manifest)
    located = [locate(manifest, file, overlay, work.path) for file in manifest.files]
    products = [
        PlannedProduct(
            name,
            tuple(manifest.files[place] for place in places),
            tuple(located[place] for place in places),
        )
        for name, places in products_of(manifest).items()
    ]
    release = manifest.release
    # what the checks of an event depend on, too
    facts = _checksum(product_facts(manifest), release.start_mjd, release.stop_mjd)
    if files_per_job is None:
        files_per_job = -(-len(manifest.files) // MOST_JOBS)
    jobs = {
        f"{number:05d}": _job(manifest, facts, some)
        for number, some in enumerate(_divided(products, files_per_job), start=1)
    }
    for left in work.product(".*").parent.glob(".*"):
        shutil.rmtree(left, ignore_errors=True)  # of jobs that were killed
    for old in (*work.jobs.glob("*.json"), *work.done.glob("*.json")):
        if old.stem not in jobs:
            old.unlink()
    missing = 0
    for name, job in jobs.items():
        write_json(work.jobs / f"{name}.json", job)
        done = work.done / f"{name}.json"
        if not _is_done(job, read_json(done), work):
            done.unlink(missing_ok=True)
            missing += 1
    content = {
        "release": manifest.name,
        "manifest": _stated(manifest.model_copy(update={"files": ()})),
        "facts": facts_of(manifest),
        "program": _program(),
        "jobs": sorted(jobs),
    }
    if write_json(work.plan, content) or missing:
        # Snakemake would be content with a sum that is newer than what is left of its parts
        work.collection.unlink(missing_ok=True)
    return missing


def facts_of(manifest: Manifest) -> str:
    """Return a checksum of all facts of a release, besides its files."""
    return _checksum(manifest.facts({"files": True, "responses": True, "tables": True}))


def _checksum(*facts: Any) -> str:
    return hashlib.sha256(json.dumps([__version__, *facts]).encode()).hexdigest()


def state_of(path: str) -> list[int]:
    """Return the size of a file and when it was changed, in ns; empty if it does not exist."""
    try:
        found = Path(path).stat()
    except OSError:
        return []
    return [found.st_size, found.st_mtime_ns]


def _job(manifest: Manifest, facts: str, products: Sequence[PlannedProduct]) -> dict[str, Any]:
    """Return what a job has to do; the manifest in it has the job's files only."""
    files = tuple(file for one in products for file in one.files)
    own = manifest.model_copy(update={"files": files, "responses": (), "tables": ()})
    return {
        "release": manifest.name,
        "manifest": _stated(own),
        "products": [
            {
                "name": one.name,
                "recipe": one.recipe(facts),
                "files": [
                    {"location": place.location, "remote": place.remote, "source": place.source}
                    for place in one.located
                ],
            }
            for one in products
        ],
    }


def _stated(manifest: Manifest) -> dict[str, Any]:
    """Return a manifest as JSON, without defaults: 360 would become 360.0."""
    stated = manifest.model_dump(mode="json", exclude_unset=True, exclude={"list"})
    if "reject" in stated.get("checks", {}):
        stated["checks"]["reject"].sort()
    return stated


def _program() -> str:
    """Return the path of ``km3vo``: the program that makes the plan also converts."""
    beside = Path(sys.executable).with_name("km3vo")
    return str(beside) if beside.exists() else os.path.abspath(sys.argv[0])


def _divided(products: Sequence[PlannedProduct], files_per_job: int) -> list[list[PlannedProduct]]:
    """Divide products into jobs."""
    jobs: list[list[PlannedProduct]] = []
    files = 0
    for one in products:
        if not jobs or files + len(one.files) > files_per_job:
            jobs.append([])
            files = 0
        jobs[-1].append(one)
        files += len(one.files)
    return jobs


def _is_done(job: dict[str, Any], done: dict[str, Any], work: WorkDirectory) -> bool:
    """Return whether the job has converted everything in this way from these files."""
    found = done.get("products", {})
    return all(
        (before := found.get(one["name"])) is not None
        and before["recipe"] == one["recipe"]
        and not before["refused"]
        and all(
            file["remote"] or state_of(file["location"]) == state
            for file, state in zip(one["files"], before["states"], strict=True)
        )
        and (work.product(one["name"]) / one["name"]).is_file()
        for one in job["products"]
    )
