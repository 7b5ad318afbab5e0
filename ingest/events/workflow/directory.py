"""The directory in which a workflow converts a release, and that only one may use at a time."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ingest.core.checkout import CHECKOUT
from ingest.core.errors import IngestError, UnavailableError
from ingest.core.files import atomic_write, read_regular

WORK_VARIABLE: Final = "KM3VO_WORK"
RECORD: Final = "job.json"
SURVEY: Final = "survey.npz"
"""Names of files in the directory of a product."""
_REASON: Final = ("problem", "file", "where", "value", "expected", "remedy")


@dataclass(frozen=True)
class WorkDirectory:
    """The directory of a workflow; all machines that run its jobs see it under the same path.

    Parameters
    ----------
    path : pathlib.Path
        The directory.
    """

    path: Path

    @property
    def plan(self) -> Path:
        """Which jobs there are, and the files they read; for the Snakefile."""
        return self.path / "plan.json"

    @property
    def jobs(self) -> Path:
        """What each job has to do: ``<job>.json``."""
        return self.path / "jobs"

    @property
    def done(self) -> Path:
        """What each job has done: ``<job>.json``."""
        return self.path / "done"

    @property
    def logs(self) -> Path:
        """What each job has printed: ``<job>.log``."""
        return self.path / "logs"

    @property
    def collection(self) -> Path:
        """The sum of all jobs, for the import."""
        return self.path / "collection.json"

    @property
    def refusal(self) -> Path:
        """Why there is no such sum."""
        return self.path / "refusal.json"

    @property
    def survey(self) -> Path:
        """What a report shows of all products."""
        return self.path / SURVEY

    def product(self, name: str) -> Path:
        """Return the directory of a product and what belongs to it."""
        return self.path / "converted" / name.removesuffix(".fits")

    @contextmanager
    def held(self) -> Iterator[int]:
        """Hold the directory; yield the descriptor that holds it, for programs to inherit.

        Raises
        ------
        ingest.core.errors.UnavailableError
            If another workflow holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = self.path / "lock"
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UnavailableError(
                    "another workflow works on this release",
                    file=self.path,
                    value=os.read(descriptor, 200).decode("utf-8", "replace") or None,
                    expected="one workflow at a time",
                    remedy="wait until it has finished, or end it",
                ) from None
            os.ftruncate(descriptor, 0)
            holder = f"process {os.getpid()} on {socket.gethostname()}"
            os.write(descriptor, holder.encode())
            yield descriptor
        finally:
            os.close(descriptor)


def work_directory(release: str, named: str | None = None) -> WorkDirectory:
    """Return the directory of the workflow of a release.

    It is below the directory that is named, or that ``KM3VO_WORK`` names, or ``work/`` of the
    checkout.
    """
    parent = named or os.environ.get(WORK_VARIABLE) or CHECKOUT / "work"
    return WorkDirectory(Path(os.path.abspath(Path(parent).expanduser())) / release)


def read_json(path: Path) -> dict[str, Any]:
    """Return the content of a JSON file; empty if it is missing or damaged."""
    try:
        content = json.loads(read_regular(path))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_json(path: Path, content: object) -> bool:
    """Write a JSON file, unless it has this content already; return whether it changed."""
    text = f"{json.dumps(content, indent=1, sort_keys=True)}\n".encode()
    if path.is_file() and path.read_bytes() == text:
        return False
    with atomic_write(path) as stream:
        stream.write(text)
    return True


def reason_of(error: IngestError) -> dict[str, str]:
    """Return an error as plain values, for :func:`error_of`."""
    reason = {name: getattr(error, name) for name in _REASON}
    reason["report"] = error.report
    return {name: str(value) for name, value in reason.items() if value is not None}


def error_of(reason: dict[str, str], kind: type[IngestError]) -> IngestError:
    """Return the error that :func:`reason_of` returned, as one of this kind."""
    details = {name: reason.get(name) for name in _REASON[1:]}
    error = kind(reason.get("problem", "unknown"), **details)
    error.report = Path(reason["report"]) if "report" in reason else None
    return error
