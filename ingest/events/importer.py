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

from psycopg2 import errors as sql_errors
from psycopg2 import sql

from ingest import __version__
from ingest.errors import ImportFailedError
from ingest.events.convert import Conversion, convert_release
from ingest.events.manifest import Manifest
from ingest.events.sources import Acquired, acquire
from ingest.instance import deploy
from ingest.instance.dachs import Dachs
from ingest.instance.layout import RD, Layout, Memory
from ingest.instance.postgres import Cluster

SHARED_DESCRIPTORS = (f"{deploy.SHARED}/nu",)
"""What joins all releases, and is made anew after each."""


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
    memory: Memory,
    overlay: Path | None = None,
    force: bool = False,
) -> ImportResult:
    """Bring a release online, or leave everything as it was.

    Parameters
    ----------
    manifest : Manifest
        The release.
    layout, memory : Layout, Memory
        The instance; its database must run.
    overlay : pathlib.Path, optional
        A directory with local inputs.
    force : bool
        Import although nothing changed since the last time.

    Raises
    ------
    ingest.errors.InputError
        If the input cannot be had or is not good; the table is as it was.
    ingest.errors.ImportFailedError
        If DaCHS could not load it; the table is as it was.
    """
    begin = time.monotonic()
    scratch = layout.account.make_directory(layout.var / "scratch")
    acquired = [acquire(manifest, file, overlay, scratch) for file in manifest.files]
    source = "; ".join(dict.fromkeys(file.source for file in acquired))
    simulated = any(file.simulated for file in acquired)
    refused = tuple(reason for file in acquired for reason in file.refused)
    record = layout.reports / f"{manifest.name}.json"
    fingerprint = _fingerprint(manifest, acquired)
    before = _read_record(record)
    if not force and before.get("fingerprint") == fingerprint:
        online = _count(layout, memory, manifest)
        if online is not None and online == before["result"]["imported"]:
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
    staging = scratch / manifest.name
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    try:
        conversions = convert_release(manifest, acquired, staging)
        products = sorted(staging.iterdir())
        imported = _publish(manifest, conversions, products, layout, memory, simulated)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    result = ImportResult(
        release=manifest.name,
        source=source,
        read=sum(one.checks.read for one in conversions),
        accepted=sum(one.checks.accepted for one in conversions),
        rejected=sum(one.checks.rejected for one in conversions),
        imported=imported,
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
    record.write_text(json.dumps(content, indent=1, default=str))
    return result


def _publish(
    manifest: Manifest,
    conversions: Sequence[Conversion],
    products: Sequence[Path],
    layout: Layout,
    memory: Memory,
    simulated: bool,
) -> int:
    """Let DaCHS load the products, and return the number of rows that are online then."""
    dachs = Dachs(layout)
    deploy.deploy_shared(layout)
    sent = sum(one.rows for one in conversions)
    with deploy.deployed(layout, manifest.folder_in_rd, products, simulated):
        done = dachs.command("imp", manifest.release.descriptor)
        if done.returncode:
            failure = dachs.failure(
                f"DaCHS could not import {manifest.name}; what was online before still is", done
            )
            raise ImportFailedError(failure.problem, value=failure.value, remedy=failure.remedy)
        imported = _count(layout, memory, manifest)
        if imported is None or imported != sent:
            raise ImportFailedError(
                f"{manifest.release.table} does not hold what was sent",
                value=f"{imported} rows",
                expected=f"{sent} rows",
                remedy="import again; if it stays so, the disk or the database is damaged",
            )
        for shared in SHARED_DESCRIPTORS:
            dachs.check("imp", shared)
        for step in ("limits", "pub"):
            dachs.check(step, manifest.release.descriptor)
    dachs.reload()
    return imported


def _count(layout: Layout, memory: Memory, manifest: Manifest) -> int | None:
    """Count the rows of the release's table; None if there is no table."""
    schema, table = manifest.release.table.split(".")
    query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
    with Cluster(layout).connect(memory.postgres_port) as connection:
        cursor = connection.cursor()
        try:
            cursor.execute(query)
        except sql_errors.UndefinedTable:
            return None
        return int(cursor.fetchone()[0])


def _fingerprint(manifest: Manifest, acquired: Sequence[Acquired]) -> str:
    """Return a checksum over everything that determines what is online after an import."""
    digest = hashlib.sha256(f"{__version__} {manifest.model_dump_json()}".encode())
    for file in acquired:
        digest.update(f"{file.sha256} {file.simulated}".encode())
    for folder in (RD / manifest.folder_in_rd, RD / deploy.SHARED):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix in (".rd", ".py"):
                digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def _read_record(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text())
        return content
    except (FileNotFoundError, ValueError):
        return {}
