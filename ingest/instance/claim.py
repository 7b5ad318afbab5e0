"""Whether a database belongs to an instance, and whether this software may use it.

Both are found out before anything is changed.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Final

from ingest.core.files import read_regular
from ingest.instance.dachs import Dachs
from ingest.instance.layout import STATE_FORMAT, InstanceState, Layout, NewerError
from ingest.instance.postgres import Cluster, Owner, RefusedError
from ingest.instance.remote import RemoteCluster
from ingest.instance.site import load_site

_UPGRADES: Final = Path("/usr/lib/python3/dist-packages/gavo/user/upgrade.py")
"""DaCHS' module that states the version of its tables."""
_SCHEMA_VERSION: Final = re.compile(rb"(?m)^CURRENT_SCHEMAVERSION = (\d+)$")
_MOVE: Final = (
    "to move an instance: km3vo backup DIRECTORY with the former [database], then km3vo restore"
    " DIRECTORY --replace with the new one"
)


def new_identifier() -> str:
    """Return a random name for an instance."""
    return secrets.token_hex(8)


def meet(layout: Layout, cluster: RemoteCluster, web_port: int) -> InstanceState:
    """Wait for the server of a remote database, and check that the database is ours or missing.

    Parameters
    ----------
    layout : Layout
        The instance.
    cluster : RemoteCluster
        Its database.
    web_port : int
        The port of the web server for a new instance.

    Raises
    ------
    RefusedError
        If it is that of another instance, or the server is not suitable.
    InstanceError
        If the server does not answer.
    """
    state = InstanceState.read(layout) or InstanceState(cluster.port, web_port)
    if state.complete and not state.database_host:
        raise RefusedError(
            "the instance has a private database, and [database] names a server",
            file=layout.postgres,
            value=cluster.database.host,
            remedy=_MOVE,
        )
    cluster.meet(load_site())
    check_owner(cluster, state)
    state.identifier = state.identifier or new_identifier()
    state.database_host, state.postgres_port = cluster.database.host, cluster.port
    state.write(layout)
    return state


def check_owner(cluster: Cluster, state: InstanceState | None) -> Owner | None:
    """Return whose database it is, or None if there is none; refuse that of another instance."""
    owner = cluster.owner(state.postgres_port if state else 0)
    is_complete = state is not None and state.complete
    if owner is None and is_complete:
        raise RefusedError(
            "the server does not have the database of this instance",
            where=cluster.name,
            remedy="correct [database] host and port; if the database is lost: km3vo restore"
            " DIRECTORY --replace, or km3vo instance reset && make import",
        )
    if owner is not None and (state is None or owner.instance != (state.identifier or None)):
        raise RefusedError(
            "the server has a database gavo that does not belong to this instance",
            where=cluster.name,
            value=f"that of instance {owner.instance}" if owner.instance else "of unknown origin",
            expected="a server for this node only",
            remedy="correct [database] host and port, or KM3VO_VAR; if nobody needs the database,"
            " delete it on the server: DROP DATABASE gavo",
        )
    return owner


def refuse_private(layout: Layout, state: InstanceState | None) -> None:
    """Refuse to make a private database for an instance whose database is elsewhere."""
    if state is not None and state.complete and state.database_host:
        raise RefusedError(
            f"the database of the instance is at {state.database_host}, and [database] names no"
            " server",
            file=layout.state_file,
            remedy=f"set [database] host in the file that KM3VO_SITE names; {_MOVE}",
        )


def refuse_newer(layout: Layout, cluster: Cluster, state: InstanceState) -> None:
    """Refuse a database that newer software has changed.

    Raises
    ------
    NewerError
        If this software, or the installed DaCHS, is older than what used the database last.
    """
    owner = cluster.owner(state.postgres_port)
    if owner is None or not state.complete:
        return
    if owner.format > STATE_FORMAT:
        raise NewerError(
            f"the database was used by version {owner.software} of this software, which is newer",
            where=cluster.name,
            value=f"format {owner.format}",
            expected=f"format {STATE_FORMAT} or older",
            remedy="install that version again; or restore a backup that was made before:"
            " km3vo restore DIRECTORY --replace",
        )
    installed = Dachs(layout).version()
    if installed != state.dachs_version and _is_newer(layout, state.dachs_version, installed):
        raise _older_dachs(cluster, f"DaCHS {state.dachs_version}", f"DaCHS {installed}")
    known = _SCHEMA_VERSION.search(read_regular(_UPGRADES)) if _UPGRADES.exists() else None
    with cluster.connect(state.postgres_port) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('dc.metastore') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return
        cursor.execute("SELECT value FROM dc.metastore WHERE key = 'schemaversion'")
        found = cursor.fetchone()
    if found and known and int(found[0]) > int(known[1]):
        raise _older_dachs(
            cluster,
            f"tables of version {found[0]}",
            f"{known[1].decode()}, that of DaCHS {installed}",
        )


def _older_dachs(cluster: Cluster, found: str, expected: str) -> NewerError:
    return NewerError(
        "the database was used by a newer version of DaCHS than is installed",
        where=cluster.name,
        value=found,
        expected=f"{expected}, which is installed, or older",
        remedy="install the newer version of python3-gavo again; or restore a backup that was made"
        " before: km3vo restore DIRECTORY --replace",
    )


def _is_newer(layout: Layout, version: str, than: str) -> bool:
    compare = ("dpkg", "--compare-versions", version, "gt", than)
    return bool(version) and layout.account.run(compare, home=Path("/")).returncode == 0
