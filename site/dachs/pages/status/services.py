"""Requests to our own services, as visitors send them. This runs in the Python of DaCHS."""

import csv
import functools
import http.client
import io
import time
import tomllib
import urllib.parse
from pathlib import Path

from gavo import base
from patches.availability import database_answers

from ..releases import releases
from ..visits import Visit

_TIMEOUT = 10
_LONGEST_COUNT = 60
"""How long to wait for an answer, and for the numbers of rows of all tables, in s."""
_TAP = "/tap/sync"
_ANY_TABLE = "SELECT TOP 1 table_name FROM tap_schema.tables"
_CONE = "/km3net/nu/cone/scs.xml?RA=0&DEC=-60&SR=0.1"
_OK = b'name="QUERY_STATUS" value="OK"'
_QUERIES = Path(__file__).with_name("hea_queries.toml")
_SHOWN_ROWS = 4


class Failed(Exception):
    """A service gives no answer, or a wrong one."""


def availability():
    """Return which services answer.

    Returns
    -------
    list of dict
        Name, whether it is available, the time of the answer in ms, and the problem, if any.
    """
    return [
        _attempt("Database", _ask_database),
        _attempt("TAP", functools.partial(query, _ANY_TABLE)),
        _attempt("Cone search", _ask_cone_search),
    ]


def _attempt(name, ask):
    start, problem = time.monotonic(), ""
    try:
        ask()
    except Failed as error:
        problem = str(error)
    milliseconds = round(1000 * (time.monotonic() - start), 1)
    return {"name": name, "available": not problem, "ms": milliseconds, "problem": problem}


def _ask_database():
    if not database_answers():
        raise Failed("The database does not answer.")


def _ask_cone_search():
    if _OK not in _get(_CONE):
        raise Failed("The answer is not the expected one.")


def query(adql, timeout=_TIMEOUT):
    """Send a query to our TAP service, and return the rows.

    Raises
    ------
    Failed
        If there is no answer.
    """
    sent = {"LANG": "ADQL", "FORMAT": "csv", "QUERY": adql}
    text = _get(f"{_TAP}?{urllib.parse.urlencode(sent)}", timeout).decode()
    if text.startswith("<"):
        raise Failed("The service refused the query.")
    return list(csv.DictReader(io.StringIO(text)))


def high_energy_queries():
    """Return the queries of the draft of ObsCore's extension for high energies, and answers.

    Returns
    -------
    list of dict
        ``title``, ``note``, ``adql``, the number of ``rows``, the first of them as ``sample``, and
        the time of the answer in ``ms``.
    """
    return [_answered(one) for one in listed_queries()]


@functools.cache
def listed_queries():
    """Return the queries in ``hea_queries.toml``."""
    return tomllib.loads(_QUERIES.read_text("utf-8"))["query"]


def _answered(listed):
    start = time.monotonic()
    adql = " ".join(listed["adql"].split())
    rows = query(adql)
    return {
        "title": listed["title"],
        "note": " ".join(listed["note"].split()),
        "adql": listed["adql"].strip(),
        "address": f"{_TAP}?{urllib.parse.urlencode({'LANG': 'ADQL', 'QUERY': adql})}",
        "rows": len(rows),
        "sample": [{name: row[name] for name in listed["show"]} for row in rows[:_SHOWN_ROWS]],
        "ms": round(1000 * (time.monotonic() - start), 1),
    }


def table_sizes():
    """Return the names of the published tables, and the numbers of their rows.

    Views are left out, because they only show rows of these tables.
    """
    closed = {one.name for one in releases(Visit("status")) if one.is_closed}
    names = [
        one
        for one in query(
            "SELECT schema_name, table_name, description FROM tap_schema.tables"
            " WHERE table_type = 'table' AND schema_name <> 'tap_schema' ORDER BY table_name"
        )
        if one["schema_name"] not in closed
    ]
    counts = " UNION ALL ".join(
        f"SELECT '{one['table_name']}' AS name, COUNT(*) AS n FROM {one['table_name']}"
        for one in names
    )
    found = query(counts, _LONGEST_COUNT) if names else []
    numbers = {one["name"]: int(one["n"]) for one in found}
    return [
        {
            "name": one["table_name"],
            "description": one["description"],
            "rows": numbers[one["table_name"]],
        }
        for one in names
    ]


def _get(address, timeout=_TIMEOUT):
    host = base.getConfig("web", "bindAddress")
    host = "127.0.0.1" if host in ("", "0.0.0.0", "::") else host
    connection = http.client.HTTPConnection(
        host, base.getConfig("web", "serverPort"), timeout=timeout
    )
    try:
        connection.request("GET", address)
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, http.client.HTTPException):
        raise Failed(f"No answer within {timeout} s.") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise Failed(f"The service answers with the status {answer.status}.")
    return content
