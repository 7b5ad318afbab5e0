"""Generated ADQL, and what an independent reader finds in it.

Half of the texts are valid; the others have a few characters inserted or removed, so that quotes
and comments begin and end elsewhere.
"""

from __future__ import annotations

import random
import string
from collections.abc import Iterator
from typing import Final

COLUMNS: Final = (
    ("ident", "text"),
    ("e", "text"),
    ("n", "double precision"),
    ("u", "double precision"),
    ("Select", "text"),
    ("it's", "text"),
    ('a"b', "text"),
    ("x\\", "text"),
    ("--", "text"),
    ("/*", "text"),
    ("$$", "text"),
)
"""The columns of the table, some with names that need quotes."""

_PARTS: Final = (
    *("a", "Z9", " ", "\n", "\r", "\t", "%", "%%", "%s", "%(e)s", "\\", "\\\\", "\\n", "\\x27"),
    *("--", "/*", "*/", ";", "$$", "$a$", "E", "U&", "N", "X", "é", "’", "ʼ", "\u2028", "😀"),
    *("UNION", "SELECT", ")", "(", ",", "||", "''", "0", "\x0b", "\x7f", "\\047", "\\u0027"),
)
_FRAGMENTS: Final = (
    *("'", "''", "'''", '"', '""', "\\", "\\'", '\\"', "--", "--\n", "/*", "*/", "$$", "$e$"),
    *("E'", "U&'", 'U&"', "N'", "B'", "X'", ";", "\n", "\r", "\x00", "\x0b", "\xa0", "’", "%"),
    *("'--'", "' '", "'\n'", "||", "(", ")", ",", " ", "e", "::", "{", "}", "?", ":e", "%s", "٣"),
)
_KEYWORDS: Final = (
    "SELECT TOP DISTINCT ALL FROM AS WHERE AND OR NOT IN LIKE BETWEEN IS NULL GROUP BY HAVING ORDER"
    " ASC DESC UNION EXCEPT INTERSECT WITH CASE WHEN THEN ELSE END COALESCE UPPER LOWER CAST CHAR"
    " COUNT MIN MAX OFFSET GAVO_MATCH IVO_NOCASEMATCH TAP_UPLOAD"
)
_WHITESPACE: Final = " \t\n\r"
_WORD: Final = string.ascii_letters + string.digits + "_"


def texts(count: int, seed: int) -> Iterator[str]:
    """Yield `count` texts; the same seed gives the same texts."""
    source = random.Random(seed)
    for number in range(count):
        text = _Writer(source).query()
        yield text if number % 2 else _damaged(source, text)


def _damaged(source: random.Random, text: str) -> str:
    for _ in range(source.choice((1, 1, 2, 3))):
        marks = [place for place, mark in enumerate(text) if mark in "'\"-\\"]
        place = source.choice(marks) + source.randrange(2) if marks else 0
        removed = source.choice((0, 0, 0, 1))
        inserted = "" if removed and source.random() < 0.5 else source.choice(_FRAGMENTS)
        text = text[:place] + inserted + text[place + removed :]
    return text


class _Writer:
    """Writes a random valid query."""

    def __init__(self, source: random.Random) -> None:
        self.source = source
        self.columns = tuple(
            name if name.islower() and name.isidentifier() else _quoted(name) for name, _ in COLUMNS
        )
        self.alias = "result"

    def query(self) -> str:
        kind = self.source.random()
        if self.source.random() < 0.3:
            self.alias = _quoted("A" + self.content().replace("''", "'"))
        if kind < 0.1:
            return self.join("WITH q AS (", self.select(), ")", self.outer("q AS r"))
        if kind < 0.2:
            operator = self.source.choice(("UNION", "EXCEPT"))
            return self.join(self.select(order=False), operator, self.select(order=False))
        if kind < 0.3:
            return self.outer(self.join("(", self.select(), ") q"))
        return self.select()

    def outer(self, table: str) -> str:
        """Write a query of a query."""
        self.columns = (self.alias,)
        return self.select(table)

    def select(self, table: str = "tap_upload.t AS x", order: bool = True) -> str:
        words = ["SELECT", *self.maybe("TOP 7"), self.expression()]
        words += ["AS", self.alias, "FROM", table]
        words += ["WHERE", self.condition(2)]
        if order:
            words += self.maybe("ORDER BY", self.column(), "DESC")
        return self.join(*words)

    def condition(self, depth: int) -> str:
        if depth and self.source.random() < 0.4:
            operator = self.source.choice(("AND", "OR"))
            both = (self.condition(depth - 1), operator, self.condition(depth - 1))
            return self.join(*self.maybe("NOT"), "(", *both, ")")
        one, other = self.term(), self.literal()
        return self.join(
            *self.source.choice(
                (
                    (one, self.source.choice(("=", "<>", "!=", "<", ">=")), other),
                    (self.text(), *self.maybe("NOT"), "LIKE", other),
                    (one, "IN", "(", other, ",", self.literal(), ")"),
                    (one, "BETWEEN", other, "AND", self.literal()),
                    (self.column(), "IS", *self.maybe("NOT"), "NULL"),
                    ("1", "=", "gavo_match", "(", other, ",", one, ")"),
                )
            )
        )

    def expression(self) -> str:
        if self.source.random() < 0.2:
            rest = ("THEN", self.literal(), "ELSE", self.literal(), "END")
            return self.join("CASE WHEN", self.condition(0), *rest)
        return self.join(self.text(), *self.maybe("||", self.literal()))

    def term(self) -> str:
        if self.source.random() < 0.15:
            return self.join("COALESCE", "(", self.column(), ",", self.literal(), ")")
        return self.text()

    def text(self) -> str:
        kind = self.source.random()
        if kind < 0.2:
            return self.join(self.source.choice(("UPPER", "lower")), "(", self.literal(), ")")
        return self.column() if kind < 0.7 else self.literal()

    def literal(self) -> str:
        one = "'" + self.content() + "'"
        if self.source.random() < 0.05:
            # a backslash is a character, and so the rest of the line is a comment
            return f"'{self.content()}\\' --'\n"
        return one if self.source.random() < 0.9 else one + self.gap(True) + f"'{self.content()}'"

    def content(self) -> str:
        return "".join(self.source.choices(_PARTS, k=self.source.randrange(5)))

    def column(self) -> str:
        return self.source.choice(self.columns)

    def maybe(self, *words: str) -> tuple[str, ...]:
        return words if self.source.random() < 0.3 else ()

    def join(self, *words: str) -> str:
        return "".join(self.gap() + word for word in words).strip()

    def gap(self, certain: bool = False) -> str:
        if self.source.random() < 0.9:
            return " "
        comment = self.content().replace("\n", "").replace("\r", "")
        return self.source.choice(("\n", "\t", "\r\n", f" --'{comment}\n", f'--"{comment}\r'))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def read(text: str) -> tuple[list[str], list[str]]:
    """Return the string literals and the identifiers of an ADQL query.

    This follows the lexical rules of ADQL 2.1, section 2.1: a quote within quotes is doubled,
    comments begin with ``--`` and last to the end of the line, adjacent literals are one, and
    regular identifiers ignore case. Keywords and functions are not identifiers here.
    """
    literals: list[str] = []
    names: list[str] = []
    place = 0
    after_literal = False
    while place < len(text):
        mark = text[place]
        if mark in _WHITESPACE:
            place += 1
            continue
        if text.startswith("--", place):
            while place < len(text) and text[place] not in "\n\r":
                place += 1
            continue
        if mark in "'\"":
            content, place = _between(text, place, mark)
            if mark == '"':
                names.append(content)
            elif after_literal:
                literals[-1] += content
            else:
                literals.append(content)
            after_literal = mark == "'"
            continue
        after_literal = False
        end = place + 1
        if mark.isascii() and (mark.isalnum() or mark == "_"):
            while (
                end < len(text)
                and text[end].isascii()
                and (text[end].isalnum() or text[end] == "_")
            ):
                end += 1
            word = text[place:end]
            if not mark.isdigit() and word.upper() not in _KEYWORDS.split():
                names.append(word.lower())
        place = end
    return literals, names


def _between(text: str, place: int, mark: str) -> tuple[str, int]:
    """Return what is between two quotes, and where it goes on."""
    content = ""
    place += 1
    while True:
        if place >= len(text):
            raise ValueError("a quote is not closed")
        if text[place] != mark:
            content += text[place]
            place += 1
        elif text[place + 1 : place + 2] == mark:
            content += mark
            place += 2
        else:
            return content, place + 1
