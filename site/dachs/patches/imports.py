"""Patches of ``dachs imp``."""

from gavo import api
from gavo.base import macros
from gavo.imp import pyparsing
from gavo.rsc import data
from gavo.utils import parsetricks


def import_in_one_transaction():
    """Let ``dachs imp`` commit once, when all data elements of a descriptor have been made.

    For DaCHS 2.7.

    ``dachs imp`` commits after each data element, and again when it takes a table out of ObsCore.
    If a later element fails, its predecessors' new tables are online beside its own old table,
    and the resource is missing from ObsCore. We suggest that ``gavo.user.importing.process``
    hands a connection to ``makeData`` that is committed only after the loop over the data
    elements, perhaps on request (``dachs imp --atomic``). Readers then see either the former
    state or the new one.
    """
    api.makeData = _make_data


def _make_data(dd, connection, **more):
    """Make a data element and leave the commit to the end of ``dachs imp``."""
    connection.commit = lambda: None
    try:
        return data.makeData(dd, connection=connection, **more)
    finally:
        del connection.commit


def expand_macros_at_backslashes():
    """Let DaCHS look for macros only where a text has a backslash.

    For DaCHS 2.7.

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
