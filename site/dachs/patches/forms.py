"""Patches of DaCHS' parameters of forms."""

import re

from gavo.svcs import common

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def sort_by_identifiers():
    """Let DaCHS sort only by what can be the name of a column.

    For DaCHS 2.7 and 2.11.

    ``QueryMeta.asSQL`` removes some characters from the parameter ``_DBOPTIONS_ORDER``, but not
    double quotes, and so one of them leads to a syntax error of PostgreSQL. We suggest to compare
    with the columns of the table. Here other keys are ignored.
    """
    if common.QueryMeta.asSQL.__name__ != "_as_sql":
        common.QueryMeta.asSQL = _with_identifiers(common.QueryMeta.asSQL)


def _with_identifiers(as_sql):
    def _as_sql(self):
        keys = self["dbSortKeys"] or []
        self["dbSortKeys"] = [key for key in keys if _IDENTIFIER.fullmatch(key)]
        return as_sql(self)

    return _as_sql
