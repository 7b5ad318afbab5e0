"""Snakemake, which runs the jobs; it has a Python environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from ingest.core.checkout import CHECKOUT
from ingest.core.errors import IngestError, InputError
from ingest.events.delivery import Manifest
from ingest.events.workflow.collection import Collection
from ingest.events.workflow.directory import WorkDirectory, error_of, read_json
from ingest.events.workflow.plan import write_plan

FOLDER: Final = CHECKOUT / "workflow"
PROFILES: Final = FOLDER / "profiles"
SNAKEMAKE: Final = FOLDER / ".venv" / "bin" / "snakemake"
HELD: Final = "KM3VO_WORK_HELD"
"""Set where the directory of the workflow is held already, so that the Snakefile does not try."""
_WARNINGS: Final = "ignore:The environment variable CONDOR_CONFIG:UserWarning"
"""HTCondor's plugin complains on machines without HTCondor whenever Snakemake starts."""
_SHOWN: Final = 5
"""Number of failed jobs whose last words a message has."""


def run_workflow(
    manifest: Manifest,
    profile: str,
    overlay: Path | None,
    work: WorkDirectory,
    leave_out: bool = False,
) -> Collection:
    """Convert the files of a release by jobs, as far as that was not done before.

    Parameters
    ----------
    manifest : Manifest
        The release.
    profile : str
        The name of one of ``workflow/profiles``, or the path of another directory.
    overlay : pathlib.Path, optional
        A directory with local inputs.
    work : WorkDirectory
        The directory of the workflow.
    leave_out : bool
        Whether files that are refused are left out of the release.

    Raises
    ------
    ingest.core.errors.InputError
        If there is no such profile, another workflow works on the release, or files are refused.
    ingest.core.errors.IngestError
        If jobs failed for another reason.
    """
    folder = profile_folder(profile)
    if not SNAKEMAKE.exists():
        raise IngestError(
            "Snakemake is not installed", file=SNAKEMAKE, remedy="run ./setup.sh workflow"
        )
    with work.held() as descriptor:
        write_plan(manifest, overlay, work)
        work.refusal.unlink(missing_ok=True)
        words = [
            *(str(SNAKEMAKE), "--snakefile", str(FOLDER / "Snakefile")),
            *("--directory", str(work.path), "--profile", str(folder)),
            *("--config", f"leave_out={leave_out}"),
            *("--", work.collection.name),
        ]
        environment = os.environ | {
            HELD: str(descriptor),
            "KM3VO_PROFILE": str(folder),
            "PYTHONWARNINGS": _WARNINGS,
        }
        # messages only: standard output is for what is asked for
        done = subprocess.run(
            words, env=environment, pass_fds=[descriptor], stdout=sys.stderr.fileno(), check=False
        )
        if done.returncode:
            raise _failure(work, done.returncode)
        return Collection.read(manifest, work)


def profile_folder(profile: str) -> Path:
    """Return the directory of a profile.

    Raises
    ------
    ingest.core.errors.InputError
        If it does not exist.
    """
    folder = Path(profile) if os.sep in profile else PROFILES / profile
    if not (folder / "config.yaml").is_file():
        ours = sorted(one.parent.name for one in PROFILES.glob("*/config.yaml"))
        raise InputError(
            "the profile of the workflow does not exist",
            file=folder / "config.yaml",
            expected=f"one of {', '.join(ours)}, or the path of a directory",
            remedy="correct WORKFLOW=",
        )
    return folder.absolute()


def _failure(work: WorkDirectory, code: int) -> IngestError:
    """Return why the workflow failed."""
    if reason := read_json(work.refusal):
        return error_of(reason, InputError)
    failed = [path for path in sorted(work.logs.glob("*.log")) if _has_failed(work, path)]
    words = [f"{path.name}: {_last_words(path)}" for path in failed[:_SHOWN]]
    if len(failed) > _SHOWN:
        words.append(f"and {len(failed) - _SHOWN} more")
    return IngestError(
        "jobs of the workflow failed" if failed else "the workflow failed; see above",
        file=work.logs if failed else work.path,
        value="\n".join(words) or f"exit code {code}",
        remedy="remove the cause and run the workflow again, which does only what is missing",
    )


def _has_failed(work: WorkDirectory, log: Path) -> bool:
    name = f"{log.stem}.json"
    return (work.jobs / name).exists() and not (work.done / name).exists()


def _last_words(log: Path) -> str:
    """Return the error at the end of a log, in one line."""
    lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines()]
    starts = [place for place, line in enumerate(lines) if line.startswith("error: ")]
    return " ".join(lines[starts[-1] :] if starts else lines[-1:]) or "it said nothing"
