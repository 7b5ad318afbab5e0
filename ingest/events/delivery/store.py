"""The delivered files that were imported, kept by checksum.

With them a release can be imported again, after an upgrade or the loss of its table, without a
new delivery. A file is kept below ``var/deliveries`` as ``<sha256>/<name>``.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingest.core import privileges
from ingest.core.errors import InputError
from ingest.core.files import open_regular, sync_directory

_BLOCK: Final = 1 << 20  # bytes


@dataclass(frozen=True)
class KeptFile:
    """A delivered file in the store.

    Attributes
    ----------
    path : pathlib.Path
        Where it is.
    sha256 : str
        Its checksum.
    size : int
        In bytes.
    """

    path: Path
    sha256: str
    size: int


class DeliveryStore:
    """The store of delivered files.

    Parameters
    ----------
    folder : pathlib.Path
        Its directory.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, checksums: Iterable[str], name: str) -> KeptFile | None:
        """Return the file with one of the checksums and the name; None if it is not kept."""
        for checksum in checksums:
            path = self.folder / checksum / name
            if path.is_file() and not path.is_symlink():
                return KeptFile(path, checksum, path.stat().st_size)
        return None

    def keep(self, delivered: Path, checksum: str) -> Path:
        """Copy a delivered file into the store; return its path there.

        Raises
        ------
        InputError
            If its content is no longer what it was when the checksum was taken.
        """
        target = self.folder / checksum / delivered.name
        if target.is_file():
            return target
        draft = self.folder / f".{checksum}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        try:
            self._copy(delivered, draft / delivered.name, checksum)
            if target.parent.exists():
                (draft / delivered.name).replace(target)
            else:
                draft.rename(target.parent)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        sync_directory(target.parent)
        sync_directory(self.folder)
        return target

    def files(self) -> list[KeptFile]:
        """Return all files, in the order of their checksums."""
        return [
            KeptFile(path, path.parent.name, path.stat().st_size)
            for path in sorted(self.folder.glob("[0-9a-f]*/*"))
            if path.is_file()
        ]

    def remove(self, kept: KeptFile) -> None:
        """Delete a file."""
        kept.path.unlink()
        if not any(kept.path.parent.iterdir()):
            kept.path.parent.rmdir()

    @staticmethod
    def _copy(delivered: Path, copy: Path, checksum: str) -> None:
        digest = hashlib.sha256()
        with privileges.reading(delivered):
            stream = open_regular(delivered)
        with stream, copy.open("xb") as target:
            while block := stream.read(_BLOCK):
                digest.update(block)
                target.write(block)
            target.flush()
            os.fsync(target.fileno())
        if digest.hexdigest() != checksum:
            raise InputError(
                "the file changed while it was imported",
                file=delivered,
                value=f"sha256 {digest.hexdigest()}",
                expected=checksum,
                remedy="wait until the delivery is complete, then import it again",
            )
