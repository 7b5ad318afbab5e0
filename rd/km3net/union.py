"""The query behind the view km3net.events: the events of all releases that are online.

A column of a release's table goes into the common column that takes the same FITS column (see
``bulkload.py`` for the property ``fits``), whatever the two are called in the database. What a
release does not have in a column of its own, its table declares as SQL in a property named
``common_`` and the name of the common column::

    <property name="common_topology">'track'</property>

Every other common column is NULL for that release. Releases that are not public or that another
one supersedes are left out, as are tables with ``<property name="union">no</property>``, such as
catalogues of alerts, and an event of several releases is that of the newest one. This runs
in the Python of DaCHS.
"""

import glob
import os

from astropy.io import fits
from gavo import base
from gavo.utils import loadPythonModule

facts_of = loadPythonModule("facts", relativeTo=os.path.abspath(__file__))[0].facts_of


def statement(columns):
    """Return the SELECT statement for the events of all releases.

    Parameters
    ----------
    columns : iterable of gavo.rscdef.column.Column
        The common columns, in the order of the result.
    """
    columns = list(columns)
    try:
        return _statement(columns)
    except (OSError, base.RDNotFound):
        # The server reads this as well, and the directory may be exchanged meanwhile.
        return _statement(columns)


def _statement(columns):
    products = {}
    for path in sorted(glob.glob(os.path.join(base.getConfig("inputsDir"), "[a-z]*/data/*.fits"))):
        products.setdefault(path.split("/")[-3], path)
    tables = {release: base.caches.getRD(f"{release}/nu").getById("main") for release in products}
    tables = {
        release: table
        for release, table in tables.items()
        if table.adql
        and table.getProperty("superseded_by", None) is None
        and table.getProperty("union", "yes") == "yes"
    }
    facts = {release: facts_of(release) for release in tables}
    selects = [
        select(columns, table, label(release, products[release]))
        + without(table, [tables[newer] for newer in repeating(release, facts)])
        for release, table in tables.items()
    ]
    return " UNION ALL ".join(selects or [nothing(columns)])


def repeating(release, facts):
    """Return the releases that have events of a release and are newer."""

    def age(name):
        return facts[name].get("created", ""), name

    return [
        other
        for other in facts
        if (
            release in facts[other].get("repeats", ()) or other in facts[release].get("repeats", ())
        )
        and age(other) > age(release)
    ]


def without(table, newer):
    """Return a condition that leaves out the events that newer tables have as well."""
    conditions = [
        f"NOT EXISTS (SELECT FROM {one.getQName()} AS newer"
        f" WHERE newer.event_id = {table.getQName()}.event_id)"
        for one in newer
    ]
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def nothing(columns):
    """Return a SELECT statement without rows, for an instance without public releases."""
    fields = ", ".join(f"NULL::{one.type} AS {one.name}" for one in columns)
    return f"SELECT {fields} WHERE false"


def label(release, product):
    """Return a release's name as each of its rows shows it, marked if the data are simulated."""
    # A release is simulated as a whole or not at all, so one of its products is enough.
    return f"{release} (SIMULATED)" if fits.getval(product, "SIMULATE") else release


def select(columns, table, release):
    """Return the SELECT statement that maps one release's table to the common columns.

    Parameters
    ----------
    columns : list of gavo.rscdef.column.Column
        The common columns.
    table : gavo.rscdef.tabledef.TableDef
        The release's table.
    release : str
        What the column ``release`` shows.
    """
    sources = {_fits_name(column): str(column.name) for column in table}

    def expression(column):
        if column.name == "release":
            return f"'{release}'"
        source = table.getProperty(f"common_{column.name}", None) or sources.get(_fits_name(column))
        # Without a source, PostgreSQL refuses a column that no event may lack, by its name.
        return source or (str(column.name) if column.required else "NULL")

    fields = ", ".join(f"({expression(one)})::{one.type} AS {one.name}" for one in columns)
    return f"SELECT {fields} FROM {table.getQName()}"


def _fits_name(column):
    return column.getProperty("fits", str(column.name)).lower()
