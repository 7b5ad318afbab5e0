"""The page that writes queries, and those that show answers.

This runs in the Python of DaCHS.
"""

import itertools
import re

from ..answers import BadRequest, json_answer
from ..sky.policy import sky_policy
from ..templates import page
from ..visits import server_url
from . import adql, catalogue, code, form
from .examples import example, examples

_LONGEST = 12_000
"""Characters of a query in an address."""
_ANSWER = re.compile(r"/[a-z0-9_]+/[a-z0-9_]+/[a-z0-9_]+/form\?[ -~]+", re.ASCII)
"""The answer of a service's form."""


def query_page(visit):
    """Return the form with the query that it writes, or with a query of the visitor's."""
    tables = catalogue.tables()
    filled = form.read(visit, tables)
    chosen = example(visit.get("example")) if visit.get("example") else None
    if visit.get("example") and not chosen:
        raise BadRequest("There is no such example. All are listed on the page of queries.")
    query = chosen.query if chosen else _own_query(visit) or filled.query
    return page(
        "query.html",
        visit,
        policy=sky_policy(),
        form=filled,
        schemas=[
            (schema, list(group)) for schema, group in itertools.groupby(tables, _group_of_table)
        ],
        operators=adql.OPERATORS,
        separation=adql.SEPARATION,
        chosen=chosen,
        examples=examples(),
        code=_code(query),
        settings={"run": bool(visit.get("run")), "own": bool(chosen or _own_query(visit))},
    )


def query_json(visit):
    """Return the query that a form writes, or one of the visitor's, also as programs send it."""
    if own := _own_query(visit):
        return json_answer(_code(own))
    filled = form.read(visit, catalogue.tables())
    found = _code(filled.query)
    return json_answer({**found, "problems": filled.problems, "address": filled.address})


def answer_page(visit):
    """Return a page that draws the answer of a service's form."""
    address = (visit.parameters.get("of") or [""])[0]
    if not _ANSWER.fullmatch(address):
        raise BadRequest(
            "This page draws the answers of this server's forms, such as those of cone searches;"
            " follow the link on the page with an answer."
        )
    return page(
        "answer.html", visit, policy=sky_policy(), address=address, settings={"answer": address}
    )


def _group_of_table(table):
    return {"km3net": "All samples", "alerts": "Alerts", "irf": "Instrument responses"}.get(
        table.schema, table.schema
    )


def _own_query(visit):
    return (visit.parameters.get("adql") or [""])[0].strip()[:_LONGEST]


def _code(query):
    return {
        "adql": query,
        "python": code.python(query, server_url()),
        "shell": code.shell(query, server_url()),
    }
