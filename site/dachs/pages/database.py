"""Queries of pages. They have the rights of visitors, and little time.

This runs in the Python of DaCHS.
"""

import psycopg2
from gavo import base
from patches.database import is_away

_SECONDS = 10
"""The time for one query; a page that needs more says so."""


class Unavailable(Exception):
    """The database does not answer, or not in time."""


class NotOnline(Unavailable):
    """There is no such table: the node has no data of this kind, or an import replaces them."""


def rows(query, parameters=None, seconds=_SECONDS):
    """Run a query and return its rows.

    Parameters
    ----------
    query : str
        SQL, with ``%(name)s`` for each parameter.
    parameters : dict, optional
        The values of the parameters.
    seconds : float, optional
        The time after which the query is ended.

    Returns
    -------
    list of dict
        The rows by the names of the columns.

    Raises
    ------
    Unavailable
        If the database does not answer in time.
    NotOnline
        If it has no such table.
    """
    try:
        with base.getUntrustedConn() as connection:
            connection.execute(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
            return list(connection.queryToDicts(query, parameters or {}))
    except psycopg2.extensions.QueryCanceledError:
        raise Unavailable("The database took too long to answer.") from None
    except (psycopg2.errors.UndefinedTable, psycopg2.errors.InvalidSchemaName):
        raise NotOnline("These data are not online at the moment.") from None
    except (psycopg2.Error, base.Error) as problem:
        if isinstance(problem, psycopg2.OperationalError) or is_away(problem):
            raise Unavailable("The database is not available at the moment.") from None
        raise


def rows_if_online(query, parameters=None):
    """Run a query as :func:`rows` does; there are no rows if there is no such table."""
    try:
        return rows(query, parameters)
    except NotOnline:
        return []


def row(query, parameters=None, seconds=_SECONDS):
    """Run a query as :func:`rows` does, and return the first row, or None."""
    found = rows(query, parameters, seconds)
    return found[0] if found else None
