"""Executed notebooks as HTML pages that need nothing else."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from ingest.core.errors import InputError
from ingest.core.pages import render
from ingest.publish.notebooks.source import Notebook

INDEX: Final = "index.html"
_PICTURE: Final = "image/png"


@dataclass(frozen=True)
class Page:
    """A notebook as it is on the web.

    Parameters
    ----------
    notebook : Notebook
        What was executed.
    html : str
        The page.
    picture : bytes
        The last picture, a PNG file.
    alternative : str
        A description of the picture for those who do not see it.
    """

    notebook: Notebook
    html: str
    picture: bytes
    alternative: str


def page_of(notebook: Notebook, executed: Any, node: str) -> Page:
    """Return the page of an executed notebook.

    Parameters
    ----------
    notebook : Notebook
        As it is under version control.
    executed : nbformat.NotebookNode
        The same with outputs.
    node : str
        The address of the node that it queried.

    Raises
    ------
    InputError
        If it has no picture, or a picture has no description.
    """
    pictures = [_describe(cell, notebook) for cell in executed.cells if _pictures(cell)]
    if not pictures:
        raise InputError("a notebook has to end with a picture", file=notebook.path)
    picture, alternative = pictures[-1]
    html = render(
        "publish/notebooks/page.html",
        title=notebook.title,
        name=notebook.name,
        body=_body(executed),
        highlighting=_highlighting(),
        node=node,
    )
    return Page(notebook, html, picture, alternative)


def index_page(pages: Sequence[Page]) -> str:
    """Return the page that lists the notebooks, each with its last picture."""
    entries = [
        {
            "name": page.notebook.name,
            "title": page.notebook.title,
            "summary": _inline(page.notebook.summary),
            "picture": base64.b64encode(page.picture).decode(),
            "alternative": page.alternative,
        }
        for page in pages
    ]
    return render("publish/notebooks/index.html", entries=entries)


def _pictures(cell: Any) -> list[Any]:
    return [one for one in cell.get("outputs", ()) if _PICTURE in one.get("data", {})]


def _describe(cell: Any, notebook: Notebook) -> tuple[bytes, str]:
    """Give the pictures of a cell the description in its metadata; return the last one and this."""
    alternative = cell.metadata.get("alt")
    if not alternative:
        raise InputError(
            "a picture has no description for those who do not see it",
            file=notebook.path,
            where=f"cell {cell.get('id')}",
            remedy="write one into the cell's metadata, as 'alt'",
        )
    outputs = _pictures(cell)
    for output in outputs:
        output.metadata.setdefault(_PICTURE, {})["alt"] = alternative
    return base64.b64decode(outputs[-1].data[_PICTURE]), alternative


def _body(executed: Any) -> str:
    from nbconvert.exporters import HTMLExporter

    exporter = HTMLExporter(template_name="basic")
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    exporter.exclude_anchor_links = True
    body, _ = exporter.from_notebook_node(executed)
    # astropy numbers its tables by their place in memory
    body = re.sub(r' id="table\d+[^"]*"', "", body)
    # links between notebooks become links between pages
    return re.sub(r'(<a [^>]*href="[\w-]+)\.ipynb"', r'\1.html"', body)


@cache
def _highlighting() -> str:
    """Return the colours of program text, for light and dark screens."""
    from pygments.formatters import HtmlFormatter

    light = HtmlFormatter(style="xcode").get_style_defs(".highlight")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".highlight")
    text = f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}"
    # the page has a background of its own, and no line numbers
    kept = (
        line
        for line in text.splitlines()
        if "background" not in line.partition("{")[2] and "linenos" not in line
    )
    return "\n".join(kept)


def _inline(text: str) -> str:
    """Return a paragraph of Markdown as HTML."""
    from nbconvert.filters import markdown2html_mistune

    html: str = markdown2html_mistune(text)
    return html
