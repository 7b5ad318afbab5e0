"""The page with the review of a release, among the instance's reports."""

from __future__ import annotations

from pathlib import Path

from ingest.core.files import atomic_write
from ingest.core.pages import render
from ingest.instance import Layout
from ingest.publish.review.checklist import Reviewed, passed


def write_page(name: str, title: str, layout: Layout, reviewed: list[Reviewed]) -> Path:
    """Write the page of the release `name`, and return its path."""
    path = layout.reports / f"qa-{name}.html"
    with atomic_write(path) as stream:
        stream.write(html(name, title, reviewed).encode())
    layout.account.chown(path)
    return path


def html(name: str, title: str, reviewed: list[Reviewed]) -> str:
    """Return the page as HTML."""
    return render(
        "publish/review/page.html",
        name=name,
        title=title,
        passed=passed(reviewed),
        reviewed=reviewed,
    )
