"""Files and tables of a release that the running instance serves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ingest.core.files import read_regular, sha256
from ingest.core.http import open_url
from ingest.events.delivery import Manifest
from ingest.events.import_record import read_record, write_record
from ingest.instance import InstanceState, Layout
from ingest.publish.documents.jsonld import table_url
from ingest.publish.documents.record import DataFile, ReleaseRecord

if TYPE_CHECKING:
    import httpx

_TABLE_HASH: Final = "table.json"
"""The file with the checksum of a table, beside the record of its import."""
_MEDIA_TYPES: Final = {".fits": "application/fits", ".dat": "text/plain", ".csv": "text/csv"}


@contextmanager
def ask(layout: Layout, url: str, timeout: float = 60.0) -> Iterator[httpx.Response]:
    """Open one of the instance's public addresses directly on this machine.

    The public address may lead through a reverse proxy that is not set up yet. See
    :func:`ingest.core.http.open_url`.
    """
    state = InstanceState.read(layout)
    if state is not None:
        url = url.replace(state.server_url, state.local_url, 1)
    with open_url(url, timeout=timeout, proxies=False) as response:
        yield response


def files(manifest: Manifest, layout: Layout, url: str) -> tuple[DataFile, ...]:
    """Return the served files, products first and then the delivered files.

    Parameters
    ----------
    manifest, layout : Manifest, Layout
        The release, and the instance it is deployed in.
    url : str
        The public address of the instance.
    """
    folder = layout.inputs / manifest.name / "data"
    found = [
        _file(
            path,
            f"{url}/getproduct/{manifest.name}/data/{path.name}",
            "The events as a FITS table (GADF event list).",
        )
        for path in sorted(folder.glob("*.fits"))
    ]
    static = f"{url}/{manifest.release.descriptor}/files/static"
    found += [
        _file(folder / one.name, f"{static}/{one.name}", "The events as delivered.")
        for one in manifest.files
        if one.public and (folder / one.name).is_file()
    ]
    return tuple(found)


def kid(manifest: Manifest, layout: Layout) -> str | None:
    """Return KM3NeT's identifier of the release's product; None unless it has exactly one."""
    try:
        report = json.loads(read_regular(layout.record(manifest.name)))
        conversions = report["conversions"]
    except (FileNotFoundError, ValueError, KeyError):
        return None
    return str(conversions[0]["kid"]) if len(conversions) == 1 else None


def table_hash(record: ReleaseRecord, layout: Layout) -> str | None:
    """Return the SHA-256 of the table of events as the TAP service returns it in CSV.

    None if there is no TAP service, or its answer is not CSV. While the rows stay the same, the
    table is not read again.
    """
    url = table_url(record)
    if url is None:
        return None
    rows = read_record(layout.record(record.release)).get("data")
    path = layout.record(record.release).with_name(_TABLE_HASH)
    known = read_record(path)
    if rows is not None and known.get("data") == rows:
        return str(known["sha256"])
    found = _table_hash(layout, url)
    if found is not None and rows is not None:
        write_record(path, {"data": rows, "sha256": found})
    return found


def _table_hash(layout: Layout, url: str) -> str | None:
    digest = hashlib.sha256()
    with ask(layout, url, timeout=300) as reply:
        if reply.headers.get("content-type", "").partition(";")[0].strip() != "text/csv":
            return None
        for block in reply.iter_raw():
            digest.update(block)
    return digest.hexdigest()


def _file(path: Path, url: str, description: str) -> DataFile:
    return DataFile(
        name=path.name,
        url=url,
        size=path.stat().st_size,
        sha256=sha256(path),
        media_type=_MEDIA_TYPES.get(path.suffix, "application/octet-stream"),
        description=description,
    )
