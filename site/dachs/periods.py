"""The table of one period of a release: made aside, before anything that is served refers to it.

A release whose events come in periods has a view ``main`` over one table for each, in the schema
``<release>_periods``; see ``periods.py`` in ``ingest/instance/dachs``, which runs this, in several
processes at once. Columns, primary key and indices are those that the descriptor declares for
``main``, except for computed columns, which the view computes: an index of one is an index of its
expression. This runs in the Python of DaCHS.
"""

import os
import re

from gavo import base
from gavo.utils import loadPythonModule


def load(release, table, rows, begin, end, *paths):
    """Make and fill the table of a period, in one transaction; one that exists is complete.

    Parameters
    ----------
    release : str
        The release, whose descriptor is in the inputs directory.
    table : str
        The name of the table.
    rows, begin, end : str
        The expected number of rows, and the times (MJD) of the first and the last event.
    *paths : str
        Its event lists, relative to the inputs directory.
    """
    inputs = base.getConfig("inputsDir")
    bulkload, _ = loadPythonModule(os.path.join(inputs, "km3net", "bulkload"))
    definition = base.caches.getRD(f"{release}/nu").getById("main")
    name = f"{release}_periods.{table}"
    with base.getWritableAdminConn() as connection:
        ((found,),) = connection.query("SELECT to_regclass(%(name)s)", {"name": name})
        if found is not None:
            return
        stored, computed = bulkload.divided(definition)
        columns = ", ".join(one.getDDL() for one in stored)
        connection.execute(
            f"CREATE TABLE {name} ({columns},"
            f" CHECK (mjd >= {float(begin)!r} AND mjd <= {float(end)!r}))"
        )
        files = [os.path.join(inputs, one) for one in paths]
        bulkload.copy(connection, name, bulkload.rows_of(definition, files), is_new=True)
        ((loaded,),) = connection.query(f"SELECT count(*) FROM {name}")
        if loaded != int(rows):
            raise base.ReportableError(
                f"{name} does not hold all rows: found {loaded}, expected {rows}"
            )
        memory = base.getConfig("db", "indexworkmem")
        connection.execute(f"SET LOCAL maintenance_work_mem = '{memory}MB'")
        if definition.primary:
            connection.execute(
                f"ALTER TABLE {name} ADD PRIMARY KEY ({', '.join(definition.primary)})"
            )
        for index in definition.indices:
            using = f" USING {index.method}" if index.method else ""
            expression = definition.expand(index.content_)
            for one in computed:
                value = f"(CAST({one.getProperty('computed')} AS {one.type}))"
                expression = re.sub(rf"\b{one.name}\b", lambda _, new=value: new, expression)
            connection.execute(f"CREATE INDEX ON {name}{using} ({expression})")
        connection.execute(f"ANALYZE {name}")
