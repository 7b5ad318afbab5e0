"""The notebook for MMODA: annotated as the platform wants it, and with the right numbers."""

from __future__ import annotations

import ast
import re

import nbformat
import pytest

from ingest.publish.notebooks import Notebook, execute, find
from km3vo import Node
from km3vo.analysis import search
from tests.users.test_node_limits import SAME

TERM = re.compile(
    r"http://odahub\.io/ontology#\w+"
    r"( ; oda:(lower_limit|upper_limit) [\d.]+| ; oda:label \"[^\"]+\")*"
)


@pytest.fixture(scope="module")
def notebook() -> Notebook:
    (found,) = find(["mmoda_limit"])
    return found


def tagged(notebook: Notebook, tag: str) -> str:
    (cell,) = (one for one in notebook.content.cells if tag in one.metadata.get("tags", ()))
    return str(cell.source)


@pytest.mark.parametrize(
    ("tag", "names"),
    [
        ("parameters", ["src_name", "RA", "DEC", "radius", "index", "confidence"]),
        ("outputs", ["limit_table", "event_table", "picture"]),
    ],
)
def test_each_assignment_is_annotated_with_a_term_of_the_ontology(notebook, tag, names):
    text = tagged(notebook, tag)
    assigned = [one for one in ast.parse(text).body if isinstance(one, ast.Assign)]
    assert [one.targets[0].id for one in assigned] == names
    for one in assigned:
        comment = text.splitlines()[one.lineno - 1].partition("#")[2].strip()
        assert TERM.fullmatch(comment), comment


def test_defaults_are_within_the_limits_of_their_annotations(notebook):
    for line in tagged(notebook, "parameters").splitlines():
        for which, limit in re.findall(r"oda:(lower|upper)_limit ([\d.]+)", line):
            value = float(re.search(r"= ([\d.]+)", line)[1])
            assert value >= float(limit) if which == "lower" else value <= float(limit)


@pytest.mark.slow
def test_with_other_parameters_it_gives_the_numbers_of_the_functions(notebook, instance):
    content = nbformat.from_dict(notebook.content)
    (at,) = (
        i for i, one in enumerate(content.cells) if "parameters" in one.metadata.get("tags", ())
    )
    given = "RA, DEC, radius, index, confidence = 98.24, 5.81, 1.5, 2.5, 0.95"
    show = "print(limit_table['n_sig_up'][0], limit_table['flux_limit'][0].value, picture)"
    # the platform adds a cell with its values after that of the defaults
    content.cells.insert(at + 1, nbformat.v4.new_code_cell(given))
    content.cells.insert(len(content.cells) - 1, nbformat.v4.new_code_cell(show))
    executed = execute(Notebook(notebook.path, content), instance.url)
    upper, limit, picture = executed.cells[-2].outputs[0].text.split()
    expected = search(Node(instance.url).sample("ant20_01"), 98.24, 5.81, 1.5, 2.5, 0.95)
    assert float(upper) == pytest.approx(expected.n_sig_up[0], rel=SAME)
    assert float(limit) == pytest.approx(expected.flux_limit[0], rel=SAME)
    assert picture.endswith(".png")
