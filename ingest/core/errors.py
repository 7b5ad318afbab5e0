"""Errors that are shown to curators and operators, and the exit codes of the commands.

:mod:`ingest.cli` prints their message and exits.
"""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """Exit codes of the commands."""

    OK = 0
    FAILURE = 1
    """A failure of this software or the machine, independent of the input."""
    BAD_INPUT = 2
    """The input, the manifest or the command line is not valid; nothing was changed."""
    NOT_RUNNING = 3
    """The instance is not running; the code that the Linux Standard Base defines for ``status``."""
    PARTIAL = 4
    """Some releases were imported, others were not."""


class IngestError(Exception):
    """An error with a message for a person.

    Parameters
    ----------
    problem : str
        What is wrong, in one sentence without the details below.
    file : str or pathlib.Path, optional
        The file concerned.
    where : str, optional
        The place in the file: ``line 17``, ``row 17``, ``EVENTS column RA``, an XPath.
    value : object, optional
        The value found there.
    expected : str, optional
        What is expected there.
    remedy : str, optional
        What the reader can do.
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
        self.report: Path | None = None
        """A page with details, for the last line of the message."""

    def __str__(self) -> str:
        place = ", ".join(part for part in (self.file, self.where) if part)
        message = f"{place}: {self.problem}" if place else self.problem
        if self.value is not None:
            message += f"\n  found:    {_shown(self.value)}"
        if self.expected is not None:
            message += f"\n  expected: {self.expected}"
        if self.remedy is not None:
            message += f"\n  remedy:   {self.remedy}"
        if self.report is not None:
            message += f"\n  report:   {self.report}"
        return message


def in_one_line(error: BaseException) -> str:
    """Return an error for a log or a table: what is wrong, and what was found in brackets."""
    if isinstance(error, IngestError):
        place = ", ".join(part for part in (error.file, error.where) if part)
        text = f"{place}: {error.problem}" if place else error.problem
        if error.value is not None:
            text += f" ({error.value})"
    else:
        text = str(error)
    return " ".join(text.split()) or type(error).__name__


def _shown(value: object, limit: int = 1000) -> str:
    """Return `value` for a message: printable, indented below its label, of limited length."""
    lines = str(value).splitlines() if isinstance(value, str) else [repr(value)]
    if not lines or not all(line.expandtabs(1).isprintable() for line in lines):
        lines = [repr(value)]
    text = "\n            ".join(lines)
    return text if len(text) <= limit else text[:limit] + "…"


class InputError(IngestError):
    """A delivered file or another input is not valid."""

    exit_code = ExitCode.BAD_INPUT


class ManifestError(InputError):
    """A ``release.toml`` or another configuration file is not valid."""


class UnavailableError(InputError):
    """A file, a schema or another server's service that a command needs is unavailable."""


class InstanceError(IngestError):
    """The instance's PostgreSQL or DaCHS fails."""


class NoAnswerError(IngestError):
    """A server does not answer, or answers with an error."""


class ImportFailedError(IngestError):
    """DaCHS refused an import; the published tables are unchanged."""
