"""What DaCHS makes of ADQL with our patches."""

from __future__ import annotations

import pytest

from tests.attack.queries import compare, translate

REFUSED = [
    r"e = 'x\'; SELECT 1 --'",
    r"e = 'x\' UNION SELECT 1 --'",
    "e = 'x",
    "e = 'x''",
    "e = 'x' 'y",
    'e = "x',
    "e = $$x$$",
    "e = E'x'",
    "e = U&'x'",
    "e = 'x'; SELECT 1",
    "e = 'x' /* comment */",
]
CONTENTS = ["\\", "a\\''b", "%", "%%", "a%(e)s", "\t", "\n", "--", "''", "é"]
POSITION = "CONTAINS(POINT(n, u), CIRCLE(10, 10, 3))"
SAME = {
    "e <> 'x'": "e != 'x'",
    f"{POSITION} <> 1": f"{POSITION} = 0",
    f"{POSITION} <> 0": f"{POSITION} = 1",
}
BOUNDED = {
    "the length": ("e = '" + "x" * 100_000 + "'", "100000"),
    "words": (" OR ".join(["n = 1"] * 3_000), "1500 "),
    "parentheses": ("(" * 31 + "n = 1" + ")" * 31, "30"),
    "subqueries": ("n IN (SELECT n FROM tap_upload.t WHERE " * 9 + "n = 1" + ")" * 9, " 8 "),
    "copies": ("1 = " + "AREA(BOX(" * 4 + "1" + ", n, n, n))" * 4, "64"),
    "the order of a MOC": ("1 = AREA(MOC(29, CIRCLE(0, 0, 10)))", " 10."),
    "an order that is computed": ("1 = AREA(MOC(5 + 24, CIRCLE(0, 0, 10)))", "whole number"),
    "bins": ("1 = arr_sum(ivo_histogram(n, 0, 1, 1000000))", "10000"),
    "a series": ("n IN (SELECT s FROM generate_series(1, 100000000) AS s)", "1000000"),
    "vertices": (f"1 = CONTAINS(POINT(n, u), POLYGON({', '.join(['1'] * 402)}))", "200"),
    "tables": (f"n IN (SELECT 1 FROM {', '.join(['tap_upload.t'] * 300)})", "too many tables"),
    "nesting without parentheses": (
        "n = " + "CASE WHEN n = 1 THEN " * 60 + "1" + " END" * 60,
        "too",
    ),
    "NUL": ("e = 'x\0'", "NUL"),
    "digits of other scripts": ("n = ٣", "ASCII"),
}
"""Conditions that exceed a bound, and what the error must say."""
HONEST = [
    "--" + "'\n--" * 10_000 + "\nn = 5",
    "n IN (" + ", ".join(["12345"] * 400) + ")",
    " OR ".join(["n = 1"] * 150),
    "(" * 10 + "n = 1" + ")" * 10,
    "n IN (SELECT n FROM tap_upload.t WHERE " * 4 + "n = 1" + ")" * 4,
    "1 = AREA(MOC(8, CIRCLE(0, 0, 10)))",
    f"1 = CONTAINS(POINT(n, u), POLYGON({', '.join(['1'] * 200)}))",
]


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def translations() -> dict[str, tuple[str | None, str | None]]:
    """Return the SQL of each condition, or None, and its error, or None."""
    literals = [f"e = '{content}'" for content in CONTENTS]
    bounded = [condition for condition, _ in BOUNDED.values()]
    conditions = [*REFUSED, *literals, *SAME, *SAME.values(), *bounded, *HONEST]
    queries = [f"SELECT e FROM tap_upload.t WHERE {condition}" for condition in conditions]
    return {
        condition: (sql, error)
        for condition, (_, sql, error) in zip(conditions, translate(queries), strict=True)
    }


def test_postgresql_reads_the_literals_and_identifiers_of_the_query() -> None:
    found = compare(100)
    assert found.differences == []
    # half of the texts are valid, and most of the damaged ones are not
    assert found.accepted >= 50
    assert found.refused > 10


@pytest.mark.parametrize("condition", REFUSED)
def test_text_that_is_not_adql_is_refused(translations, condition: str) -> None:
    sql, error = translations[condition]
    assert sql is None
    assert "Parse" in error


@pytest.mark.parametrize("content", CONTENTS)
def test_literals_are_passed_on_unchanged(translations, content: str) -> None:
    sql, error = translations[f"e = '{content}'"]
    assert error is None
    assert f" e = '{content}' " in sql


@pytest.mark.parametrize("condition", SAME)
def test_both_spellings_of_inequality_mean_the_same(translations, condition: str) -> None:
    sql, error = translations[condition]
    assert error is None
    assert sql == translations[SAME[condition]][0]


@pytest.mark.parametrize("name", BOUNDED)
def test_queries_beyond_a_bound_are_refused_with_the_bound(translations, name: str) -> None:
    condition, expected = BOUNDED[name]
    sql, error = translations[condition]
    if name == "tables" and sql is not None:
        return  # from Python 3.12 on, recursion in C has a bound of its own
    assert sql is None
    assert expected in error


@pytest.mark.parametrize("condition", HONEST)
def test_honest_queries_meet_no_bound(translations, condition: str) -> None:
    assert translations[condition][1] is None
