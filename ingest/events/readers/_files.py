"""Opening delivered binary files, and the errors for files that are unreadable or damaged."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from ingest.core import privileges
from ingest.core.errors import IngestError, InputError
from ingest.core.files import open_regular

REFETCH: Final = "fetch the file again; if the error persists, ask its producer to write it again"
REDELIVER: Final = "correct the file at its origin and deliver it again"
_GZIP: Final = b"\x1f\x8b"


def open_delivered(path: Path) -> BinaryIO:
    """Open a delivered file; links and pipes are refused, see :func:`.files.open_regular`."""
    with privileges.reading(path):
        return open_regular(path)


def unreadable(path: Path, error: OSError) -> InputError:
    """Return the error for a file that the operating system cannot open or read."""
    return InputError(
        f"the file cannot be read ({error.strerror})",
        file=path,
        remedy="check that the file exists and that you have permission to read it",
    )


@dataclass(frozen=True)
class BinaryFormat:
    """A binary file format and the library function that opens its files.

    Parameters
    ----------
    name : str
        The name in messages: ``ROOT``, ``FITS``.
    signature : bytes
        The first bytes of every file of this format.
    open_file : callable
        Opens a path; the result has a method ``close``.
    """

    name: str
    signature: bytes
    open_file: Callable[[Path], Any]

    def recognises(self, path: Path) -> bool:
        """Return whether the file starts with the signature."""
        with open_delivered(path) as stream:
            return stream.read(len(self.signature)) == self.signature

    @contextlib.contextmanager
    def opened(self, path: Path) -> Iterator[Any]:
        """Open a file for reading, and close it at the end.

        Raises
        ------
        ingest.core.errors.InputError
            If the file does not exist, is not of this format or is truncated.
        """
        try:
            with open_delivered(path) as stream:
                found = stream.read(len(self.signature))
        except OSError as error:
            raise unreadable(path, error) from None
        if found != self.signature:
            compressed = found.startswith(_GZIP)
            raise InputError(
                "the file is compressed" if compressed else f"this is not a {self.name} file",
                file=path,
                value=found,
                expected=f"{self.signature!r} at the start of the file",
                remedy=f"gunzip {path.name}"
                if compressed
                else "give the file's actual format, or fetch the file again",
            )
        with self.guard(path), privileges.reading(path):
            file = self.open_file(path)
        try:
            yield file
        finally:
            with contextlib.suppress(Exception):
                file.close()

    @contextlib.contextmanager
    def guard(self, path: Path, where: str | None = None) -> Iterator[None]:
        """Convert any exception of the library into an InputError.

        The libraries have no closed set of exceptions for damaged files: damage surfaces as
        OSError, RuntimeError, KeyError, ValueError, MemoryError and more. Guard single calls
        of the library, not our own logic.
        """
        try:
            yield
        except IngestError:
            raise
        except Exception as error:
            raise self.damage(path, where, error) from None

    def damage(self, path: Path, where: str | None, error: Exception) -> InputError:
        """Return the error for an exception that the library raised while reading a file."""
        return InputError(
            f"the file is damaged or is not a valid {self.name} file",
            file=path,
            where=where,
            value=f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": "),
            expected=f"a readable {self.name} file",
            remedy=REFETCH,
        )
