"""Import of a release: acquire its files, convert them, publish the products."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from ingest import __version__
from ingest.core import privileges
from ingest.core.errors import UnavailableError
from ingest.core.files import atomic_write, open_regular, read_regular
from ingest.events.conversion import Conversion
from ingest.events.delivery import AcquiredFile, Manifest, acquire
from ingest.events.release_conversion import convert_release
from ingest.instance import InstanceState, Layout
from ingest.instance.dachs import Publication, count, deploy, is_simulated, publish

logger = logging.getLogger(__name__)

_COUNTS: Final = ("read", "accepted", "rejected", "imported")


@dataclass(frozen=True)
class ImportResult:
    """The result of an import, as recorded below ``var``.

    Attributes
    ----------
    release, source : str
        The release, and the sources of its files.
    read, accepted, rejected, imported : int
        Numbers of rows: read from the files, accepted and rejected by the checks, and now in
        the table.
    seconds : float
        Duration of the import.
    unchanged : bool
        Whether everything was already online and nothing had to be done.
    simulated : bool
        Whether a simulated stand-in was imported.
    unavailable : tuple of str
        Sources that were tried before and did not have a file, with the reasons.
    """

    release: str
    source: str
    read: int
    accepted: int
    rejected: int
    imported: int
    seconds: float
    unchanged: bool
    simulated: bool
    unavailable: tuple[str, ...]


def import_release(
    manifest: Manifest,
    layout: Layout,
    state: InstanceState,
    overlay: Path | None = None,
    force: bool = False,
) -> ImportResult:
    """Bring a release online, or leave everything unchanged.

    Parameters
    ----------
    manifest : Manifest
        The release.
    layout, state : Layout, InstanceState
        The instance, locked; its database must be running.
    overlay : pathlib.Path, optional
        A directory with local inputs.
    force : bool
        Import even if nothing changed since the last import.

    Raises
    ------
    ingest.core.errors.InputError
        If a file is unavailable or fails the checks, or only a simulated stand-in is available
        while real data are online; the table is unchanged.
    ingest.core.errors.ImportFailedError
        If DaCHS could not load the product; the table is unchanged.
    """
    start = time.monotonic()
    publication = Publication(manifest.release.descriptor, manifest.release.table)
    acquired = [acquire(manifest, file, overlay, layout.scratch) for file in manifest.files]
    online = count(publication, layout, state)
    if online and any(file.simulated for file in acquired):
        _refuse_to_replace_real_data(manifest, acquired, layout, publication)
    record = layout.reports / f"{manifest.name}.json"
    fingerprint = _fingerprint(manifest, acquired)
    last = _read_record(record)
    unchanged = (
        not force
        and online is not None
        and last.get("fingerprint") == fingerprint
        and last["result"]["imported"] == online
    )
    if unchanged:
        counts = {name: last["result"][name] for name in _COUNTS}
        return _result(manifest, acquired, counts, start, unchanged=True)
    conversions = _convert_and_publish(manifest, acquired, layout, state, publication, record)
    counts = {
        "read": sum(one.checks.read for one in conversions),
        "accepted": sum(one.checks.accepted for one in conversions),
        "rejected": sum(one.checks.rejected for one in conversions),
        "imported": sum(one.rows for one in conversions),
    }
    result = _result(manifest, acquired, counts, start, unchanged=False)
    logger.info("%s: %s from %s", manifest.name, counts, result.source)
    content = {
        "fingerprint": fingerprint,
        "result": asdict(result),
        "conversions": [one.to_dict() for one in conversions],
    }
    with atomic_write(record) as stream:
        stream.write(json.dumps(content, indent=1, default=str).encode())
    return result


def _refuse_to_replace_real_data(
    manifest: Manifest, acquired: Sequence[AcquiredFile], layout: Layout, publication: Publication
) -> None:
    if is_simulated(layout, publication.folder):
        return
    raise UnavailableError(
        f"only a simulated stand-in is available, and does not replace the real data of"
        f" {manifest.name} that are online",
        file=manifest.folder / "release.toml",
        value="\n".join(_unavailable(acquired)),
        expected="one of these sources to have the file",
        remedy="name the directory of the file with INPUTS=; to import the stand-in, delete the"
        " real data first: km3vo instance reset",
    )


def _convert_and_publish(
    manifest: Manifest,
    acquired: Sequence[AcquiredFile],
    layout: Layout,
    state: InstanceState,
    publication: Publication,
    record: Path,
) -> list[Conversion]:
    """Convert the files in a staging directory, and publish the products."""
    staging = layout.scratch / manifest.name
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    try:
        conversions = convert_release(manifest, acquired, staging)
        # from here on the record may no longer describe what is online
        record.unlink(missing_ok=True)
        for file, found in zip(manifest.files, acquired, strict=True):
            # DaCHS would read a FITS file as a product
            if file.public and not found.simulated and not file.name.endswith(".fits"):
                _copy(found.path, staging / file.name)
        products = sorted(staging.iterdir())
        rows = sum(one.rows for one in conversions)
        simulated = any(file.simulated for file in acquired)
        publish(publication, layout, state, products, rows, simulated)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return conversions


def _result(
    manifest: Manifest,
    acquired: Sequence[AcquiredFile],
    counts: Mapping[str, int],
    start: float,
    unchanged: bool,
) -> ImportResult:
    return ImportResult(
        release=manifest.name,
        source="; ".join(dict.fromkeys(file.source for file in acquired)),
        seconds=time.monotonic() - start,
        unchanged=unchanged,
        simulated=any(file.simulated for file in acquired),
        unavailable=_unavailable(acquired),
        **counts,
    )


def _unavailable(acquired: Sequence[AcquiredFile]) -> tuple[str, ...]:
    return tuple(reason for file in acquired for reason in file.unavailable)


def _fingerprint(manifest: Manifest, acquired: Sequence[AcquiredFile]) -> str:
    """Return a checksum of everything that determines what an import publishes."""
    digest = hashlib.sha256(f"{__version__} {manifest.model_dump_json()}".encode())
    for file in acquired:
        digest.update(f"{file.sha256} {file.simulated}".encode())
    for name, content in deploy.sources(manifest.folder_in_rd):
        digest.update(name.encode() + content)
    return digest.hexdigest()


def _read_record(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(read_regular(path))
        return content
    except (FileNotFoundError, ValueError):
        return {}


def _copy(delivered: Path, copy: Path) -> None:
    with privileges.reading(delivered):
        stream = open_regular(delivered)
    with stream, copy.open("xb") as target:
        shutil.copyfileobj(stream, target)
