"""The notebooks run against a node without other network, and become pages that need nothing."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from PIL import Image

from ingest.core.errors import InputError
from ingest.publish import notebooks as published
from ingest.publish.notebooks import Notebook, NotebookError, execute, find, page_of
from tests.alert_archive import layout_of

NOTEBOOKS = published.notebooks()


@pytest.fixture
def offline(monkeypatch):
    """Send everything but requests to this machine to a proxy that does not exist."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "localhost,127.0.0.1")


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda one: one.name)
def test_a_notebook_runs_without_network_and_ends_with_a_picture(
    notebook, instance, offline, tmp_path
):
    executed = execute(notebook, instance.url)
    page = page_of(notebook, executed, instance.url)
    # the last cell draws it
    assert any("image/png" in out.get("data", {}) for out in executed.cells[-1].outputs)
    (tmp_path / "last.png").write_bytes(page.picture)
    with Image.open(tmp_path / "last.png") as picture:
        assert min(picture.size) > 400
        # light, and more than an empty frame
        assert len(picture.convert("RGB").getcolors(2**24)) > 1000
    warnings = [out.text for cell in executed.cells for out in cell.get("outputs", ())
                if out.get("name") == "stderr"]  # fmt: skip
    assert warnings == []


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda one: one.name)
def test_a_notebook_is_kept_without_outputs_and_states_units_licence_and_citation(notebook):
    nbformat.validate(notebook.content)
    for cell in notebook.content.cells:
        assert cell.get("outputs", []) == [] and cell.get("execution_count") is None
    opening = notebook.content.cells[0].source
    for said in ("**Units and frames.**", "**Licence and citation.**", "ICRS", "UTC"):
        assert said in opening
    text = notebook.path.read_text()
    # one line of a cell per line of the file, in the form in which Jupyter saves it
    assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n"


def test_links_between_notebooks_lead_to_notebooks():
    known = {one.path.name for one in NOTEBOOKS}
    for one in NOTEBOOKS:
        cells = "\n".join(cell.source for cell in one.content.cells)
        assert set(re.findall(r"\]\(([\w-]+\.ipynb)\)", cells)) <= known


def made(tmp_path, *cells):
    content = nbformat.v4.new_notebook()
    content.cells = [
        nbformat.v4.new_markdown_cell("# A title\n\nWhat it *is* about.\n\nMore."),
        *cells,
    ]
    path = tmp_path / "made.ipynb"
    nbformat.write(content, path)
    return Notebook(path, content)


DRAW = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"


def test_a_cell_that_fails_is_named_with_its_error(tmp_path):
    cells = [nbformat.v4.new_code_cell(text) for text in ("a = 1", "a / 0", "a = 2")]
    with pytest.raises(NotebookError) as caught:
        execute(made(tmp_path, *cells), "http://localhost:1", tmp_path)
    message = str(caught.value)
    assert "made.ipynb, code cell 2 (a / 0)" in message
    assert "ZeroDivisionError: division by zero" in message


@pytest.mark.parametrize("last", ["a = 1", "a = 1 / 0"])
def test_no_kernel_is_left(tmp_path, last):
    pid = tmp_path / "pid"
    first = f"import os, pathlib\npathlib.Path({str(pid)!r}).write_text(str(os.getpid()))"
    cells = [nbformat.v4.new_code_cell(text) for text in (first, last)]
    with contextlib.suppress(NotebookError):
        execute(made(tmp_path, *cells), "http://localhost:1", tmp_path)
    assert not Path("/proc", pid.read_text()).exists()


def test_a_page_has_text_output_and_described_picture_but_no_script(tmp_path):
    cells = [
        nbformat.v4.new_code_cell("import os\nprint(os.environ['KM3VO_NODE'])"),
        nbformat.v4.new_markdown_cell("See [limits](limits.ipynb) <script>alert(1)</script>."),
        nbformat.v4.new_code_cell(DRAW, metadata={"alt": "a rising line"}),
    ]
    notebook = made(tmp_path, *cells)
    executed = execute(notebook, "http://localhost:1", tmp_path)
    page = page_of(notebook, executed, "http://localhost:1")
    assert (notebook.title, notebook.summary) == ("A title", "What it *is* about.")
    assert '<a href="limits.html">' in page.html
    assert page.html.count("http://localhost:1") >= 2
    assert re.search(r'<img[^>]* alt="a rising line"', page.html)
    assert page.picture.startswith(b"\x89PNG")
    assert "default-src 'none'" in page.html
    assert not re.search(r'(src|href)="https?://', page.html)
    # as it is under version control
    assert notebook.content.cells[1].outputs == []


def test_a_picture_needs_a_description(tmp_path):
    notebook = made(tmp_path, nbformat.v4.new_code_cell(DRAW))
    executed = execute(notebook, "http://localhost:1", tmp_path)
    with pytest.raises(InputError, match="no description"):
        page_of(notebook, executed, "http://localhost:1")


def test_names_that_no_notebook_has_are_refused():
    with pytest.raises(InputError, match="no notebook of this name") as caught:
        find(["antares", "nothing"])
    assert "antares" in str(caught.value.expected)


def test_published_pages_are_served_with_the_notebooks_and_an_index(instance, tmp_path):
    layout = layout_of(instance)
    pages = [published.Page(one, f"<p>{one.name}", b"\x89PNG", one.title) for one in NOTEBOOKS]
    folder = layout.dachs / "web" / "nv_static" / "notebooks"
    try:
        published.publish(pages, layout)
        for one in NOTEBOOKS:
            assert instance.fetch(f"static/notebooks/{one.name}.html").decode() == f"<p>{one.name}"
            assert instance.fetch(f"static/notebooks/{one.name}.ipynb") == one.path.read_bytes()
        data = published.FOLDER / "data" / "sources.csv"
        assert instance.fetch("static/notebooks/data/sources.csv") == data.read_bytes()
        index = instance.fetch("static/notebooks/index.html").decode()
        for one in NOTEBOOKS:
            assert f'href="{one.name}.html"' in index
    finally:
        shutil.rmtree(folder)
