"""A backup of an instance, made while it serves.

The database is dumped first, together with the deployed files and while no other command changes
the instance; the archive of alerts is read afterwards. It only grows, so it contains every packet
that has rows in the dump.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ingest import __version__
from ingest.alerts.archive import Archive, Index
from ingest.core import privileges
from ingest.core.errors import InputError
from ingest.core.files import sha256
from ingest.core.progress import ProgressCallback
from ingest.instance import SITE_VARIABLE, Cluster, InstanceState, Layout, dump_database, lifecycle
from ingest.publish.backup.repository import Repository
from ingest.publish.backup.snapshot import (
    DUMP,
    FILES,
    SITE,
    About,
    BackupError,
    Snapshot,
)
from ingest.publish.backup.transfer import read_files, store

INSTANCE_FILES: Final = ("dachs/inputs", "dachs/state", "reports", "deliveries")
"""What is saved of the instance's directory; all else is made again by ``km3vo instance up``."""
_ARCHIVE_FILES: Final = (
    "seals",
    "index.tsv",
    "receptions.tsv",
    "outbox.jsonl",
    "outgoing",
    "silences.tsv",
    "quarantine",
    "withheld",
    "attached",
    "previews",
)
"""What is saved of the archive's directory, beside packets and sky maps."""
RECORD: Final = "last-backup.json"
"""A file of the instance with time and place of its last backup."""
_DRAFTS: Final = (".switch.json", ".*.part", "__pycache__", "deliveries/.*")
_MAP: Final = re.compile(r"([0-9a-f]{64})\.fits")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Saved:
    """A backup that was made.

    Attributes
    ----------
    path : pathlib.Path
        Its directory.
    files, new : int
        Numbers of packets and sky maps in it, and of those that were copied for it.
    damaged : tuple of str
        Checksums of packets and sky maps that are damaged and were not saved.
    left_out : tuple of str
        Paths of links and the like, which were not saved.
    removed : list of str
        Names of the old backups that were deleted.
    """

    path: Path
    files: int
    new: int
    damaged: tuple[str, ...]
    left_out: tuple[str, ...]
    removed: list[str]


def save(
    layout: Layout,
    directory: Path,
    keep: int | None = None,
    on_progress: ProgressCallback | None = None,
) -> Saved:
    """Back up an instance into a directory.

    Parameters
    ----------
    layout : Layout
        The instance. Its database is started if it does not run.
    directory : pathlib.Path
        The directory with all backups, which is created if necessary.
    keep : int, optional
        The number of backups to keep. Default: all.
    on_progress : ProgressCallback, optional
        Called with the number of packets copied so far.

    Raises
    ------
    InputError
        If there is no instance, or the directory is inside of it.
    BackupError
        If the directory cannot be used. There is no new backup then, and all others remain.
    """
    directory = Path(os.path.abspath(directory))
    state = InstanceState.read(layout)
    if state is None or not state.complete:
        raise InputError("there is no instance to back up", file=layout.path, remedy="make up")
    with privileges.caller():
        resolved = directory.resolve()
    for place in (layout.var, layout.archive):
        if resolved.is_relative_to(place.resolve()):
            raise InputError(
                "the backup would be inside what it saves",
                file=directory,
                expected=f"a directory outside of {place}, better on another disk",
                remedy="name another directory",
            )
    repository = Repository(directory)
    with repository.opened(), repository.draft() as draft:
        sums, about = _save_instance(layout, draft)
        about, files, new = _save_archive(layout, repository, draft, about, sums, on_progress)
        draft.describe(about)
        _link_unchanged(repository, draft, sums)
        draft.seal(sums)
    removed = repository.keep(keep) if keep else []
    path = directory / draft.name.removesuffix(".new")
    record = json.dumps({"made": datetime.now(UTC).isoformat(), "path": str(path)})
    layout.account.run(["tee", layout.var / RECORD], home=Path("/"), text_input=record)
    logger.info("backup %s: %d packets and maps, %d new", path, files, new)
    return Saved(path, files, new, about.damaged, about.left_out, removed)


def _save_instance(layout: Layout, draft: Snapshot) -> tuple[dict[str, str], About]:
    """Save the database and the files that belong to it; return their checksums by path."""
    with lifecycle.database(layout) as state:
        cluster = Cluster(layout)
        with dump_database(cluster, state.postgres_port) as stream:
            sums = {DUMP: store(stream, draft.path / DUMP)}
        left_out: list[str] = []
        sums |= _save_files(layout, layout.var, INSTANCE_FILES, draft, "", left_out)
        about = About(
            km3vo=__version__,
            dachs=state.dachs_version,
            postgres=cluster.major,
            web_port=state.web_port,
            left_out=tuple(left_out),
        )
    if site := os.environ.get(SITE_VARIABLE):
        with privileges.caller(), Path(site).open("rb") as stream:
            sums[SITE] = store(stream, draft.path / SITE)
    return sums, about


def _save_archive(
    layout: Layout,
    repository: Repository,
    draft: Snapshot,
    about: About,
    sums: dict[str, str],
    on_progress: ProgressCallback | None,
) -> tuple[About, int, int]:
    """Save the archive; return what the backup says, and numbers of all files and of new ones."""
    archive = Archive(layout.archive, layout.account)
    if not os.path.lexists(archive.index.path):
        return about, 0, 0
    archive.recover()
    left_out = list(about.left_out)
    names = _ARCHIVE_FILES
    sums.update(_save_files(layout, layout.archive, names, draft, "archive", left_out))
    wanted = dict.fromkeys(shared_files(layout, draft))
    missing = {one for one in wanted if not repository.has(*one)}
    copied: list[tuple[str, str]] = []
    places = {_place(kind, digest): (kind, digest) for kind, digest in missing}
    for number, (name, content) in enumerate(
        read_files(layout.account, layout.archive, places, left_out), 1
    ):
        kind, digest = places[name]
        if repository.add_shared(kind, digest, content):
            copied.append((kind, digest))
        if on_progress is not None:
            on_progress(number)
    repository.list_shared(copied)
    damaged = sorted(digest for _, digest in missing - set(copied))
    return (
        replace(about, has_archive=True, damaged=tuple(damaged), left_out=tuple(left_out)),
        len(wanted) - len(damaged),
        len(copied),
    )


def shared_files(layout: Layout, snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Yield kind and checksum of the packets and sky maps of an instance's archive."""
    yield from (("packets", digest) for digest in indexed(snapshot))
    maps = layout.archive / "maps"
    done = layout.account.run(["find", maps, "-type", "f", "-name", "*.fits"], home=Path("/"))
    for line in done.stdout.splitlines():
        if found := _MAP.fullmatch(Path(line).name):
            yield "maps", found[1]


@privileges.caller()
def indexed(snapshot: Snapshot) -> list[str]:
    """Return the checksums of the packets in the index of a backup."""
    return [entry.sha256 for entry in Index(snapshot.index).entries()]


def _place(kind: str, digest: str) -> str:
    """Return the path of a packet or sky map in the archive."""
    return f"{kind}/{digest[:2]}/{digest}{'.fits' if kind == 'maps' else ''}"


def _save_files(
    layout: Layout,
    directory: Path,
    names: tuple[str, ...],
    draft: Snapshot,
    prefix: str,
    left_out: list[str],
) -> dict[str, str]:
    sums = {}
    for name, content in read_files(layout.account, directory, names, left_out, _DRAFTS):
        path = Path(FILES, prefix, name)
        sums[str(path)] = store(content, draft.path / path)
    return sums


@privileges.caller()
def _link_unchanged(repository: Repository, draft: Snapshot, sums: dict[str, str]) -> None:
    """Replace files that the last backup has as well by links to them."""
    try:
        last = repository.snapshots()[-1]
        former = last.sums()
    except (IndexError, BackupError):
        return
    for name, digest in sums.items():
        old, new = last.path / name, draft.path / name
        if former.get(name) == digest and old.is_file() and sha256(old) == digest:
            new.unlink()
            os.link(old, new)
