"""Records of resources in DaCHS' publishing registry, and their deletion.

Registries harvest the records that have changed since their last visit. A withdrawn resource
therefore needs a deletion record: if its record simply disappeared, searchable registries would
keep the old one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingest.core.errors import ManifestError
from ingest.instance.dachs import deploy
from ingest.instance.dachs.client import Dachs
from ingest.instance.dachs.combined import RESPONSES_FACTS
from ingest.instance.dachs.periods import drop_unused
from ingest.instance.dachs.publication import (
    COMBINED,
    COMBINED_DESCRIPTORS,
    COMBINED_SCHEMAS,
    COMBINED_TABLES,
)
from ingest.instance.dachs.switch import bring_online, recover
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster

SYSTEM = ("//services", "//tap")
"""DaCHS' own descriptors with the records of registry, authority, organisation and TAP service."""

_PERMANENT = (deploy.SHARED, deploy.RESPONSES, "alerts")
"""Folders that are not releases and cannot be withdrawn."""
_OF_RELEASE = "split_part(sourcerd, '/', 1) = %s"


def register(layout: Layout, descriptors: Sequence[str]) -> None:
    """Publish the records of deployed descriptors, with their coverage.

    Parameters
    ----------
    layout : Layout
        The instance, locked; its database must be running.
    descriptors : sequence of str
        DaCHS' ids of the descriptors of releases and combined tables.

    Raises
    ------
    ingest.core.errors.ImportFailedError
        If DaCHS cannot create a record.
    """
    dachs = Dachs(layout)
    releases = [one for one in descriptors if one not in COMBINED_DESCRIPTORS]
    # Tables only: see publication.py. Descriptors without tables have no limits.
    limits = [["limits", "--tables-only", one] for one in releases]
    dachs.run_batch(*limits, ["pub", *SYSTEM, *descriptors])
    dachs.reload()


def online_releases(layout: Layout) -> list[str]:
    """Return the folders of the releases of events that have products online."""
    folders = {path.parent.name for path in layout.inputs.glob("[a-z]*/data") if path.is_dir()}
    return sorted(folders.difference(_PERMANENT, online_responses(layout)))


def online_responses(layout: Layout) -> list[str]:
    """Return the folders of the releases of responses that are online."""
    return sorted(path.parent.name for path in layout.inputs.glob(f"[a-z]*/{RESPONSES_FACTS}"))


def withdraw(
    release: str, layout: Layout, state: InstanceState, others: Sequence[deploy.Deployment] = ()
) -> list[str]:
    """Take a release offline, and publish deletion records for the registries.

    The table, the products and the deployed descriptor are deleted; the working tree is not
    changed. An interrupted withdrawal is completed by calling this function again.

    Parameters
    ----------
    release : str
        The release's folder.
    layout, state : Layout, InstanceState
        The instance, locked; its database must be running.
    others : sequence of Deployment
        Releases whose descriptions change with it.

    Returns
    -------
    list of str
        The identifiers of the deletion records.

    Raises
    ------
    ingest.core.errors.ManifestError
        If the release is neither online nor has a record.
    ingest.core.errors.ImportFailedError
        If DaCHS fails.
    """
    is_name = re.fullmatch(r"[a-z][a-z0-9_]*", release) is not None and release not in _PERMANENT
    known = _records(release, layout, state) if is_name else []
    folder = layout.inputs / release
    if not is_name or not (folder.exists() or known):
        raise ManifestError(
            "there is no such release online",
            value=release,
            expected=f"one of {', '.join(online)}" if (online := _online(layout)) else None,
            remedy="correct the name",
        )
    recover(layout, state)
    descriptors = [f"{release}/{path.stem}" for path in sorted(folder.glob("*.rd"))]
    tables = _tables(release, layout, state)
    deploy.stage_without_products(layout, release, others)
    changed = [f"{one.folder}/nu" for one in others]
    commands = [["imp", "-m", descriptor] for descriptor in changed]
    for descriptor in descriptors:
        # In two steps: "drop" alone does not change the date of the record, and harvesters that
        # ask for changes would not receive the deletion.
        commands += [["pub", "--unpublish", descriptor], ["drop", descriptor]]
    if set(_online(layout)) - {release}:
        commands += [*COMBINED, ["pub", *changed, *COMBINED_DESCRIPTORS, "//tap"]]
    else:
        tables += [*COMBINED_TABLES, *_tables(deploy.RESPONSES, layout, state)]
    if tables:
        # "drop" forgets only tables that have not been set aside.
        commands.append(["purge", *tables])
    if folder.exists():
        commands.append(["leave-out", release])
    bring_online(layout, state, [release, *COMBINED_SCHEMAS], *commands)
    _delete_remains(release, layout, state)
    drop_unused(layout, state, release)
    return sorted(known)


def _online(layout: Layout) -> list[str]:
    return sorted({*online_releases(layout), *online_responses(layout)})


def _records(release: str, layout: Layout, state: InstanceState) -> list[str]:
    """Return the identifiers of all records that a release ever had in the registry."""
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT DISTINCT r.ivoid FROM dc.resources AS r JOIN dc.sets AS s"
            " ON r.sourcerd = s.sourcerd AND r.resid = s.resid"
            " WHERE split_part(r.sourcerd, '/', 1) = %s AND s.setname = 'ivo_managed'",
            [release],
        )
        return [str(row[0]) for row in cursor.fetchall()]


def _tables(release: str, layout: Layout, state: InstanceState) -> list[str]:
    """Return the tables of a release, also of lost descriptors."""
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute(
            f"SELECT tablename FROM dc.tablemeta WHERE {_OF_RELEASE} ORDER BY 1", [release]
        )
        return [str(row[0]) for row in cursor.fetchall()]


def _delete_remains(release: str, layout: Layout, state: InstanceState) -> None:
    """Withdraw resources whose descriptors are lost, which DaCHS cannot do."""
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "UPDATE dc.resources SET deleted = true, rectimestamp = now() AT TIME ZONE 'UTC'"
            f" WHERE {_OF_RELEASE} AND NOT deleted",
            [release],
        )
        cursor.execute(f"UPDATE dc.sets SET deleted = true WHERE {_OF_RELEASE}", [release])
        for table in ("interfaces", "subjects", "authors"):
            cursor.execute(f"DELETE FROM dc.{table} WHERE {_OF_RELEASE}", [release])
        connection.commit()
