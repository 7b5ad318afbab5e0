"""Patches of DaCHS' translation of ADQL."""

import inspect

from gavo.adql import grammar, nodes
from gavo.protocols import adqlglue
from gavo.utils import parsetricks

STRING_LITERAL = "'[^']*(?:''[^']*)*'"
DELIMITED_IDENTIFIER = '"(?:[^"]|"")+"'
_DELIMITED_OR_EMPTY = '("[^"]*")+'
"""DaCHS' pattern of delimited identifiers."""


def read_string_literals_as_the_standard_does():
    """Let DaCHS read a string literal as ADQL defines it.

    For DaCHS 2.7; 2.11 and 2.13 have the same line.

    ``gavo.adql.grammar`` uses pyparsing's ``sglQuotedString``, which is made for programming
    languages: it gives a backslash a meaning and does not continue over the end of a line. In
    ADQL and in PostgreSQL a backslash and a newline are characters like any others, and only
    ``''`` stands for a quote. We suggest ``Regex("'[^']*(?:''[^']*)*'")``.
    """
    with parsetricks.pyparsingWhitechars("\n\t\r "):
        literal = parsetricks.Regex(STRING_LITERAL)
    literal.setName("string literal")
    grammar.sglQuotedString = literal
    _forget_grammars()


def accept_the_standard_inequality():
    """Let DaCHS understand ``<>``.

    For DaCHS 2.7.

    ``compOp`` of the grammar has ``!=`` but not ``<>``, which is the operator of ADQL's grammar.
    We suggest to add it there, and to turn it into ``!=`` by a parse action, since the code that
    recognises ``CONTAINS(...) != 1`` compares with that spelling. The grammar also takes ``""``
    for a delimited identifier, which the standard does not have; PostgreSQL then refuses the query.
    """
    if getattr(grammar.Regex, "__name__", "") != "_regex":
        grammar.Regex = _regex
        _forget_grammars()


def _regex(pattern, *more, **options):
    """Make a Regex for the grammar; that of operators knows ``<>``, no identifier is empty."""
    if pattern == _DELIMITED_OR_EMPTY:
        return parsetricks.Regex(DELIMITED_IDENTIFIER, *more, **options)
    operators = pattern.split("|")
    if "!=" not in operators or "<>" in operators:
        return parsetricks.Regex(pattern, *more, **options)
    operator = parsetricks.Regex(f"<>|{pattern}", *more, **options)
    return operator.setParseAction(lambda text, place, found: found[0].replace("<>", "!="))


def keep_tabs():
    """Let DaCHS keep the tabs in string literals and delimited identifiers.

    For DaCHS 2.7.

    pyparsing replaces tabs by spaces before it parses, also within quotes. We suggest to call
    ``parseWithTabs`` on the statement in ``getADQLGrammarCopy``.
    """
    if grammar.getADQLGrammarCopy.__name__ != "_make_grammar":
        grammar.getADQLGrammarCopy = _keep_tabs(grammar.getADQLGrammarCopy)
        _forget_grammars()


def _keep_tabs(make):
    def _make_grammar(classes):
        symbols, statement = make(classes)
        return symbols, statement.parseWithTabs()

    return _make_grammar


def keep_percent_signs():
    """Let DaCHS pass a percent sign on as it is.

    For DaCHS 2.7.

    ``morphADQL`` doubles percent signs for the formatting of psycopg2, but ``QueryTable`` executes
    the query without arguments, and then psycopg2 does not format. ``SELECT 'a%b'`` therefore
    returns ``a%%b``, and ``x = 'a%b'`` finds nothing. We suggest to remove the ``replace``.
    """
    if 'replace("%", "%%")' in inspect.getsource(adqlglue.morphADQL):
        adqlglue.morphADQL = _make_morph(adqlglue.morphADQL)


def _make_morph(morph):
    def _morph(*arguments, **options):
        translated, table = morph(*arguments, **options)
        return translated.replace("%%", "%"), table

    return _morph


def _forget_grammars():
    """Forget the cached grammars, so that they are built again when they are next needed."""
    nodes.getTreeBuildingGrammar.cache_clear()
    grammar.getADQLGrammar.cache_clear()
