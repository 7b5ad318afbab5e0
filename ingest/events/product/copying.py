"""Copies of products, with another OBS_ID if need be.

A job that converts one file of a release cannot know the files beside it. If their runs turn out
not to be unique, the products are numbered when they are copied to their place.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import BinaryIO, Final

from ingest.core import privileges
from ingest.core.errors import InputError
from ingest.core.files import atomic_write, open_regular, read_regular
from ingest.core.fitstable import BLOCK, changed_header

_BYTES: Final = 1 << 20
_END: Final = b"END" + 77 * b" "


def copy_product(
    source: Path, target: Path, kid: str, checksum: str, obs_id: int | None = None
) -> Path:
    """Copy an event list, and its provenance document and preview.

    Parameters
    ----------
    source, target : pathlib.Path
        The event list, and its copy.
    kid : str
        The identifier in its provenance.
    checksum : str
        The SHA-256 of `source` when it was made.
    obs_id : int, optional
        Another OBS_ID for the copy, whose header and provenance change accordingly.

    Returns
    -------
    pathlib.Path
        The copy of the provenance document.

    Raises
    ------
    ingest.core.errors.InputError
        If `source` is no longer what it was.
    """
    before, after = hashlib.sha256(), hashlib.sha256()
    with privileges.reading(source):
        content = open_regular(source)
    with content, atomic_write(target) as copy:
        for _ in range(0 if obs_id is None else 2):
            header = _header(content)
            before.update(header)
            try:
                header = changed_header(header, {"OBS_ID": obs_id or 0})
            except (KeyError, ValueError, OSError):
                raise _changed(source, "a damaged header", checksum) from None
            after.update(header)
            copy.write(header)
        while block := content.read(_BYTES):
            before.update(block)
            after.update(block)
            copy.write(block)
        if before.hexdigest() != checksum:
            raise _changed(source, f"sha256 {before.hexdigest()}", checksum)
    for name in (f"{source.name}.prov.json", f"{source.stem}.png"):
        path = source.with_name(name)
        with privileges.reading(path):
            found = read_regular(path)
        if obs_id is not None and name.endswith(".json"):
            document = json.loads(found)
            document["entity"][f"km3:product-{kid}"]["km3:sha256"] = after.hexdigest()
            found = f"{json.dumps(document, indent=1, sort_keys=True)}\n".encode()
        with atomic_write(target.with_name(name)) as stream:
            stream.write(found)
    return target.with_name(f"{target.name}.prov.json")


def _header(content: BinaryIO) -> bytes:
    """Read the blocks of a header."""
    blocks = []
    while block := content.read(BLOCK):
        blocks.append(block)
        if any(block[place : place + 80] == _END for place in range(0, BLOCK, 80)):
            break
    return b"".join(blocks)


def _changed(source: Path, value: str, checksum: str) -> InputError:
    return InputError(
        "the product is not what the workflow has written",
        file=source,
        value=value,
        expected=f"sha256 {checksum}",
        remedy=f"remove {source.parent}, then run the workflow again",
    )
