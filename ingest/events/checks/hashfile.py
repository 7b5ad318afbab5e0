"""Sets of 64-bit hashes that are larger than memory.

Hashes are collected in a buffer. Each time it is full, it is sorted and appended to a temporary
file as a run. Since hashes are spread evenly, their first byte cuts all runs into 256 parts of
about equal size, and the parts with the same first byte fit into memory together.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import numpy as np

from ingest.core.errors import IngestError
from ingest.events.checks.uniqueness import Hashes, Mask

BUFFER: Final = 1 << 20
"""Hashes in memory, 8 bytes each."""
_FIRST_BYTES: Final = np.arange(256, dtype=np.uint64) << np.uint64(56)


class HashFile:
    """Collects hashes in bounded memory, and finds those that occur more than once.

    Parameters
    ----------
    folder : pathlib.Path, optional
        Where the temporary file is, 8 bytes per hash; by default where the system has such files.
        It has no name, and is gone with this object or its process.
    buffer : int
        Hashes in memory. Fewer than that need no file.
    """

    def __init__(self, folder: Path | None = None, buffer: int = BUFFER) -> None:
        self._folder = Path(tempfile.gettempdir()) if folder is None else folder
        self._buffer = np.empty(buffer, np.uint64)
        self._used = 0
        self._file: IO[bytes] | None = None
        # per run: where the parts begin and the last one ends, in hashes
        self._runs: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []

    def add(self, hashes: Hashes) -> Mask:
        """Collect hashes; return a mask without any, since repeats are only known at the end.

        Raises
        ------
        ingest.core.errors.IngestError
            If the disk is full.
        """
        rest = hashes
        while len(rest):
            if self._used == len(self._buffer):
                self._write_run()
            taken = rest[: len(self._buffer) - self._used]
            self._buffer[self._used : self._used + len(taken)] = taken
            self._used += len(taken)
            rest = rest[len(taken) :]
        return np.zeros(len(hashes), np.bool_)

    def repeated(self) -> Hashes:
        """Return the hashes that occur more than once, in ascending order.

        They are in memory, which is therefore bounded unless many rows repeat.
        """
        found = [np.unique(part[1:][part[1:] == part[:-1]]) for part in self.parts()]
        return np.concatenate(found)

    def shares(self, other: HashFile) -> bool:
        """Return whether any hash is also in another collection."""
        return any(
            bool(np.isin(mine, theirs).any())
            for mine, theirs in zip(self.parts(), other.parts(), strict=True)
        )

    def parts(self) -> Iterator[Hashes]:
        """Yield all hashes in ascending order, in 256 arrays by their first byte."""
        recent = self._buffer[: self._used]
        recent.sort()
        cuts = _cuts(recent)
        for number in range(len(_FIRST_BYTES)):
            pieces = [self._read(run[number], run[number + 1]) for run in self._runs]
            part = np.concatenate([*pieces, recent[cuts[number] : cuts[number + 1]]])
            # sorted pieces: the stable sort merges them
            part.sort(kind="stable")
            yield part

    def _write_run(self) -> None:
        recent = self._buffer[: self._used]
        recent.sort()
        begin = sum(int(run[-1] - run[0]) for run in self._runs)
        try:
            if self._file is None:
                # lives as long as this object
                self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115
            data = recent.view(np.uint8).data
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise IngestError(
                "the disk is full: the identifiers of the events could not be compared",
                file=self._folder,
                expected=f"space for a temporary file, 8 bytes per event and rule of uniqueness;"
                f" {begin + len(recent):,} hashes so far",
                remedy="free some space, then run the command again; nothing was changed",
            ) from error
        self._runs.append(begin + _cuts(recent))
        self._used = 0

    def _read(self, begin: int, end: int) -> Hashes:
        assert self._file is not None
        data = os.pread(self._file.fileno(), int(end - begin) * 8, int(begin) * 8)
        return np.frombuffer(data, np.uint64)


def _cuts(ordered: Hashes) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return where the hashes of each first byte begin in a sorted array, and where all end."""
    return np.append(np.searchsorted(ordered, _FIRST_BYTES), len(ordered))
