"""The page with the review of a release, among the instance's reports."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from pathlib import Path

from ingest.core.files import atomic_write
from ingest.instance import Layout
from ingest.publish.review.checklist import Reviewed, passed

_STYLE = """body { font-family: sans-serif; max-width: 70em; margin: 2em auto; }
td, th { text-align: left; vertical-align: top; padding: 0.4em; border-bottom: 1px solid #ccc; }
.missing { color: #b00; font-weight: bold; }"""


def write_page(name: str, title: str, layout: Layout, reviewed: list[Reviewed]) -> Path:
    """Write the page of the release `name`, and return its path."""
    path = layout.reports / f"qa-{name}.html"
    with atomic_write(path) as stream:
        stream.write(html(name, title, reviewed).encode())
    layout.account.chown(path)
    return path


def html(name: str, title: str, reviewed: list[Reviewed]) -> str:
    """Return the page as HTML."""
    verdict = "passes" if passed(reviewed) else "does not pass"
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    rows = "\n".join(_row(one) for one in reviewed)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Review of {escape(name)}</title>
<style>{_STYLE}</style></head><body>
<h1>Open-science review of {escape(name)}</h1>
<p>{escape(title)}</p>
<p>The release {verdict}. {now}</p>
<table><tr><th>id</th><th>question</th><th>result</th><th>evidence</th></tr>
{rows}
</table></body></html>
"""


def _row(one: Reviewed) -> str:
    result = one.answer.result.value
    evidence = "".join(f"<li>{escape(text)}</li>" for text in one.answer.evidence)
    return (
        f'<tr id="{escape(one.item.id)}"><td>{escape(one.item.id)}</td>'
        f"<td><b>{escape(one.item.title)}</b><br>{escape(one.item.asks)}</td>"
        f'<td class="{result.replace(" ", "-")}">{result}</td><td><ul>{evidence}</ul></td></tr>'
    )
