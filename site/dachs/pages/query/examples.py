"""The examples of queries that TAP declares. This runs in the Python of DaCHS."""

import functools
import re
import textwrap
from dataclasses import dataclass

from gavo import base

_DIRECTIVE = ".. tapquery::"
_ROLE = re.compile(r":taptable:`([^`]*)`")


@dataclass(frozen=True)
class Example:
    """An example: its title, what it explains, and its query in ADQL."""

    title: str
    text: str
    query: str


def examples():
    """Return the examples of the TAP service, which ``site/userconfig.rd`` declares."""
    return _read(base.resolveCrossId("//tap#run"))


@functools.lru_cache(2)
def _read(service):
    found = []
    for item in service.iterMeta("_example"):
        text, _, query = textwrap.dedent(item.content.expandtabs(4)).partition(_DIRECTIVE)
        if query.strip():
            text = _ROLE.sub(r"\1", " ".join(text.split()))
            query = textwrap.dedent(query.strip("\n")).strip()
            text = text.removesuffix(":").removesuffix(".") + "."
            found.append(Example(base.getMetaText(item, "title"), text, query))
    return found


def example(title):
    """Return the example with a title, or None."""
    return next((one for one in examples() if one.title == title), None)
