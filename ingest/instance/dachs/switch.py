"""The switch from what is served to what is staged: tables and files, or neither.

DaCHS makes tables and records in one transaction, see ``site/dachs/transaction.py``, while the
former ones are served. Two steps in immediate succession then bring the new ones online: the
commit, and the exchange of the inputs directory. A file in the staged directory records what the
commit will change. After an interruption it shows whether the commit was reached:
:func:`recover` then completes the switch, or discards what was staged.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress

from ingest.core.errors import InstanceError
from ingest.core.files import atomic_write, read_regular
from ingest.instance.dachs import deploy, retired
from ingest.instance.dachs.client import Dachs
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster

OBSCORE = "ivoa"
"""The schema of ObsCore: it names tables of all others, so it is always made again with them."""
_MARK = ".switch.json"
_LOCK = 0x6B6D33  # as in site/dachs/transaction.py


def bring_online(
    layout: Layout,
    state: InstanceState,
    schemas: Sequence[str],
    *commands: Sequence[str],
    **options: str,
) -> None:
    """Bring the staged directory online, with tables that commands make from it.

    Parameters
    ----------
    layout, state : Layout, InstanceState
        The instance, locked; its database must be running.
    schemas : sequence of str
        The schemas whose tables the commands make again. What they do not make is gone then.
    *commands : sequence of str
        The arguments of each ``dachs`` command.
    **options : str
        As for :meth:`.Dachs.run_batch`.

    Raises
    ------
    ingest.core.errors.ImportFailedError
        If DaCHS fails; nothing that is served has changed then.
    """
    mark = {"before": _generation(layout, state)}
    with atomic_write(layout.staged / _MARK) as stream:
        stream.write(json.dumps(mark).encode())
    set_aside = ["set-aside", *schemas, OBSCORE]
    try:
        Dachs(layout).run_batch(set_aside, *commands, staged=True, **options)
    except BaseException:
        # Without a database nothing is served; the next command does this then.
        with suppress(InstanceError):
            recover(layout, state)
        raise
    recover(layout, state)


def recover(layout: Layout, state: InstanceState) -> None:
    """Complete an interrupted switch if its tables are online, or discard what was staged."""
    if layout.staged.exists():
        _end_transaction(layout, state)
    if (staged := layout.staged / _MARK).exists() and (
        json.loads(read_regular(staged))["before"] != _generation(layout, state)
    ):
        Dachs(layout).exchange()
    served = layout.inputs / _MARK
    if served.exists():
        deploy.discard(layout)
        served.unlink()
    deploy.discard(layout)
    retired.drop(layout, state)


def _generation(layout: Layout, state: InstanceState) -> int | None:
    """Return a number that each switch changes: PostgreSQL's id of the schema of ObsCore."""
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT to_regnamespace(%s)::oid::bigint", [OBSCORE])
        found = cursor.fetchone()[0]
        return None if found is None else int(found)


def _end_transaction(layout: Layout, state: InstanceState) -> None:
    """Make sure that no transaction of a killed command is still running."""
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks"
            " WHERE locktype = 'advisory' AND granted AND objid = %s",
            [_LOCK],
        )
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
