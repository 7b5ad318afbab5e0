"""The errors a curator or operator meets, and the exit codes they lead to.

Nothing below the command line catches these; :mod:`ingest.cli` prints the message and exits.
"""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """What the commands of this project return to the shell."""

    OK = 0
    FAILURE = 1
    """Our own failure, or the machine's: nothing the input could do about it."""
    BAD_INPUT = 2
    """The input, the manifest or the command line is wrong; nothing was changed."""
    NOT_RUNNING = 3
    """The instance does not run; as in the Linux Standard Base's ``status``."""


class IngestError(Exception):
    """A failure that is told to a person.

    Parameters
    ----------
    problem : str
        What is wrong, as a sentence without the details below.
    file : str or pathlib.Path, optional
        The file that is concerned.
    where : str, optional
        The place in the file: ``line 17``, ``row 17``, ``EVENTS column RA``, an XPath.
    value : object, optional
        The value that was found there.
    expected : str, optional
        What should have been there instead.
    remedy : str, optional
        What the reader can do now.
    """

    exit_code = ExitCode.FAILURE

    def __init__(
        self,
        problem: str,
        *,
        file: str | Path | None = None,
        where: str | None = None,
        value: object | None = None,
        expected: str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.file = None if file is None else str(file)
        self.where = where
        self.value = value
        self.expected = expected
        self.remedy = remedy

    def __str__(self) -> str:
        place = ", ".join(part for part in (self.file, self.where) if part)
        message = f"{place}: {self.problem}" if place else self.problem
        if self.value is not None:
            message += f"\n  found:    {_shown(self.value)}"
        if self.expected is not None:
            message += f"\n  expected: {self.expected}"
        if self.remedy is not None:
            message += f"\n  remedy:   {self.remedy}"
        return message


def _shown(value: object, limit: int = 1000) -> str:
    """Return `value` for a message: printable, indented below the label, and never endless."""
    lines = str(value).splitlines() if isinstance(value, str) else [repr(value)]
    if not lines or not all(line.expandtabs(1).isprintable() for line in lines):
        lines = [repr(value)]
    text = "\n            ".join(lines)
    return text if len(text) <= limit else text[:limit] + "…"


class InputError(IngestError):
    """A delivered file is not what it should be."""

    exit_code = ExitCode.BAD_INPUT


class ManifestError(InputError):
    """A ``release.toml`` or another configuration file is not what it should be."""


class UnavailableError(InputError):
    """No source of a manifest has the file that is wanted."""


class InstanceError(IngestError):
    """The private PostgreSQL or DaCHS could not be brought where it should be."""


class NoAnswerError(IngestError):
    """A server does not answer, or answers with an error."""


class ImportFailedError(IngestError):
    """DaCHS refused an import; the table is as it was before."""
