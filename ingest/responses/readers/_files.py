"""Delivered files of responses as bytes, lines and numbers, and the errors for damaged ones."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

from ingest.core import privileges
from ingest.core.errors import InputError
from ingest.core.files import open_regular

REFETCH: Final = "fetch the file again; if the error persists, ask its producer to write it again"
REDELIVER: Final = "correct the file at its origin and deliver it again"
_LARGEST: Final = 256 << 20
"""Bytes; the largest responses, of three dimensions, have a few MB."""


def read_bytes(path: Path) -> bytes:
    """Return the content of a delivered file.

    Raises
    ------
    ingest.core.errors.InputError
        If it cannot be read, is empty, or is too large for a response.
    """
    try:
        with privileges.reading(path), open_regular(path) as stream:
            content = stream.read(_LARGEST + 1)
    except OSError as error:
        raise InputError(
            f"the file cannot be read ({error.strerror})",
            file=path,
            remedy="check that the file exists and that you have permission to read it",
        ) from None
    if not content:
        raise InputError("the file is empty", file=path, remedy=REFETCH)
    if len(content) > _LARGEST:
        raise InputError(
            "the file is too large for an instrument response",
            file=path,
            expected=f"at most {_LARGEST >> 20} MiB",
            remedy="name the right file in the manifest",
        )
    return content


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text file without their ends, and without empty lines at the end.

    Raises
    ------
    ingest.core.errors.InputError
        If it is not plain text.
    """
    content = read_bytes(path)
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError as error:
        raise InputError(
            "the file is not plain text",
            file=path,
            where=f"line {content[: error.start].count(10) + 1}",  # line feeds
            value=content[error.start : error.start + 8],
            expected="ASCII",
            remedy=REFETCH,
        ) from None
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise InputError("the file is empty", file=path, remedy=REFETCH)
    return lines


def number(word: str, path: Path, where: str) -> float:
    """Return a word as a finite number.

    Raises
    ------
    ingest.core.errors.InputError
        If it is not one.
    """
    try:
        if "_" in word:  # accepted by Python in numbers
            raise ValueError
        value = float(word)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(
            "this is not a number",
            file=path,
            where=where,
            value=word.strip()[:80],
            expected="a finite decimal number",
            remedy=REDELIVER,
        )
    return value
