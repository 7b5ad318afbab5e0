"""What the running instance serves of a release besides its registry record."""

from __future__ import annotations

import hashlib
import http.client
import json
import urllib.request
from pathlib import Path
from typing import Final

from ingest.core.files import sha256
from ingest.events.delivery import Manifest
from ingest.instance import InstanceState, Layout
from ingest.publish.documents.jsonld import table_url
from ingest.publish.documents.record import DataFile, Record

_BLOCK: Final = 1 << 20
_MEDIA_TYPES: Final = {".fits": "application/fits", ".dat": "text/plain", ".csv": "text/csv"}


def ask(layout: Layout, url: str, timeout: float = 60.0) -> http.client.HTTPResponse:
    """Open one of the instance's addresses, by the way that works on this machine.

    The world's address may lead through a proxy that is not there yet.
    """
    state = InstanceState.read(layout)
    if state is not None:
        host = f"[{state.host}]" if ":" in state.host else state.host
        url = url.replace(state.server_url, f"http://{host}:{state.web_port}", 1)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    reply: http.client.HTTPResponse = opener.open(url, timeout=timeout)
    return reply


def files(manifest: Manifest, layout: Layout, url: str) -> tuple[DataFile, ...]:
    """Return the files that are served, products first and then what was delivered.

    Parameters
    ----------
    manifest, layout : Manifest, Layout
        The release, and the instance it is deployed in.
    url : str
        The address the world reaches the instance at.
    """
    folder = layout.inputs / manifest.folder_in_rd / "data"
    found = [
        _file(
            path,
            f"{url}/getproduct/{manifest.folder_in_rd}/data/{path.name}",
            "The events as a FITS table (GADF event list).",
        )
        for path in sorted(folder.glob("*.fits"))
    ]
    static = f"{url}/{manifest.release.descriptor}/files/static"
    found += [
        _file(folder / one.name, f"{static}/{one.name}", "The events as they were delivered.")
        for one in manifest.files
        if one.public and (folder / one.name).is_file()
    ]
    return tuple(found)


def kid(manifest: Manifest, layout: Layout) -> str | None:
    """Return KM3NeT's identifier of the release's product; None if it has none, or several."""
    try:
        report = json.loads((layout.reports / f"{manifest.name}.json").read_text())
        conversions = report["conversions"]
    except (FileNotFoundError, ValueError, KeyError):
        return None
    return str(conversions[0]["kid"]) if len(conversions) == 1 else None


def table_hash(record: Record, layout: Layout) -> str | None:
    """Return the SHA-256 of the events as the TAP service gives them in CSV.

    None if there is no such service, or it answers something else.
    """
    url = table_url(record)
    if url is None:
        return None
    digest = hashlib.sha256()
    with ask(layout, url, timeout=300) as reply:
        if reply.headers.get_content_type() != "text/csv":
            return None
        while block := reply.read(_BLOCK):
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
