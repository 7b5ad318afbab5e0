"""Telling DaCHS' publishing registry what is there, and what is there no longer.

Registries harvest what changed since they came last. A resource that is gone therefore stays
in DaCHS' tables with a mark, and is told as deleted; one that is just missing would be found
by astronomers for ever.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence

from ingest.core.errors import InstanceError, ManifestError
from ingest.instance.dachs import deploy
from ingest.instance.dachs.client import Dachs
from ingest.instance.dachs.publication import JOINING, join, raise_on_failure
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster

SYSTEM = ("//services", "//tap")
"""DaCHS' own descriptors with the records of registry, authority, organisation and TAP."""

_STAYING = (deploy.SHARED, "alerts")
"""Folders that are no releases, and never go away."""


def register(layout: Layout, descriptors: Sequence[str]) -> None:
    """Bring the registry up to date with what is deployed.

    Parameters
    ----------
    layout : Layout
        The instance, locked; its database must run.
    descriptors : sequence of str
        DaCHS' ids of the descriptors of releases and what joins them.

    Raises
    ------
    ingest.core.errors.ImportFailedError
        If DaCHS could not make a record.
    """
    dachs = Dachs(layout)
    releases = [one for one in descriptors if one not in JOINING]
    # Not of columns: see publication.py. A descriptor without tables has no limits.
    limits = [["limits", "--tables-only", one] for one in releases]
    raise_on_failure(dachs.together(*limits, ["pub", *SYSTEM, *descriptors]))
    dachs.reload()


def online_releases(layout: Layout) -> list[str]:
    """Return the folders of the releases that have products online."""
    folders = {path.parent.name for path in layout.inputs.glob("[a-z]*/data") if path.is_dir()}
    return sorted(folders - set(_STAYING))


def withdraw(release: str, layout: Layout, state: InstanceState) -> list[str]:
    """Take a release offline, and leave deletion records for the registries.

    Table, products and descriptor go away; the working tree is not touched. What was cut off
    is finished by doing it again.

    Parameters
    ----------
    release : str
        The release's folder.
    layout, state : Layout, InstanceState
        The instance, locked; its database must run.

    Returns
    -------
    list of str
        The identifiers that registries are told to be gone.

    Raises
    ------
    ingest.core.errors.ManifestError
        If there is no such release online, nor a record of it.
    ingest.core.errors.ImportFailedError
        If DaCHS could not do it.
    """
    is_name = re.fullmatch(r"[a-z][a-z0-9_]*", release) is not None and release not in _STAYING
    known = _records(release, layout, state) if is_name else []
    folder = layout.inputs / release
    if not is_name or not (folder.exists() or known):
        raise ManifestError(
            "there is no such release online",
            value=release,
            expected=f"one of {', '.join(online_releases(layout)) or 'none, since nothing is'}",
            remedy="correct the name",
        )
    dachs = Dachs(layout)
    for path in sorted(folder.glob("*.rd")):
        descriptor = f"{release}/{path.stem}"
        # First the record, by itself: dropping alone leaves the date as it was, and harvesters
        # that ask for what is new would never learn of it.
        raise_on_failure(dachs.together(["pub", "--unpublish", descriptor]))
        raise_on_failure(dachs.together(["drop", descriptor]))
    _clear_up(release, layout, state)
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise InstanceError("the folder cannot be removed", where=str(folder))
    join(dachs)
    if online_releases(layout):
        raise_on_failure(dachs.together(["pub", *JOINING, "//tap"]))
    dachs.reload()
    return sorted(known)


def _records(release: str, layout: Layout, state: InstanceState) -> list[str]:
    """Return the identifiers of all resources a release ever had in the registry."""
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT DISTINCT r.ivoid FROM dc.resources AS r JOIN dc.sets AS s"
            " ON r.sourcerd = s.sourcerd AND r.resid = s.resid"
            " WHERE split_part(r.sourcerd, '/', 1) = %s AND s.setname = 'ivo_managed'",
            [release],
        )
        return [str(row[0]) for row in cursor.fetchall()]


def _clear_up(release: str, layout: Layout, state: InstanceState) -> None:
    """Do the same for what comes from descriptors that are lost, as DaCHS itself cannot."""
    mine = "split_part(sourcerd, '/', 1) = %s"
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "UPDATE dc.resources SET deleted = true, rectimestamp = now() AT TIME ZONE 'UTC'"
            f" WHERE {mine} AND NOT deleted",
            [release],
        )
        cursor.execute(f"UPDATE dc.sets SET deleted = true WHERE {mine}", [release])
        for table in ("interfaces", "subjects", "authors"):
            cursor.execute(f"DELETE FROM dc.{table} WHERE {mine}", [release])
        cursor.execute(f"SELECT tablename FROM dc.tablemeta WHERE {mine}", [release])
        tables = [str(row[0]) for row in cursor.fetchall()]
        connection.commit()
    if tables:
        raise_on_failure(Dachs(layout).together(["purge", *tables]))
