"""How far the standby of a remote database is behind, for status and doctor.

The server itself finds this out before each job: ``site/dachs/patches/replica.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg2

from ingest.core.errors import IngestError, in_one_line
from ingest.instance.remote import RemoteCluster

_PRIMARY = """
SELECT pg_current_wal_lsn()::text, clock_timestamp(),
    (SELECT system_identifier FROM pg_control_system())
"""
_STANDBY = """
SELECT pg_is_in_recovery(), (SELECT system_identifier FROM pg_control_system()) = %s,
    pg_last_wal_replay_lsn() >= %s::pg_lsn,
    extract(epoch FROM %s - pg_last_xact_replay_timestamp())
"""


@dataclass(frozen=True)
class Replica:
    """The state of a standby.

    Attributes
    ----------
    lag : float or None
        How far it is behind, in s: since the last transaction that it has, if it does not have all.
        None if it is not known.
    problem : str
        Why it cannot be used; empty if it can.
    """

    lag: float | None
    problem: str = ""


def look_at_replica(cluster: RemoteCluster) -> Replica | None:
    """Return the state of the standby; None if there is none.

    Raises
    ------
    IngestError
        If the primary does not answer.
    """
    if not cluster.database.replica:
        return None
    with cluster.connect(0, "postgres") as connection, connection.cursor() as cursor:
        cursor.execute(_PRIMARY)
        position, now, identifier = cursor.fetchone()
    host, _, port = cluster.database.replica.rpartition(":")
    place = {"host": host.strip("[]"), "port": int(port)}
    standby = RemoteCluster(cluster.layout, cluster.database.model_copy(update=place))
    try:
        with standby.connect(0, "postgres") as connection, connection.cursor() as cursor:
            cursor.execute(_STANDBY, [identifier, position, now])
            is_standby, is_same, is_complete, lag = cursor.fetchone()
    except (IngestError, psycopg2.Error) as error:
        return Replica(None, in_one_line(error))
    if not is_standby:
        return Replica(None, "it is no standby")
    if not is_same:
        return Replica(None, "it is the standby of another server")
    behind = 0.0 if is_complete else None if lag is None else max(0.0, float(lag))
    largest = cluster.database.replica_lag
    if behind is None or behind > largest:
        return Replica(behind, f"it is more than {largest} s behind")
    return Replica(behind)
