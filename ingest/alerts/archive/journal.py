"""The journal of the alert archive, from which an interrupted batch is completed.

The first line of ``pending.tsv`` is ``index.tsv``, a tab, and the size of the index in bytes
before the batch. The lines that the batch appends to the index follow.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ingest.alerts.archive.durability import sync, write_new
from ingest.alerts.archive.index import ArchiveError, Entry, parse_line
from ingest.core.files import read_regular
from ingest.instance import Account


class Journal:
    """The file ``pending.tsv``; it exists while a batch moves from staging to its final place.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    staging : pathlib.Path
        The directory in which the files of the batch, and the journal itself, are written first.
    account : Account, optional
        Owner of the file. Default: the current user.
    """

    def __init__(self, path: Path, staging: Path, account: Account | None = None) -> None:
        self.path = path
        self._staging = staging
        self._account = account

    def write(self, index_size: int, entries: Sequence[Entry]) -> None:
        """Make the staged files and the journal durable; from then on the batch is archived."""
        draft = self._staging / "pending"
        lines = [entry.line for entry in entries]
        write_new(draft, [f"index.tsv\t{index_size}\n".encode(), *lines], self._account)
        sync([self._staging, *(file.path for file in os.scandir(self._staging))])
        draft.replace(self.path)
        sync([self.path.parent])

    def read(self) -> tuple[int, list[Entry]] | None:
        """Return the size of the index before the batch, and the entries of the batch.

        Returns
        -------
        tuple of int and list of Entry, or None
            None if there is no journal, i.e. no batch was interrupted.

        Raises
        ------
        ArchiveError
            If the journal is damaged.
        """
        try:
            head, *lines = read_regular(self.path).splitlines(keepends=True)
            return int(head.split(b"\t")[1]), [parse_line(line) for line in lines]
        except FileNotFoundError:
            return None
        except (ValueError, IndexError):
            raise ArchiveError(
                "the journal of the alert archive is damaged",
                file=self.path,
                expected="index.tsv and its size, then complete lines of the index",
                remedy="copy it and the directory incoming/ to another place, then remove it",
            ) from None

    def remove(self) -> None:
        """Remove the journal: the batch is complete."""
        self.path.unlink()
