"""Patches of ``dachs imp``."""

import functools

from gavo import base
from gavo.base import macros
from gavo.imp import pyparsing
from gavo.protocols import tap
from gavo.utils import parsetricks

_TAP_SCHEMA = ("key_columns", "keys", "columns", "groups", "supportedmodels", "tables")


def expand_macros_at_backslashes():
    """Let DaCHS look for macros only where a text has a backslash.

    For DaCHS 2.7 and 2.11.

    ``MacroExpander.expand`` tries its grammar at each character of each text, such as the code of
    a mixin. This takes a third of the time of ``dachs imp`` and ``dachs pub``. All alternatives
    of the grammar begin with a backslash, so we suggest to try it only there; the result is the
    same.
    """
    macros.MacroExpander.expand = _expand


def _expand(self, text):
    """Replace the macros in a text."""
    parts, done, place = [], 0, text.find("\\")
    with parsetricks._PYPARSE_LOCK:
        # as scanString does: what is cached belongs to another text
        pyparsing.ParserElement.resetCache()
        while place >= 0:
            try:
                end, found = self._macroGrammar._parse(text, place, callPreParse=False)
            except pyparsing.ParseException:
                end = place + 1
            else:
                parts += [text[done:place], *map(str, found)]
                done = end
            place = text.find("\\", end)
    return "".join([*parts, text[done:]])


def forget_tables_that_left_tap():
    """Let ``dachs imp`` delete a descriptor's rows in TAP_SCHEMA also when it has no more to add.

    For DaCHS 2.7 and 2.11.

    ``unpublishFromTAP`` does nothing for a descriptor in which no table has ``adql`` any more, so
    TAP_SCHEMA goes on to describe tables that became private, with their numbers of rows. We
    suggest to delete the rows of the descriptor in any case.
    """
    unpublish = tap.unpublishFromTAP

    @functools.wraps(unpublish)
    def unpublish_all(rd, connection):
        unpublish(rd, connection)
        exists = base.UnmanagedQuerier(connection).getTableType("tap_schema.tables") is not None
        if rd.sourceId == tap.RD_ID or not exists:
            return
        for name in _TAP_SCHEMA:
            connection.execute(
                f"DELETE FROM tap_schema.{name} WHERE sourcerd = %(id)s", {"id": rd.sourceId}
            )
        connection.execute(
            "DELETE FROM tap_schema.schemas AS s WHERE NOT EXISTS"
            " (SELECT FROM tap_schema.tables AS t WHERE t.schema_name = s.schema_name)"
        )

    tap.unpublishFromTAP = unpublish_all
