"""Pages of reports: static HTML that needs nothing else, for a desktop or a phone, light and dark.

A page is a template that extends ``base.html``, beside the module that writes it. Jinja2 escapes
all that comes from files and manifests; no page has a script, and its policy forbids them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from jinja2 import Environment

_SOURCES: Final = Path(__file__).resolve().parents[2]
_SIZES: Final = ("bytes", "kB", "MB", "GB", "TB")


def render(template: str, **values: Any) -> str:
    """Return a page as HTML.

    Parameters
    ----------
    template : str
        The path of its template below ``ingest/``.
    **values
        What the template shows; texts are escaped.
    """
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return _environment().get_template(template).render(now=now, **values)


def grouped(number: int) -> str:
    """Return a number with its digits in groups of three."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def size(number: int | None) -> str:
    """Return a size in bytes in the unit that suits it."""
    if number is None:
        return "unknown"
    amount, unit = float(number), 0
    while amount >= 1000 and unit + 1 < len(_SIZES):
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.3g} {_SIZES[unit]}" if unit else f"{number} bytes"


@cache
def _environment() -> Environment:
    # imported here because most commands write no page
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_SOURCES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., Any]] = {"grouped": grouped, "size": size}
    environment.filters.update(filters)
    return environment
