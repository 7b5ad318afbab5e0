"""The ADQL that forms write, whatever a visitor writes into them."""

from __future__ import annotations

import ast
import importlib.util
import math
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pgparse
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attack.queries import translate

_FOLDER: Final = Path(__file__).parents[2] / "site" / "dachs" / "pages" / "query"
_HOSTILE: Final = [
    *(
        "it's",
        "' OR 1=1 --",
        "'; DROP TABLE x",
        "\\' OR 1=1",
        "%",
        "_",
        "100 %",
        "\\",
        "a\nb",
        "--",
    ),
    *("/* */", "$$", "%(x)s", "\u202eevil", "<script>", '"', "é", "日本", "", " ", "\t"),
]


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"query_{name}", _FOLDER / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


adql, code = _load("adql"), _load("code")
TEXT: Final = adql.Column("e", "text")
NUMBER: Final = adql.Column("n", "number", unit="GeV")
TIME: Final = adql.Column("u", "time", unit="d", ucd="time.epoch")
RESERVED: Final = adql.Column("Select", "text", is_reserved=True)
POSITION: Final = (NUMBER, TIME)


def _query(**more: Any) -> str:
    return str(adql.query(adql.Request("tap_upload.t", (TEXT,), **more)))


def _texts() -> list[str]:
    """Return many texts, among them those that mean something in SQL."""
    found: list[str] = list(_HOSTILE)

    @settings(max_examples=30)
    @given(st.text(max_size=30))
    def collect(text: str) -> None:
        found.append(text)

    collect()
    return found


def _constants(sql: str) -> list[str]:
    """Return the texts with which PostgreSQL compares, in the conditions of a statement."""
    (statement,) = pgparse.parse(sql)
    where = statement["stmt"]["SelectStmt"]["whereClause"]["BoolExpr"]
    assert where["boolop"] == "AND_EXPR"
    return [
        one["A_Expr"]["rexpr"]["A_Const"].get("sval", {}).get("sval", "") for one in where["args"]
    ]


def test_any_text_is_compared_as_it_is() -> None:
    possible = [text for text in _texts() if not adql._IMPOSSIBLE.search(text)]
    queries = [
        _query(conditions=((TEXT, "eq", text), (TEXT, "has", text), (RESERVED, "ne", text)))
        for text in possible
    ]
    for text, (query, sql, error) in zip(possible, translate(queries), strict=True):
        assert sql is not None, (query, error)
        equal, pattern, different = _constants(sql)
        assert equal == different == text
        assert pattern[0] == pattern[-1] == "%"
        assert _matches_only(pattern[1:-1]) == text


def _matches_only(pattern: str) -> str:
    """Return the only text that a pattern of LIKE matches; it has no wildcards then."""
    text, rest = "", iter(pattern)
    for character in rest:
        assert character not in "%_"
        text += next(rest) if character == "\\" else character
    return text


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_characters_that_no_database_has_are_refused(text: str) -> None:
    with pytest.raises(adql.WrongValue, match="character"):
        adql.condition(TEXT, "eq", text)


@given(st.text() | st.floats().map(str) | st.integers().map(str))
def test_a_number_is_a_number_or_refused(text: str) -> None:
    try:
        written = adql.condition(NUMBER, "gt", text)
    except adql.WrongValue as problem:
        assert "number" in str(problem)
    else:
        value = float(written.removeprefix("n > "))
        assert value == float(text)
        assert math.isfinite(value)


def test_a_whole_form_becomes_the_query_that_one_would_write() -> None:
    request = adql.Request(
        "tap_upload.t",
        (TEXT, RESERVED),
        near=(77.3582, 5.6931, 3.0),
        position=POSITION,
        time=TIME,
        since="2017-08-17T00:00:00",
        until=57990.5,
        conditions=((RESERVED, "null", ""), (NUMBER, "ge", "1e3"), (TIME, "lt", "2018-01-01")),
        order=adql.SEPARATION,
        rows=20,
    )
    assert adql.query(request).splitlines() == [
        "SELECT TOP 20",
        '  e, "Select", DISTANCE(n, u, 77.3582, 5.6931) AS separation',
        "FROM tap_upload.t",
        "WHERE DISTANCE(n, u, 77.3582, 5.6931) < 3",
        "  AND u >= gavo_to_mjd('2017-08-17T00:00:00')",
        "  AND u < 57990.5",
        '  AND "Select" IS NULL',
        "  AND n >= 1000",
        "  AND u < gavo_to_mjd('2018-01-01')",
        "ORDER BY separation",
    ]
    ((_, sql, error),) = translate([adql.query(request)])
    assert sql, error


def test_without_a_position_nothing_is_ordered_by_separation() -> None:
    assert "separation" not in _query(order=adql.SEPARATION, position=POSITION)


@given(st.text() | st.sampled_from(_HOSTILE).map(lambda text: f"SELECT '{text}'"))
def test_the_program_sends_the_query(text: str) -> None:
    program = ast.parse(code.python(text, "https://example.org"))
    (assigned,) = (
        one.value
        for one in program.body
        if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "query"
    )
    assert ast.literal_eval(assigned).strip("\n") == text.strip("\n")


@pytest.mark.parametrize("text", ["SELECT 'it''s' -- $HOME `x`\nFROM t", "a\nEND\nb\nEND_"])
def test_the_command_sends_the_query(text: str) -> None:
    command = "curl() { cat; }\n" + code.shell(text, "https://example.org")
    done = subprocess.run(["/bin/bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout == text + "\n"
