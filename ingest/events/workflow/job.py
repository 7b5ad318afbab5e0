"""A job of a workflow: the conversion of some files of a release, each on its own."""

from __future__ import annotations

import itertools
import logging
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingest import __version__
from ingest.core.errors import IngestError, InputError
from ingest.core.files import sha256, sync_directory
from ingest.core.provenance import SOFTWARE
from ingest.events.conversion import Recipe, observation_number
from ingest.events.delivery import AcquiredFile, DeliveredFile, Manifest
from ingest.events.release_conversion import (
    Delivered,
    convert_delivered,
    open_delivered,
    release_recipe,
)
from ingest.events.survey import Survey, write_survey
from ingest.events.workflow.directory import (
    RECORD,
    SURVEY,
    WorkDirectory,
    read_json,
    reason_of,
    write_json,
)
from ingest.events.workflow.fetching import Fetcher
from ingest.events.workflow.plan import state_of

logger = logging.getLogger(__name__)

WORKFLOW: str = f"{SOFTWARE} workflow {__version__}"


def run_job(
    work: WorkDirectory,
    name: str,
    engine: str = "",
    fetch: str = "",
    announce: Callable[[str], None] = logger.info,
) -> None:
    """Convert the files of a job, as far as that was not done before.

    A file that is refused does not stop the others; the reason is recorded in place of the
    product.

    Parameters
    ----------
    work : WorkDirectory
        The directory of the workflow.
    name : str
        The job.
    engine : str
        The program that runs the workflow, and its version, for the provenance.
    fetch : str
        The command that fetches files from other machines, see :class:`.Fetcher`.
    announce : callable, optional
        Called with a line about each product.

    Raises
    ------
    OSError
        If a file cannot be written, such as on a full disk. What was converted before remains.
    """
    job = read_json(work.jobs / f"{name}.json")
    if not job:
        raise InputError(
            "the job is not part of the plan",
            file=work.jobs / f"{name}.json",
            remedy="run the workflow from its start: km3vo import --workflow",
        )
    manifest = Manifest.model_validate(job["manifest"])
    recipe = release_recipe(manifest)
    listed = iter(manifest.files)
    products: dict[str, Any] = {}
    with Fetcher(fetch) as fetcher:
        for planned in job["products"]:
            files = list(itertools.islice(listed, len(planned["files"])))
            entry = _entry(engine, planned)
            one = _Product(work, manifest, recipe, planned, files, entry, fetcher)
            record = one.converted(announce)
            products[planned["name"]] = {
                "recipe": planned["recipe"],
                "states": record["states"],
                "refused": "error" in record,
            }
    write_json(work.done / f"{name}.json", {"products": products})


def _entry(engine: str, planned: dict[str, Any]) -> dict[str, str]:
    """Return what the provenance says of a job: the same whenever and wherever it runs."""
    return {
        "workflow": WORKFLOW,
        **({"engine": engine} if engine else {}),
        "rule": "convert",
        "job": planned["name"],
    }


class _Product:
    """A product in a job."""

    def __init__(
        self,
        work: WorkDirectory,
        manifest: Manifest,
        recipe: Recipe,
        planned: dict[str, Any],
        listed: Sequence[DeliveredFile],
        entry: dict[str, str],
        fetcher: Fetcher,
    ) -> None:
        self.work = work
        self.manifest = manifest
        self.planned = planned
        self.name: str = planned["name"]
        self.recipe = replace(recipe, job=entry)
        self.listed = listed
        self.entry = entry
        self.fetcher = fetcher

    def converted(self, announce: Callable[[str], None]) -> dict[str, Any]:
        """Convert the files unless that was done; return the record."""
        place = self.work.product(self.name)
        before = read_json(place / RECORD)
        states = [state_of(file["location"]) for file in self.planned["files"]]
        if self._is_valid(before, place):
            announce(f"{self.name}: unchanged")
            if before["states"] != states:
                before["states"] = states
                write_json(place / RECORD, before)
            return before
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
        try:
            draft.chmod(0o777 & ~_umask())
            record = self._convert(draft) | {"states": states}
            write_json(draft / RECORD, record)
            sync_directory(draft)
            _replace(draft, place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        if "error" in record:
            announce(f"{self.name}: refused\n{record['text']}")
        else:
            announce(f"{self.name}: {record['rows']} events")
        return record

    def _is_valid(self, record: dict[str, Any], place: Path) -> bool:
        """Return whether a product was made in the same way from the same bytes."""
        if "error" in record or record.get("recipe") != self.planned["recipe"]:
            return False
        # what is elsewhere is fetched once; its checksum is in the manifest if it may change
        with suppress(OSError):
            return (place / self.name).stat().st_size == record["size"] and all(
                file["remote"] or sha256(Path(file["location"])) == file["sha256"]
                for file in record["files"]
            )
        return False

    def _convert(self, draft: Path) -> dict[str, Any]:
        """Convert the files in an empty directory; return the record."""
        start, begin = datetime.now(UTC), time.monotonic()
        record: dict[str, Any] = {"recipe": self.planned["recipe"], "files": []}
        try:
            with tempfile.TemporaryDirectory(prefix="km3vo-fetched-") as folder:
                record |= self._product(draft, record["files"], Path(folder))
        except InputError as error:
            record |= _refusal(draft, error)
        except (OSError, MemoryError, IngestError):
            # a fault of the machine: the job can be repeated, the file may be good
            raise
        except Exception as error:
            logger.exception("unforeseen")
            problem = (
                f"this is an error in km3vo, not in the file ({type(error).__name__}: {error})"
            )
            file = self.planned["files"][0]["location"]
            reported = InputError(problem, file=file, remedy="please report it")
            record |= _refusal(draft, reported)
        # by the clock of the machine, which may be wrong; nothing depends on it
        record["job"] = self.entry | {
            "start": start.isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - begin, 3),
            "host": socket.gethostname(),
        }
        return record

    def _product(self, draft: Path, files: list[dict[str, Any]], folder: Path) -> dict[str, Any]:
        """Write the product; add what is known of its files to `files`.

        Files that are elsewhere are fetched into `folder`.
        """
        delivered = []
        for listed, file in zip(self.listed, self.planned["files"], strict=True):
            path = folder / listed.name if file["remote"] else Path(file["location"])
            if file["remote"]:
                self.fetcher.fetch(file["location"], path)
            found = AcquiredFile(path, file["source"], _checksum(path), False)
            files.append({"name": listed.name, "sha256": found.sha256, **file})
            delivered.append(Delivered(listed, found, open_delivered(self.manifest, found)))
        release = self.manifest.release
        survey = Survey(release.start_mjd, release.stop_mjd)
        product = draft / self.name
        made = convert_delivered(self.manifest, self.recipe, product, delivered, survey)
        for one in delivered:
            if _checksum(one.found.path) != one.found.sha256:
                raise InputError(
                    "the file changed while it was converted",
                    file=one.found.path,
                    expected=f"sha256 {one.found.sha256}",
                    remedy="wait until the delivery is complete, then run the workflow again",
                )
        # imported here because matplotlib loads slowly
        from ingest.events.product.preview import write_preview

        write_preview(product, survey.sky)
        write_survey(draft / SURVEY, survey)
        for one, file in zip(delivered, self.planned["files"], strict=True):
            if one.listed.public and file["remote"]:
                (draft / "delivered").mkdir(exist_ok=True)
                shutil.copyfile(one.found.path, draft / "delivered" / one.listed.name)
        return {
            "sha256": sha256(product),
            "size": product.stat().st_size,
            "kid": made.kid,
            "rows": made.rows,
            "outside": made.outside,
            "obs_id": observation_number([one.opened for one in delivered]),
            "checks": made.checks.to_dict(),
        }


def _refusal(draft: Path, error: IngestError) -> dict[str, Any]:
    """Remove what is left of the product; return what is recorded in its place."""
    shutil.rmtree(draft)
    draft.mkdir()
    return {"error": reason_of(error), "text": str(error)}


def _checksum(path: Path) -> str:
    try:
        return sha256(path)
    except OSError as error:
        raise InputError(
            f"the file cannot be read ({error.strerror})",
            file=path,
            remedy="check that the file exists and that you have permission to read it",
        ) from None


def _replace(draft: Path, place: Path) -> None:
    """Put a directory in its place; whoever is killed meanwhile leaves none or the new one."""
    if place.exists():
        shutil.rmtree(place)
    draft.rename(place)
    sync_directory(place.parent)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
