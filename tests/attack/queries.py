"""Compares what PostgreSQL reads in the SQL of DaCHS with what the query says.

``python -m tests.attack.queries 100000`` prints each difference, and exits with 1 if there is one.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pgparse

from tests.attack.query_texts import COLUMNS, read, texts
from tests.probes import environment

_ROOT = Path(__file__).resolve().parents[2]
_PROBE = Path(__file__).with_name("translate_probe.py")
_SKIPPED = {"TypeName", "funcname"}
_NAMED = {
    "RangeVar": ("catalogname", "schemaname", "relname"),
    "ResTarget": ("name",),
    "CommonTableExpr": ("ctename",),
    "alias": ("aliasname",),
}


@dataclass
class Comparison:
    """What became of a number of texts.

    Attributes
    ----------
    accepted, refused : int
        How many texts DaCHS translated, and how many it refused.
    differences : list of str
        A description of each translated text that PostgreSQL reads differently.
    """

    accepted: int = 0
    refused: int = 0
    differences: list[str] = field(default_factory=list)


def translate(queries: Iterable[str]) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield each query with its translation to SQL, or None, and its error, or None."""
    with tempfile.TemporaryDirectory() as home:
        probe = subprocess.Popen(
            ["/usr/bin/python3", _PROBE, _ROOT / "site" / "dachs", json.dumps(COLUMNS)],
            env=environment(home),
            stderr=subprocess.DEVNULL,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with probe:
            assert probe.stdin and probe.stdout
            for query in queries:
                print(json.dumps(query), file=probe.stdin, flush=True)
                sql, error = json.loads(probe.stdout.readline())
                yield query, sql, error
            probe.stdin.close()


def compare(count: int, seed: int = 1) -> Comparison:
    """Translate `count` generated queries, and have PostgreSQL's parser read the results."""
    result = Comparison()
    for query, sql, _ in translate(texts(count, seed)):
        if sql is None:
            result.refused += 1
            continue
        result.accepted += 1
        difference = _difference(query, sql)
        if difference:
            result.differences.append(f"{difference}\n  ADQL {query!r}\n  SQL  {sql!r}")
    return result


def _difference(query: str, sql: str) -> str | None:
    try:
        statements = pgparse.parse(sql)
    except pgparse.PGQueryError as error:
        return f"PostgreSQL refuses it: {error}"
    if len(statements) != 1 or set(statements[0]["stmt"]) != {"SelectStmt"}:
        return "not a single SELECT"
    try:
        literals, names = read(query)
    except ValueError as error:
        return f"DaCHS accepts it, although {error}"
    found_literals: list[str] = []
    found_names: list[str] = []
    _collect(statements[0]["stmt"], found_literals, found_names)
    if Counter(literals) != Counter(found_literals):
        return f"literals: {literals} became {found_literals}"
    missing, more = Counter(names), Counter(found_names)
    missing, more = missing - more, more - missing
    # DaCHS calls a column without a name by a made-up word
    if missing or not all(name.isalpha() for name in more):
        return f"identifiers: {names} became {found_names}"
    return None


def _collect(node: Any, literals: list[str], names: list[str]) -> None:
    """Add the literals and identifiers below a node of PostgreSQL's syntax tree."""
    if isinstance(node, list):
        for one in node:
            _collect(one, literals, names)
    if not isinstance(node, dict):
        return
    for kind, content in node.items():
        if kind in _SKIPPED:
            continue
        if kind == "A_Const" and "sval" in content:
            literals.append(content["sval"].get("sval", ""))
        elif kind == "ColumnRef":
            names += [field["String"]["sval"] for field in content["fields"] if "String" in field]
        else:
            names += [content[key] for key in _NAMED.get(kind, ()) if content.get(key)]
            _collect(content, literals, names)


if __name__ == "__main__":
    done = compare(int(sys.argv[1]), *map(int, sys.argv[2:]))
    print(*done.differences, sep="\n")
    print(f"{done.accepted} accepted, {done.refused} refused, {len(done.differences)} different")
    sys.exit(bool(done.differences))
