"""Patches of DaCHS' translation of ADQL."""

import contextlib
import functools
import inspect
import re

from gavo.adql import grammar, morphpg, nodes
from gavo.protocols import adqlglue
from gavo.utils import parsetricks

STRING_LITERAL = "'[^']*(?:''[^']*)*'"
DELIMITED_IDENTIFIER = '"(?:[^"]|"")+"'
_DELIMITED_OR_EMPTY = '("[^"]*")+'
"""DaCHS' pattern of delimited identifiers."""
_ALL_AROUND = 180
"""The largest angle between two positions, in degrees."""


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

    For DaCHS 2.7; the grammar of 2.11 has it, but does not make it ``!=``.

    ``compOp`` of the grammar has ``!=`` but not ``<>``, which is the operator of ADQL's grammar.
    We suggest to add it there, and to turn it into ``!=`` by a parse action, since the code that
    recognises ``CONTAINS(...) != 1`` compares with that spelling. The grammar also takes ``""``
    for a delimited identifier, which the standard does not have; PostgreSQL then refuses the query.
    """
    if getattr(grammar.Regex, "__name__", "") != "_regex":
        grammar.Regex = _regex
        _forget_grammars()


def translate_all_clauses():
    """Let DaCHS translate the functions in ``ORDER BY`` and ``GROUP BY``.

    For DaCHS 2.11.

    With the pyparsing of Debian 13, these clauses are ``ParseResults``, in which the translation
    does not look for functions: ``ORDER BY DISTANCE(…)`` reaches PostgreSQL as it is, which does
    not know it. We suggest to make them nodes, in ``SelectQuery._getInitKWs``.
    """
    collect = nodes.SelectQuery._getInitKWs.__func__

    @functools.wraps(collect)
    def collect_as_nodes(cls, parsed):
        return {
            name: nodes.TransparentNode(children=list(value))
            if isinstance(value, parsetricks.ParseResults)
            else value
            for name, value in collect(cls, parsed).items()
        }

    nodes.SelectQuery._getInitKWs = classmethod(collect_as_nodes)


def _regex(pattern, *more, **options):
    """Make a Regex for the grammar; that of operators knows ``<>``, no identifier is empty."""
    if pattern == _DELIMITED_OR_EMPTY:
        return parsetricks.Regex(DELIMITED_IDENTIFIER, *more, **options)
    operators = pattern.split("|")
    if "!=" not in operators:
        return parsetricks.Regex(pattern, *more, **options)
    if "<>" not in operators:
        pattern = f"<>|{pattern}"
    operator = parsetricks.Regex(pattern, *more, **options)
    return operator.setParseAction(lambda text, place, found: found[0].replace("<>", "!="))


def keep_tabs():
    """Let DaCHS keep the tabs in string literals and delimited identifiers.

    For DaCHS 2.7 and 2.11.

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

    For DaCHS 2.7 and 2.11.

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


def let_circles_cover_the_sky():
    """Let DaCHS find all positions within 180 degrees or more.

    For DaCHS 2.7 and 2.11.

    ``CONTAINS(POINT(...), CIRCLE(...))`` and a comparison of ``DISTANCE`` become ``q3c_join``,
    which compares the squared sine of half the angle. Beyond 180 degrees that decreases again, so
    that a circle of 286 degrees, such as a field of view from ObsCore, becomes one of 74. We
    suggest to pass ``least(radius, 180)``.
    """
    if morphpg._booleanizeContainsQ3C.__name__ != "_contains":
        morphpg._booleanizeContainsQ3C = _bound_circles(morphpg._booleanizeContainsQ3C)
        morphpg._distanceToQ3C = _bound_distances(morphpg._distanceToQ3C)


def _bound_circles(make):
    def _contains(node, *arguments):
        # as in the function, what was translated already, and before that what was rearranged
        shapes = [morphpg.getOriginal(morphpg.getOriginal(shape)) for shape in node.args]
        with contextlib.ExitStack() as stack:
            for circle in shapes:
                if getattr(circle, "type", None) == "circle":
                    stack.enter_context(_bounded(circle, "radius"))
            return make(node, *arguments)

    return _contains


def _bound_distances(make):
    def _distance(node, state):
        comparison = state.nodeStack[-1]
        if getattr(comparison, "type", None) != "comparisonPredicate":
            return make(node, state)
        is_first = morphpg.getOriginal(comparison.op1) is morphpg.getOriginal(node)
        with _bounded(comparison, "op2" if is_first else "op1"):
            return make(node, state)

    return _distance


@contextlib.contextmanager
def _bounded(node, name):
    """Bound an angle of a node meanwhile, unless it is a number that needs no bound."""
    angle = getattr(node, name)
    text = morphpg._flatAndMorph(angle)
    if not (re.fullmatch(r"\d+\.?\d*", text) and float(text) <= _ALL_AROUND):
        setattr(node, name, f"least({text}, {_ALL_AROUND})")
    try:
        yield
    finally:
        setattr(node, name, angle)


def _forget_grammars():
    """Forget the cached grammars, so that they are built again when they are next needed."""
    nodes.getTreeBuildingGrammar.cache_clear()
    grammar.getADQLGrammar.cache_clear()
