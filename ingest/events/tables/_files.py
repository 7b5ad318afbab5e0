"""Reading of JSON and CSV, also compressed with gzip, with limits on size."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ingest.core import privileges
from ingest.core.errors import InputError
from ingest.core.files import NotRegularError, open_regular
from ingest.events.tables.base import REDELIVER

_LARGEST: Final = 1 << 30
"""Bytes of a file after decompression; a full event of the whole detector has a tenth of them."""
_GZIP: Final = b"\x1f\x8b"


def read_bytes(path: Path) -> bytes:
    """Return the content of a delivered file, decompressed if it is compressed with gzip.

    Raises
    ------
    ingest.core.errors.InputError
        If it cannot be read, is damaged or too large.
    """
    try:
        with privileges.reading(path), open_regular(path) as stream:
            is_compressed = stream.read(2) == _GZIP
            stream.seek(0)
            if is_compressed:
                with gzip.GzipFile(fileobj=stream) as content:
                    data = content.read(_LARGEST + 1)
            else:
                data = stream.read(_LARGEST + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(
            "the compressed file is damaged",
            file=path,
            value=str(error),
            remedy="fetch the file again",
        ) from None
    except OSError as error:
        problem = error.strerror if isinstance(error, NotRegularError) else "it cannot be read"
        raise InputError(
            f"the file is not available: {problem}",
            file=path,
            remedy="check that the file exists and that you have permission to read it",
        ) from None
    if len(data) > _LARGEST:
        raise InputError(
            "the file is too large",
            file=path,
            expected=f"at most {_LARGEST >> 20} MiB",
            remedy="check that this is the delivered file",
        )
    return data


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises
    ------
    ingest.core.errors.InputError
        If it cannot be read or is not JSON.
    """
    try:
        return json.loads(read_bytes(path))
    except (ValueError, RecursionError) as error:
        raise InputError(
            "the file is not JSON", file=path, value=str(error), remedy="fetch the file again"
        ) from None


def json_records(path: Path, place: str, content: object) -> list[tuple[str, dict[str, Any]]]:
    """Return the objects of a list, each with its place, such as ``hits[0]``.

    Raises
    ------
    ingest.core.errors.InputError
        If it is not a list of objects.
    """
    if not isinstance(content, list):
        raise InputError(
            "there is no list",
            file=path,
            where=place or "the whole file",
            value=type(content).__name__,
            expected="a list of objects",
            remedy=REDELIVER,
        )
    for number, one in enumerate(content):
        if not isinstance(one, dict):
            raise InputError(
                "the entry of the list is not an object",
                file=path,
                where=f"{place}[{number}]",
                value=one,
                expected="an object with named values",
                remedy=REDELIVER,
            )
    return [(f"{place}[{number}]", one) for number, one in enumerate(content)]


def csv_records(
    path: Path, header: tuple[str, ...], skipped: int = 0
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the lines of a CSV file, each with its place, and its cells by their headings.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    header : tuple of str
        The headings that it must have, in their order.
    skipped : int
        The number of lines before that of the headings.

    Raises
    ------
    ingest.core.errors.InputError
        If it is not CSV in UTF-8, has other headings, or a line of another length.
    """
    try:
        text = read_bytes(path).decode("utf-8-sig")
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        rows = [(lines.line_num, cells) for cells in lines if cells]
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(
            "the file is not CSV in UTF-8", file=path, value=str(error), remedy=REDELIVER
        ) from None
    found = tuple(cell.strip() for cell in rows[skipped][1]) if len(rows) > skipped else ()
    if found != header:
        raise InputError(
            "the columns are not those of this format",
            file=path,
            where=f"line {skipped + 1}",
            value=", ".join(found) or None,
            expected=", ".join(header),
            remedy="correct the first line, or give the file's actual format",
        )
    for number, cells in rows[skipped + 1 :]:
        if len(cells) != len(header):
            raise InputError(
                f"wrong number of values: {len(cells)}",
                file=path,
                where=f"line {number}",
                value=", ".join(cells),
                expected=f"{len(header)}: {', '.join(header)}",
                remedy=REDELIVER,
            )
        yield f"line {number}", dict(zip(header, cells, strict=True))


def number_in(path: Path, where: str, name: str, text: str) -> float:
    """Return the number that a cell contains.

    Raises
    ------
    ingest.core.errors.InputError
        If it does not.
    """
    try:
        return float(text)
    except ValueError:
        raise InputError(
            f"the value of {name} cannot be read",
            file=path,
            where=where,
            value=text,
            expected="a number",
            remedy=REDELIVER,
        ) from None
