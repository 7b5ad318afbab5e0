"""What a workflow has converted, as an import takes it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.core import privileges
from ingest.core.errors import InputError
from ingest.core.files import sha256
from ingest.events.checks import CheckReport
from ingest.events.conversion import Conversion
from ingest.events.delivery import AcquiredFile, Manifest
from ingest.events.product import copy_product, write_index
from ingest.events.survey import Survey, read_survey, survey_file, write_survey
from ingest.events.workflow.directory import SURVEY, WorkDirectory, read_json
from ingest.events.workflow.plan import facts_of


@dataclass(frozen=True)
class Collection:
    """The converted files of a release.

    Parameters
    ----------
    manifest : Manifest
        The release, without files that were left out.
    work : WorkDirectory
        The directory of the workflow.
    content : dict
        What :func:`.collect` has summed up.
    """

    manifest: Manifest
    work: WorkDirectory
    content: dict[str, Any]

    @classmethod
    def read(cls, manifest: Manifest, work: WorkDirectory) -> Collection:
        """Return what a workflow has converted.

        Raises
        ------
        ingest.core.errors.InputError
            If it has not finished, or the manifest changed since.
        """
        with privileges.caller():
            content = read_json(work.collection)
        if content.get("facts") != facts_of(manifest):
            raise InputError(
                "the manifest changed since the files were converted"
                if content
                else "the workflow has not finished",
                file=work.collection,
                remedy=f"run it again: km3vo import --release {manifest.name} --workflow PROFILE",
            )
        if content["refused"]:
            out = {name for one in content["refused"] for name in one["files"]}
            rows = sum(one["rows"] for one in content["products"])
            files = tuple(file for file in manifest.files if file.name not in out)
            release = manifest.release.model_copy(update={"events": rows})
            manifest = manifest.model_copy(update={"files": files, "release": release})
        return cls(manifest, work, content)

    def lines(self) -> list[str]:
        """Return what a curator has to know: which files were left out, and why."""
        return [
            f"left out: {', '.join(one['files'])}: {one['error']['problem']}"
            for one in self.content["refused"]
        ]

    def files(self) -> list[AcquiredFile]:
        """Return the delivered files, after comparing those on this machine with the jobs' input.

        Raises
        ------
        ingest.core.errors.InputError
            If a file changed since it was converted.
        """
        found = []
        for product in self.content["products"]:
            for file in product["files"]:
                kept = self.work.product(product["name"]) / "delivered" / file["name"]
                path = kept if file["remote"] else Path(file["location"])
                with privileges.caller():
                    here = path.is_file()
                    checksum = sha256(path) if here else ""
                if checksum != file["sha256"] and not (file["remote"] and not here):
                    raise InputError(
                        "the file changed since it was converted",
                        file=path,
                        value=f"sha256 {checksum}" if here else "it does not exist any more",
                        expected=f"sha256 {file['sha256']}",
                        remedy="run the workflow again; only what changed is converted again",
                    )
                found.append(
                    AcquiredFile(path, file["source"], file["sha256"], False, remote=not here)
                )
        return found

    def place(
        self, directory: Path, survey: Survey, surveys: Path | None = None
    ) -> list[Conversion]:
        """Copy the products into an empty directory, as :func:`.convert_release` writes them.

        Parameters
        ----------
        directory : pathlib.Path
            The directory.
        survey : Survey
            Collects what a report shows.
        surveys : pathlib.Path, optional
            An empty directory for what a report shows of each product, for the next import.

        Raises
        ------
        ingest.core.errors.InputError
            If a product is not what the jobs have written.
        """
        products: Sequence[dict[str, Any]] = self.content["products"]
        conversions = []
        for one in products:
            source = self.work.product(one["name"]) / one["name"]
            target = directory / one["name"]
            number = None if one["number"] == one["obs_id"] else one["number"]
            provenance = copy_product(source, target, one["kid"], one["sha256"], number)
            checks = CheckReport.from_dict(one["checks"])
            if surveys is not None and (part := _survey_beside(source, checks)):
                write_survey(survey_file(surveys, target), part)
            counts = one["rows"], one["outside"]
            conversions.append(
                Conversion(
                    target, provenance, one["kid"], *counts, checks, one["obs_id"], one["number"]
                )
            )
        with privileges.caller():
            survey.add(read_survey(self.work.survey, [one.checks for one in conversions]))
        if self.manifest.release.products == "per-file":
            write_index(directory, [one.product for one in conversions])
        return conversions

    def summary(self) -> dict[str, Any]:
        """Return what the record of an import says about the workflow."""
        jobs = [one["job"] for one in self.content["products"]]
        shared = {name: jobs[0].get(name) for name in ("workflow", "engine")}
        return shared | {
            "products": len(jobs),
            "seconds": self.content["seconds"],
            "hosts": sorted({one["host"] for one in jobs}),
            "left_out": self.content["refused"],
        }


def _survey_beside(product: Path, checks: CheckReport) -> Survey | None:
    """Return the survey of one product; None if it is damaged: the next import makes it again."""
    with privileges.caller(), suppress(OSError, ValueError, KeyError):
        return read_survey(product.with_name(SURVEY), [checks])
    return None
