"""What the jobs of a workflow have left, checked and summed up for the import."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ingest.core.errors import InputError
from ingest.events.checks import CheckReport
from ingest.events.delivery import AcquiredFile, Manifest
from ingest.events.release_conversion import check_event_count, observation_numbers
from ingest.events.survey import Survey, read_survey, write_survey
from ingest.events.workflow.directory import (
    RECORD,
    SURVEY,
    WorkDirectory,
    error_of,
    read_json,
    reason_of,
    write_json,
)

_SHOWN: Final = 20
"""Number of refused files that a message names."""


@dataclass(frozen=True)
class _Left:
    """What a job has left of one product."""

    name: str
    manifest: Manifest
    place: Path
    record: dict[str, Any]


def collect(work: WorkDirectory, leave_out: bool = False) -> None:
    """Check that a release was converted, and sum up its survey and counts.

    Parameters
    ----------
    work : WorkDirectory
        The directory of the workflow, whose jobs have ended.
    leave_out : bool
        Whether files that were refused are left out of the release.

    Raises
    ------
    ingest.core.errors.InputError
        If files were refused and may not be left out, or the number of events differs from the
        manifest. The reason is also left in the directory.
    """
    for path in (work.collection, work.refusal):
        path.unlink(missing_ok=True)
    plan = read_json(work.plan)
    manifest = _manifest(work, plan)
    survey = Survey(manifest.release.start_mjd, manifest.release.stop_mjd)
    try:
        content = _sum(manifest, work, plan, survey, leave_out)
    except InputError as error:
        error.report = _report(manifest, work, survey, error)
        write_json(work.refusal, reason_of(error))
        raise
    write_survey(work.survey, survey)
    write_json(work.collection, content)


def _sum(
    manifest: Manifest, work: WorkDirectory, plan: dict[str, Any], survey: Survey, leave_out: bool
) -> dict[str, Any]:
    products: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    seconds = 0.0
    for left in _left(work, plan):
        seconds += left.record["job"]["seconds"]
        if "error" in left.record:
            refused.append({"product": left.name, "error": left.record["error"]})
            refused[-1]["files"] = [one.name for one in left.manifest.files]
            continue
        survey.add(_survey_of(left))
        products.append({"name": left.name, **left.record})
    if refused and not (leave_out and products):
        raise _refused(manifest, refused, len(products))
    if not refused:
        check_event_count(manifest, sum(one["rows"] for one in products), len(products))
    numbers = observation_numbers([one["obs_id"] for one in products])
    for one, number in zip(products, numbers, strict=True):
        one["number"] = number
    return {
        "release": manifest.name,
        "facts": plan["facts"],
        "products": products,
        "refused": refused,
        "seconds": round(seconds, 1),
    }


def _manifest(work: WorkDirectory, plan: dict[str, Any]) -> Manifest:
    """Return the manifest that was planned; with some of its files, because it must have one."""
    if not plan:
        raise InputError(
            "there is no plan", file=work.plan, remedy="km3vo workflow plan RELEASE makes it"
        )
    some = read_json(work.jobs / f"{plan['jobs'][0]}.json")["manifest"]
    return Manifest.model_validate(plan["manifest"] | {"files": some["files"]})


def _left(work: WorkDirectory, plan: dict[str, Any]) -> Iterator[_Left]:
    """Yield what the jobs have left, in the order of the manifest."""
    for name in plan["jobs"]:
        job = read_json(work.jobs / f"{name}.json")
        manifest = Manifest.model_validate(job["manifest"])
        first = 0
        for one in job["products"]:
            files = manifest.files[first : first + len(one["files"])]
            first += len(files)
            place = work.product(one["name"])
            record = read_json(place / RECORD)
            if record.get("recipe") != one["recipe"]:
                raise InputError(
                    "a product is missing, or was made in another way",
                    file=place,
                    remedy="run the workflow again; only what is missing is converted",
                )
            yield _Left(one["name"], manifest.model_copy(update={"files": files}), place, record)


def _survey_of(left: _Left) -> Survey:
    checks = [CheckReport.from_dict(left.record["checks"])]
    try:
        return read_survey(left.place / SURVEY, checks)
    except (OSError, ValueError, KeyError):
        raise InputError(
            "the survey of a product is missing or damaged",
            file=left.place / SURVEY,
            remedy=f"remove {left.place}, then run the workflow again",
        ) from None


def _refused(manifest: Manifest, refused: list[dict[str, Any]], others: int) -> InputError:
    """Return the error about files that were refused."""
    if len(refused) == 1 and not others:
        found = error_of(refused[0]["error"], InputError)
        assert isinstance(found, InputError)
        return found
    lines = []
    for one in refused[:_SHOWN]:
        reason = one["error"]
        place = ", ".join(filter(None, (reason.get("file"), reason.get("where"))))
        value = f" ({reason['value']})" if "value" in reason else ""
        lines.append(f"{place or one['product']}: {reason['problem']}{value}")
    if len(refused) > _SHOWN:
        lines.append(f"and {len(refused) - _SHOWN} more")
    return InputError(
        f"{len(refused)} of {len(refused) + others} products could not be made",
        file=manifest.path,
        value="\n".join(lines),
        expected="all files of the release to be converted",
        remedy="correct or replace these files and run the workflow again, which converts only"
        " them; or publish the others: LEAVE_OUT=1, km3vo import --leave-out",
    )


def _report(
    manifest: Manifest, work: WorkDirectory, survey: Survey, error: InputError
) -> Path | None:
    """Write the page of what was read and why the release was refused."""
    from ingest.events.report import ImportReport, write_report

    files: list[AcquiredFile] = []
    try:
        return write_report(
            work.path / "report", ImportReport(manifest, files, survey, error=error)
        )
    except OSError:  # a full disk, say
        return None
