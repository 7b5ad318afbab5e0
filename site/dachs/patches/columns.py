"""Patches of TAP: messages to those who ask for too much name the files with all rows.

This runs in the Python of DaCHS.
"""

import functools
import itertools
import re
import threading

import psycopg2
from gavo import base, svcs, votable
from gavo.base import sqlsupport
from gavo.protocols import taprunner

from .settings import settings

_TABLES = re.compile(r"\b(?:\w+\.main|km3net\.events)\b", re.IGNORECASE)
"""The tables whose rows are in files: those of the releases, and the view of all samples."""
_MOST = 4
"""Of how many tables in a query the files are looked for."""
_PARQUET = "application/vnd.apache.parquet"
_FILES = f"""
    SELECT accref, mime FROM km3net.observations
    WHERE release = %(release)s AND owner IS NULL AND mime IN ('{_PARQUET}', 'application/fits')
        AND product_type NOT IN ('hea-event-bundle', 'response-function')
    ORDER BY mime DESC, accref"""
_current = threading.local()


def point_to_files():
    """Let answers that a limit cut short say where all rows are, and errors about limits, too.

    For DaCHS 2.7 and 2.11.

    Who gets OVERFLOW, or an error because a query took too long, learns neither what the limits
    are nor what else there is. We suggest texts in both for each table, from its metadata.
    """
    run = taprunner.runTAPJobNoState

    @functools.wraps(run)
    def run_and_remember(parameters, *more, **named):
        _current.query = parameters.get("query") or ""
        return run(parameters, *more, **named)

    taprunner.runTAPJobNoState = run_and_remember
    map_errors = svcs.mapDBErrors

    @functools.wraps(map_errors)
    def map_errors_with_hint(kind, value, trace):
        try:
            map_errors(kind, value, trace)
        except base.ValidationError as error:
            if isinstance(value, sqlsupport.QueryCanceledError) and hasattr(_current, "query"):
                error.hint = f"{_times()} {files_with_all_rows()}".strip()
            raise

    svcs.mapDBErrors = map_errors_with_hint
    write = votable.OverflowElement.write

    @functools.wraps(write)
    def write_with_hint(self, stream):
        if self.rowLimit <= self.rowsDelivered:
            self.overflowStan[f"{_cut(self.rowLimit)} {files_with_all_rows()}".strip()]
        write(self, stream)

    votable.OverflowElement.write = write_with_hint


def files_with_all_rows(query=None):
    """Return where all rows of the tables in a query are; empty if no files have them.

    Parameters
    ----------
    query : str, optional
        The query in ADQL; by default the one that is being run.
    """
    if query is None:
        query = getattr(_current, "query", "")
    names = dict.fromkeys(found[0].lower() for found in _TABLES.finditer(query))
    sentences = []
    for name in itertools.islice(names, _MOST):
        try:
            sentences.append(_files_of(name))
        except psycopg2.Error:  # the database does not answer, or nothing is published
            break
    return " ".join(filter(None, sentences))


def _files_of(name):
    """Return where the rows of a table are."""
    release = name.removesuffix(".main")
    if release == name:
        return _page(name, "#download")
    with base.getTableConn() as connection:
        files = list(connection.queryToDicts(_FILES, {"release": release}))
    if not any(one["mime"] == _PARQUET for one in files):
        return ""
    if len(files) > 2:  # a file for each run
        return _page(name, f"{release}#downloads")
    addresses = [
        "{} ({})".format(
            base.makeAbsoluteURL(f"getproduct/{one['accref']}"),
            "Parquet" if one["mime"] == _PARQUET else "FITS",
        )
        for one in files
    ]
    return f"All rows of {name} are in a file that no limit holds for: {', '.join(addresses)}."


def _page(name, path):
    return (
        f"All rows of {name} are in files that no limit holds for:"
        f" {base.makeAbsoluteURL(path)} lists them."
    )


def _times():
    return (
        f"A synchronous query may take {settings('limits')['sync_time']} s, and an asynchronous"
        f" job {settings('jobs')['max_duration']} s."
    )


def _cut(rows):
    most = base.getConfig("async", "hardMAXREC")
    return f"There are more rows than these {rows}." + (
        f" MAXREC may be up to {most}." if rows < most else ""
    )
