"""Several ``dachs`` commands in one database transaction that blocks no reader.

For DaCHS 2.7 and 2.11.

Its commands open connections and commit as they go along, ``dachs imp`` after each data element.
Readers then see tables, views, TAP_SCHEMA and registry records at different stages of an import.
DaCHS also drops a table before it fills the new one, which makes every reader wait until the
transaction ends. We suggest that ``dachs imp`` should do what this module does.

Here all commands share one connection, and nothing is committed before :meth:`Transaction.commit`.
Schemas whose tables are made again are set aside first: they get another name, and DaCHS creates
the schema afresh. PostgreSQL resolves names by what is committed, and renaming a schema locks none
of its tables. Readers therefore use the former tables until the commit, and the new ones after
it. What was set aside is deleted by ``retired.py`` in ``ingest``, when its last reader is gone.
"""

import contextlib
import functools

from gavo import api, base, rsc
from gavo.base import sqlsupport
from gavo.registry import publication
from gavo.user import importing

LOCK = 0x6B6D33
"""The advisory lock that a transaction holds; see ``switch.py`` in ``ingest``."""
OBSCORE = "ivoa"
"""The schema of ObsCore. Its view names the tables of many others."""

_MODULES = (api, base, sqlsupport)
_POOLS = [
    f"get{writable}{profile}Conn"
    for writable in ("", "Writable")
    for profile in ("Untrusted", "Table", "Admin")
]
_MANAGED = ("commit", "rollback", "close", "set_session", "set_isolation_level")
"""What DaCHS does with its connections, and must not do with the shared one."""


class Transaction:
    """The connection that all commands use from now on.

    An error in it that DaCHS ignores is found at the commit, which then fails.
    """

    def __init__(self):
        self.connect = sqlsupport.getDBConnection
        self.connection = self.connect("admin")
        for name in _MANAGED:
            setattr(self.connection, name, lambda *args, **more: None)
        self.changed = set()
        self.vacuum = importing.TableCollector.vacuumAll
        self.connection.execute("SELECT pg_advisory_xact_lock(%(lock)s)", {"lock": LOCK})
        self._share()

    def _share(self):
        @contextlib.contextmanager
        def shared():
            yield self.connection

        for module in _MODULES:
            module.getDBConnection = lambda *args, **more: self.connection
            for name in _POOLS:
                setattr(module, name, shared)

        # By default, "dachs pub" reports a service that it leaves out, and exits with 0.
        publication.updateServiceList = functools.partial(
            publication.updateServiceList, onlyWarn=False
        )
        # VACUUM is not possible in a transaction.
        importing.TableCollector.vacuumAll = lambda collector: self.changed.update(
            collector.tablesChanged
        )

    def set_aside(self, *schemas):
        """Rename schemas, so that DaCHS makes their tables again without touching the old ones."""
        execute = self.connection.execute
        for schema in schemas:
            if self._exists(schema):
                execute(f"ALTER SCHEMA {schema} RENAME TO {self._retired(schema)}")
        # DaCHS deletes these when it drops their table, which it does not do here.
        execute(
            "DELETE FROM dc.products WHERE split_part(sourcetable, '.', 1) IN %(schemas)s",
            {"schemas": schemas},
        )
        if OBSCORE in schemas and self._exists(self._retired(OBSCORE)):
            self._make_obscore(schemas)

    def _make_obscore(self, schemas):
        """Make ObsCore again, without the tables of the schemas that were set aside."""
        execute = self.connection.execute
        execute(f"CREATE SCHEMA {OBSCORE}")
        # Only DaCHS reads this table. It holds the parts of the view.
        execute(f"ALTER TABLE {self._retired(OBSCORE)}._obscoresources SET SCHEMA {OBSCORE}")
        execute(
            f"DELETE FROM {OBSCORE}._obscoresources"
            " WHERE split_part(tablename, '.', 1) IN %(schemas)s",
            {"schemas": schemas},
        )
        descriptor = base.caches.getRD("//obscore")
        empty = descriptor.getById("emptyobscore")
        rsc.TableForDef(empty, connection=self.connection, create=True).importFinished(0)
        rsc.makeData(descriptor.getById("create"), connection=self.connection)

    def _retired(self, schema):
        ((number,),) = self.connection.query("SELECT txid_current()")
        return f"retired_{number}_{schema}"

    def _exists(self, schema):
        return sqlsupport.UnmanagedQuerier(self.connection).schemaExists(schema)

    def expect(self, name, rows):
        """Fail unless a table has this number of rows."""
        ((found,),) = self.connection.query(f"SELECT count(*) FROM {name}")
        if found != int(rows):
            raise SystemExit(
                f"*** Error: {name} does not hold all rows: found {found}, expected {rows}."
                " Import again; if this persists, the disk or the database is damaged."
            )

    def commit(self):
        """Make all changes visible at once."""
        try:
            self.connection.execute("SELECT 1")
        except base.DBError as error:
            # PostgreSQL would roll back without complaint.
            raise SystemExit(f"*** Error: an error of the database was ignored: {error}") from None
        type(self.connection).commit(self.connection)

    def tidy(self):
        """Update the statistics of the tables that were not made again."""
        for module in _MODULES:
            module.getDBConnection = self.connect
        collector = type("Changed", (), {"tablesChanged": sorted(self.changed)})
        try:
            self.vacuum(collector)
        except base.DBError as error:  # autovacuum will do it
            print(f"VACUUM failed: {error}")
