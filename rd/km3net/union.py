"""The query behind the view km3net.events: the events of all releases that are online.

A column of a release's table goes into the common column that takes the same FITS column (see
``bulkload.py`` for the property ``fits``), whatever the two are called in the database. What a
release does not have in a column of its own, its table declares as SQL in a property named
``common_`` and the name of the common column::

    <property name="common_topology">'track'</property>

Every other common column is NULL for that release. Releases that are not public or that another
one supersedes are left out. This runs in the Python of DaCHS.
"""

import glob
import os

from astropy.io import fits
from gavo import base


def statement(columns):
    """Return the SELECT statement for the events of all releases.

    Parameters
    ----------
    columns : iterable of gavo.rscdef.column.Column
        The common columns, in the order of the result.
    """
    products = {}
    for path in sorted(glob.glob(os.path.join(base.getConfig("inputsDir"), "[a-z]*/data/*.fits"))):
        products.setdefault(path.split("/")[-3], path)
    columns = list(columns)
    tables = {release: base.caches.getRD(f"{release}/nu").getById("main") for release in products}
    selects = [
        select(columns, table, label(release, products[release]))
        for release, table in tables.items()
        if table.adql and table.getProperty("superseded_by", None) is None
    ]
    return " UNION ALL ".join(selects or [nothing(columns)])


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
