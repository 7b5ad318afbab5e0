"""Patches of ``dachs imp``."""

from gavo.base import macros
from gavo.imp import pyparsing
from gavo.utils import parsetricks


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
