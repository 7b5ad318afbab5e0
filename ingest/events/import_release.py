"""Importing a release: acquire, convert, deploy, let DaCHS load, audit."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ingest import __version__
from ingest.core.errors import UnavailableError
from ingest.core.files import atomic_write
from ingest.events.convert import convert_release
from ingest.events.delivery import Acquired, Manifest, acquire
from ingest.instance import InstanceState, Layout
from ingest.instance.dachs import Publication, count, deploy, is_simulated, publish


@dataclass(frozen=True)
class ImportResult:
    """What an import did, as a record.

    Attributes
    ----------
    release, source : str
        The release, and where its files came from.
    read, accepted, rejected, imported : int
        Rows read from the files, passed and failed by the checks, and counted in the table.
    seconds : float
        How long it took.
    unchanged : bool
        Whether all was online already, and nothing was done.
    simulated : bool
        Whether a simulated stand-in was imported.
    refused : tuple of str
        Sources that were asked before and did not have a file.
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
    refused: tuple[str, ...]


def import_release(
    manifest: Manifest,
    layout: Layout,
    state: InstanceState,
    overlay: Path | None = None,
    force: bool = False,
) -> ImportResult:
    """Bring a release online, or leave everything as it was.

    Parameters
    ----------
    manifest : Manifest
        The release.
    layout, state : Layout, InstanceState
        The instance, locked; its database must run.
    overlay : pathlib.Path, optional
        A directory with local inputs.
    force : bool
        Import although nothing changed since the last time.

    Raises
    ------
    ingest.core.errors.InputError
        If the input cannot be had or is not good, or only a simulated stand-in is to be had
        while real data are online; the table is as it was.
    ingest.core.errors.ImportFailedError
        If DaCHS could not load it; the table is as it was.
    """
    begin = time.monotonic()
    publication = Publication(manifest.release.descriptor, manifest.release.table)
    acquired = [acquire(manifest, file, overlay, layout.scratch) for file in manifest.files]
    source = "; ".join(dict.fromkeys(file.source for file in acquired))
    simulated = any(file.simulated for file in acquired)
    refused = tuple(reason for file in acquired for reason in file.refused)
    record = layout.reports / f"{manifest.name}.json"
    fingerprint = _fingerprint(manifest, acquired)
    before = _read_record(record)
    online = count(publication, layout, state)
    if simulated and online and not is_simulated(layout, publication.folder):
        raise UnavailableError(
            f"only a simulated stand-in is to be had, and the real data of {manifest.name}"
            " are online: they stay",
            file=manifest.folder / "release.toml",
            value="\n".join(refused),
            expected="one of these sources to have the file",
            remedy="name the directory with the file with INPUTS=; to see the stand-in all the"
            " same, delete the real data first: km3vo instance reset",
        )
    known = not force and before.get("fingerprint") == fingerprint
    if known and online is not None and online == before["result"]["imported"]:
        counts = {key: before["result"][key] for key in ("read", "accepted", "rejected")}
        return ImportResult(
            release=manifest.name,
            source=source,
            imported=online,
            seconds=time.monotonic() - begin,
            unchanged=True,
            simulated=simulated,
            refused=refused,
            **counts,
        )
    staging = layout.scratch / manifest.name
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    try:
        conversions = convert_release(manifest, acquired, staging)
        # Whatever happens from here on, the record no longer tells for sure what is online.
        record.unlink(missing_ok=True)
        for file, found in zip(manifest.files, acquired, strict=True):
            # A FITS file there would be taken for a product.
            if file.public and not found.simulated and not file.name.endswith(".fits"):
                shutil.copyfile(found.path, staging / file.name)
        products = sorted(staging.iterdir())
        rows = sum(one.rows for one in conversions)
        publish(publication, layout, state, products, rows, simulated)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    result = ImportResult(
        release=manifest.name,
        source=source,
        read=sum(one.checks.read for one in conversions),
        accepted=sum(one.checks.accepted for one in conversions),
        rejected=sum(one.checks.rejected for one in conversions),
        imported=rows,
        seconds=time.monotonic() - begin,
        unchanged=False,
        simulated=simulated,
        refused=refused,
    )
    content = {
        "fingerprint": fingerprint,
        "result": asdict(result),
        "conversions": [one.to_dict() for one in conversions],
    }
    with atomic_write(record) as stream:
        stream.write(json.dumps(content, indent=1, default=str).encode())
    return result


def _fingerprint(manifest: Manifest, acquired: Sequence[Acquired]) -> str:
    """Return a checksum over everything that determines what is online after an import."""
    digest = hashlib.sha256(f"{__version__} {manifest.model_dump_json()}".encode())
    for file in acquired:
        digest.update(f"{file.sha256} {file.simulated}".encode())
    for path in deploy.sources(manifest.folder_in_rd):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def _read_record(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text())
        return content
    except (FileNotFoundError, ValueError):
        return {}
