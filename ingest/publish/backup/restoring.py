"""An instance made from a backup; its passwords are new."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ingest.alerts.archive import Archive
from ingest.alerts.tables import ensure_tables
from ingest.core import privileges
from ingest.core.errors import InputError
from ingest.core.files import open_regular, read_regular
from ingest.core.progress import ProgressCallback
from ingest.instance import ARCHIVE_VARIABLE, Cluster, Layout, lifecycle
from ingest.instance.dachs import Dachs
from ingest.publish.backup.repository import Repository, find
from ingest.publish.backup.saving import indexed
from ingest.publish.backup.snapshot import (
    DUMP,
    FILES,
    About,
    BackupError,
    Snapshot,
)
from ingest.publish.backup.transfer import written_files

_ARCHIVE: Final = f"{FILES}/archive/"

logger = logging.getLogger(__name__)


def restore(
    layout: Layout,
    path: Path,
    port: int | None = None,
    replace: bool = False,
    on_progress: ProgressCallback | None = None,
) -> Snapshot:
    """Make an instance from a backup; it is not started.

    The whole backup is compared with its checksums before anything is changed.

    Parameters
    ----------
    layout : Layout
        The instance.
    path : pathlib.Path
        A backup, or a directory with backups, of which the newest is taken.
    port : int, optional
        The port of the web server. Default: the one it had.
    replace : bool, optional
        Whether to delete the present instance, after the backup has been found to be intact.
    on_progress : ProgressCallback, optional
        Called with the number of packets checked so far.

    Returns
    -------
    Snapshot
        The backup that was taken.

    Raises
    ------
    InputError
        If there is an instance, and `replace` is false.
    BackupError
        If the backup is damaged or was made by newer software. Nothing is changed then.
    """
    repository, snapshot = find(path)
    about = snapshot.about()
    external = not layout.archive.resolve().is_relative_to(layout.var)
    exists = _exists(layout) or (not external and layout.archive.exists())
    if exists and not replace:
        raise InputError(
            "there is an instance already",
            file=layout.path,
            remedy="name another place in KM3VO_VAR;"
            " or delete this instance with its archive of alerts: --replace",
        )
    _refuse_newer(layout, about, snapshot)
    sums = snapshot.verify()
    shared = list(_shared_files(repository, snapshot, about))
    repository.verify_shared(shared, on_progress)
    _check_space(layout, repository, snapshot, sums, shared)
    keeps_archive = external and _contains(Archive(layout.archive), snapshot)
    if exists:
        lifecycle.reset(layout, with_archive=True)
    layout.create()
    with privileges.caller():
        dump = open_regular(snapshot.path / DUMP)
    with dump:
        lifecycle.create_from(layout, dump, about.dachs, port or about.web_port)
    files = [name for name in sums if name.startswith(f"{FILES}/")]
    with written_files(layout.account, layout.var) as write:
        for name in files:
            if not name.startswith(_ARCHIVE):
                write(name.removeprefix(f"{FILES}/"), snapshot.path / name)
    if about.has_archive and not keeps_archive:
        _restore_archive(layout, repository, snapshot, files, shared)
    with lifecycle.database(layout) as state:
        if "alerts" in {Path(name).parts[3] for name in files if _is_descriptor(name)}:
            ensure_tables(layout, state)
    logger.info("restored from %s", snapshot.path)
    return snapshot


def _restore_archive(
    layout: Layout,
    repository: Repository,
    snapshot: Snapshot,
    files: list[str],
    shared: list[tuple[str, str]],
) -> None:
    archive = Archive(layout.archive, layout.account)
    archive.create()
    with written_files(layout.account, layout.archive) as write:
        for kind, digest in shared:
            name = f"{kind}/{digest[:2]}/{digest}{'.fits' if kind == 'maps' else ''}"
            write(name, repository.shared_file(kind, digest))
        # the index last: it lists no packet that is not there
        archived = [name for name in files if name.startswith(_ARCHIVE)]
        for name in sorted(archived, key=lambda name: name.endswith("/index.tsv")):
            write(name.removeprefix(_ARCHIVE), snapshot.path / name)


def _shared_files(
    repository: Repository, snapshot: Snapshot, about: About
) -> Iterator[tuple[str, str]]:
    """Yield kind and checksum of the packets and sky maps that belong to a backup."""
    if not about.has_archive:
        return
    lost = set(about.damaged)
    yield from (("packets", digest) for digest in indexed(snapshot) if digest not in lost)
    for name, digest in repository.sums().items():
        if name.startswith("maps/"):
            yield "maps", digest


def _exists(layout: Layout) -> bool:
    return layout.state_file.exists() or layout.postgres.exists()


def _is_descriptor(name: str) -> bool:
    parts = Path(name).parts
    return parts[:3] == (FILES, "dachs", "inputs") and name.endswith(".rd")


def _refuse_newer(layout: Layout, about: About, snapshot: Snapshot) -> None:
    """Refuse a database that the installed programs do not understand."""
    dachs = Dachs(layout).version()
    for name, found, here in (
        ("PostgreSQL", about.postgres, Cluster(layout).next_major),
        ("DaCHS", about.dachs, dachs),
    ):
        compare = ("dpkg", "--compare-versions", found, "gt", here)
        if layout.account.run(compare, home=Path("/")).returncode == 0:
            raise BackupError(
                f"this backup was made with a newer version of {name}",
                file=snapshot.path,
                value=found,
                expected=f"{here}, which is installed, or an older one",
                remedy=f"install {name} {found}, then restore",
            )


def _contains(archive: Archive, snapshot: Snapshot) -> bool:
    """Return whether an archive outside of the instance has all packets of the backup.

    Raises
    ------
    InputError
        If it has packets, and they are not those of the backup.
    """
    if not archive.index.path.exists():
        return False
    present = read_regular(archive.index.path)
    with privileges.caller():
        saved = read_regular(snapshot.index) if snapshot.index.exists() else None
    if saved is not None and present.startswith(saved):
        return True
    raise InputError(
        "the archive of alerts outside of the instance is not the one that was saved",
        file=archive.root,
        expected=f"no archive, or one that continues that of {snapshot.path}",
        remedy=f"move it to another place, or name another directory in {ARCHIVE_VARIABLE}",
    )


def _check_space(
    layout: Layout,
    repository: Repository,
    snapshot: Snapshot,
    sums: dict[str, str],
    shared: list[tuple[str, str]],
) -> None:
    """Refuse to begin if the files alone would fill the disk."""
    with privileges.caller():
        needed = sum((snapshot.path / name).stat().st_size for name in sums)
        needed += sum(repository.shared_file(*one).stat().st_size for one in shared)
        place = next(path for path in (layout.path, *layout.path.parents) if path.exists())
        free = shutil.disk_usage(place).free
    if needed > free:
        raise BackupError(
            "there is not enough space to restore this backup",
            file=place,
            value=f"{free >> 20} MiB free",
            expected=f"{needed >> 20} MiB",
            remedy="free some space, or name another place in KM3VO_VAR; nothing was changed",
        )
