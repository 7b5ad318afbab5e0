"""Bounds on the text of an ADQL query, checked before it is parsed.

DaCHS parses one query at a time, at a few milliseconds per word, so a query must not keep the
others waiting for long. Each error names the bound.
"""

import functools
import re
import threading
import time

from gavo import adql
from gavo.adql import common, grammar
from gavo.protocols import adqlglue
from gavo.utils import parsetricks

CHARACTERS = 100_000
WORDS = 1_500
"""Words, numbers and string literals; a condition such as ``nhit = 5 OR`` has three."""
DEPTH = 30
"""Of parentheses."""
SUBQUERIES = 8
"""Nested; DaCHS needs twice the time for each."""
COPIES = 64
"""How often an argument is repeated in the SQL, by functions that use their arguments twice."""
SECONDS = 5
"""Processor time for parsing."""

_COPIED = {"BOX": 4, "IVO_INTERVAL_OVERLAPS": 2}
_TOKEN = re.compile(
    r"""(?P<comment>--[^\n\r]*)
    |(?P<literal>'[^']*(?:''[^']*)*')
    |(?P<name>"[^"]*(?:""[^"]*)*")
    |(?P<word>[A-Za-z0-9_]+)
    |(?P<open>\()
    |(?P<close>\))
    |(?P<foreign>[^\x00-\x7f])
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)


class TooLarge(common.Error):
    """A query exceeds a bound."""


def bound_queries():
    """Let DaCHS refuse queries that are too long or nested too deeply.

    For DaCHS 2.7 and 2.11.

    The time for parsing grows with the length of the text, and with some nested constructs
    exponentially, while ``pyparseString`` holds a lock that all queries need. Subqueries double
    the time for annotation with each level. We suggest bounds that operators can set, checked
    before the text is parsed. Here also characters are refused that have no meaning in ADQL, such
    as NUL, and digits other than 0 to 9, which the grammar takes for numbers.
    """
    if adql.parseToTree.__name__ != "_parse":
        adql.parseToTree = _make_parse(adql.parseToTree)
        grammar.LongestMatch.parseImpl = _in_time(grammar.LongestMatch.parseImpl)
        adqlglue.morphADQL = _make_morph(adqlglue.morphADQL)


_clock = threading.local()
"""When a thread began to parse a query, in its processor time."""


def _make_parse(parse):
    def _parse(text):
        check(text)
        with parsetricks._PYPARSE_LOCK:
            _clock.started = time.thread_time()
            # The parser looks for comments before each symbol; positions in errors stay the same.
            return parse(_TOKEN.sub(_blank_comment, text))

    return _parse


def _blank_comment(found):
    return " " * len(found.group()) if found.lastgroup == "comment" else found.group()


def _make_morph(morph):
    @functools.wraps(morph)
    def _morph_shallow(*arguments, **options):
        try:
            return morph(*arguments, **options)
        except RecursionError:
            raise TooLarge("This query joins too many tables, or is nested too deeply.") from None

    return _morph_shallow


def _in_time(match):
    """Make a copy of LongestMatch.parseImpl that also looks at the clock."""

    def _match(self, *arguments):
        if time.thread_time() - getattr(_clock, "started", float("inf")) > SECONDS:
            raise TooLarge(
                f"This query needs more than {SECONDS} s to be read, which is the limit here."
                " Nest fewer expressions, or split the query."
            )
        return match(self, *arguments)

    return _match


def check(text):
    """Raise TooLarge if a query exceeds a bound, or a common.Error if it has a wrong character."""
    _bound("characters", len(text), CHARACTERS, "Upload long lists as a table.")
    if "\0" in text:
        raise common.Error("This query has a NUL character, which ADQL does not allow.")
    words, before, nested = 0, "", []
    for found in _TOKEN.finditer(text):
        kind, token = found.lastgroup, found.group()
        if kind == "foreign":
            raise common.Error(
                f"Outside of quotes, ADQL has only ASCII characters; this query has {token!r} at"
                f" position {found.start() + 1}."
            )
        if kind in ("word", "literal", "name"):
            words += 1
            if token.upper() == "SELECT" and nested and before == "(":
                nested[-1] = (nested[-1][0], 1)
        elif kind == "open":
            nested.append((_COPIED.get(before, 1), 0))
            _check_nested(nested)
        elif kind == "close" and nested:
            nested.pop()
        if kind != "comment" and not token.isspace():
            before = token.upper()
            if before == "SELECT":
                _check_nested(nested)
    _bound("words, numbers and literals", words, WORDS, "Upload long lists as a table and join it.")


def _check_nested(nested):
    copies = 1
    for factor, _ in nested:
        copies *= factor
    _bound("nested parentheses", len(nested), DEPTH, "Simplify the expression.")
    _bound("nested subqueries", sum(query for _, query in nested), SUBQUERIES, "Use WITH.")
    _bound("copies of an argument", copies, COPIES, "Do not nest BOX or ivo_interval_overlaps.")


def _bound(what, value, bound, remedy):
    if value > bound:
        raise TooLarge(f"This query has {value} {what}; at most {bound} are allowed here. {remedy}")
