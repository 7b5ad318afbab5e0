"""The text list of ANTARES' public point-source sample.

Two header lines, then one event per line: declination, right ascension, number of hits,
angular error estimate and MJD (UTC), separated by tabs or blanks. Positions are equatorial
J2000 (FK5), given to 0.1 deg, where FK5 and ICRS are the same.

Events are named ``ANT`` and a running number, as in the earlier service: the third line of the
file is ``ANT0001``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ingest.core.errors import InputError
from ingest.events.fields import Chunk, chunk_dtype
from ingest.events.readers._files import open_delivered, unreadable
from ingest.events.readers.base import DEFAULT_CHUNK_ROWS, FileFacts, Reader

COLUMNS = ("Decl", "RA", "Nhit", "Beta", "MJD")
HEADER_LINES = 2
_REMEDY = "correct or remove the line at its origin and deliver the file again"
_LINE_LIMIT = 1000
_LARGEST_INTEGER = 2**31 - 1
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


class AntaresTextReader(Reader):
    """Reads ``PublicData_0717.dat`` and lists of the same format."""

    format = "antares-text"
    title = "ANTARES public event list (text)"
    gives = ("event_name", "event_no", "mjd", "ra", "dec", "ang_err", "n_hits")

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            with open_delivered(path) as stream:
                self._check_header([stream.readline(_LINE_LIMIT) for _ in range(HEADER_LINES)])
        except OSError as error:
            raise unreadable(path, error) from None

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether the first data line can be a position, a number of hits and a date."""
        with open_delivered(path) as stream:
            head = [stream.readline(_LINE_LIMIT) for _ in range(HEADER_LINES + 1)]
        try:
            dec, ra, n_hits, _, mjd = (float(word) for word in head[-1].split())
        except ValueError:
            return False
        return abs(dec) <= 90 and 0 <= ra <= 360 and n_hits == int(n_hits) and mjd > 40_000

    def facts(self) -> FileFacts:
        """Return the detector: the file states nothing else."""
        return FileFacts(detector="antares")

    def where(self, row: int) -> str:
        """Return the line of a row."""
        return f"line {row + HEADER_LINES + 1}"

    def chunks(self, rows: int = DEFAULT_CHUNK_ROWS) -> Iterator[Chunk]:
        """Yield the events in file order.

        Raises
        ------
        ingest.core.errors.InputError
            If a line does not contain five numbers, or the file is empty or truncated.
        """
        dtype = chunk_dtype(self.gives)
        count = 0
        with open_delivered(self.path) as stream:
            for _ in range(HEADER_LINES):
                stream.readline(_LINE_LIMIT)
            while lines := list(itertools.islice(self._lines(stream, count), rows)):
                chunk = np.empty(len(lines), dtype)
                for index, line in enumerate(lines):
                    number = count + index
                    dec, ra, n_hits, beta, mjd = self._numbers(line, number)
                    name = f"ANT{number + 1:04d}"
                    chunk[index] = (name, number + 1, mjd, ra, dec, beta, n_hits)
                count += len(lines)
                yield chunk
        if count == 0:
            raise InputError(
                "the file contains no events",
                file=self.path,
                expected=f"{HEADER_LINES} header lines and one line per event",
                remedy="fetch the file again",
            )

    def _check_header(self, lines: list[bytes]) -> None:
        if not lines[0]:
            raise InputError("the file is empty", file=self.path, remedy="fetch the file again")
        if lines[0].startswith(_BYTE_ORDER_MARKS):
            raise InputError(
                "the file starts with a byte-order mark",
                file=self.path,
                where="line 1",
                value=lines[0][:3],
                expected="plain ASCII text",
                remedy=f"sed -i '1s/^\\xEF\\xBB\\xBF//' {self.path.name}",
            )
        for number, line in enumerate(lines, start=1):
            if len(line) == _LINE_LIMIT:
                raise self._too_long(line, number)
            self._refuse_windows_line_end(line, number)
            if _all_numbers(line):
                raise InputError(
                    "a header line is missing",
                    file=self.path,
                    where=f"line {number}",
                    value=_text(line),
                    expected=f"{HEADER_LINES} header lines before the first event; events are"
                    " named by their line number, so a missing line would rename all of them",
                    remedy="fetch the file again, unchanged",
                )
        names = [
            word for word in _text(b" ".join(lines)).replace("(", " ").split() if word in COLUMNS
        ]
        if len(names) == len(COLUMNS) and tuple(names) != COLUMNS:
            raise InputError(
                "the columns are in the wrong order",
                file=self.path,
                where="header",
                value=" ".join(names),
                expected=" ".join(COLUMNS),
                remedy="deliver the columns in the order of the public file",
            )

    def _lines(self, stream: BinaryIO, first: int) -> Iterator[bytes]:
        for row in itertools.count(first):
            line = stream.readline(_LINE_LIMIT)
            if not line:
                return
            self._refuse_windows_line_end(line, row + HEADER_LINES + 1)
            if len(line) == _LINE_LIMIT:
                raise self._too_long(line, row + HEADER_LINES + 1)
            if not line.endswith(b"\n"):
                raise InputError(
                    "the file ends in the middle of a line; it seems to be truncated",
                    file=self.path,
                    where=self.where(row),
                    value=_text(line),
                    expected="a line end after the last event",
                    remedy="fetch the file again",
                )
            yield line

    def _too_long(self, line: bytes, number: int) -> InputError:
        return InputError(
            "the line is too long",
            file=self.path,
            where=f"line {number}",
            value=f"{_text(line[:40])}…",
            expected=f"lines of less than {_LINE_LIMIT} bytes",
            remedy="fetch the file again; this is not a list of events",
        )

    def _refuse_windows_line_end(self, line: bytes, number: int) -> None:
        if line.endswith((b"\r\n", b"\r")):
            raise InputError(
                "the file has Windows line ends",
                file=self.path,
                where=f"line {number}",
                value=_text(line),
                expected="lines that end with a single line feed",
                remedy=f"sed -i 's/\\r$//' {self.path.name}",
            )

    def _numbers(self, line: bytes, row: int) -> tuple[float, float, int, float, float]:
        words = line.split()
        if len(words) != len(COLUMNS):
            raise InputError(
                f"wrong number of columns: {len(words)}",
                file=self.path,
                where=self.where(row),
                value=_text(line),
                expected=f"{len(COLUMNS)} numbers: {', '.join(COLUMNS)}",
                remedy=_REMEDY,
            )
        try:
            dec, ra, beta, mjd = (float(words[i]) for i in (0, 1, 3, 4))
            n_hits = int(words[2])
            if b"_" in line or abs(n_hits) > _LARGEST_INTEGER:
                raise ValueError
            return dec, ra, n_hits, beta, mjd
        except ValueError:
            bad = next(i for i, word in enumerate(words) if not _is_number(word, whole=i == 2))
            raise InputError(
                f"{COLUMNS[bad]} is not a number",
                file=self.path,
                where=self.where(row),
                value=_text(words[bad]),
                expected="a whole number of hits" if bad == 2 else "a decimal number",
                remedy=_REMEDY,
            ) from None


def _is_number(word: bytes, whole: bool) -> bool:
    if b"_" in word:  # accepted by Python in large numbers
        return False
    try:
        if whole:
            return abs(int(word)) <= _LARGEST_INTEGER
        float(word)
    except ValueError:
        return False
    return True


def _all_numbers(line: bytes) -> bool:
    words = line.split()
    return bool(words) and all(_is_number(word, whole=False) for word in words)


def _text(raw: bytes) -> str:
    return raw.decode("ascii", "backslashreplace").strip()
