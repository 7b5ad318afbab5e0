"""The packet of a notice as a page shows it. This runs in the Python of DaCHS."""

import functools
import itertools
import os
import re

from gavo import base, utils

from .names import visible_lines
from .records import MOST, of_notice

_MOST_OCTETS = 200_000
"""Larger packets are for downloading."""
_DEEPEST = 20
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+|"', re.DOTALL)
_PARTS = {
    "What": "What was observed",
    "WhereWhen": "Where and when",
    "How": "How it was observed",
    "Why": "What it may be",
    "Who": "Who sent it",
    "Citations": "Citations",
    "VOEvent": "The packet itself",
    "json": "The notice",
}
"""The parts of packets as headings, in this order."""


def parameters(notice):
    """Return the values in a packet: a heading and the rows for each part.

    Returns
    -------
    list of (str, list of dict)
        The parts. Each row has also the ``groups`` in which a parameter is, and its ``name``.
    bool
        Whether the packet has more.
    """
    found = of_notice("params", notice, "param_no")
    for one in found:
        one["groups"], _, one["name"] = one["param_path"].rpartition("/")
    ranks = {part: rank for rank, part in enumerate(_PARTS)}
    shown = sorted(found[:MOST], key=lambda one: ranks.get(one["part"], len(ranks)))
    parts = [
        (_PARTS.get(part, part), list(rows))
        for part, rows in itertools.groupby(shown, lambda one: one["part"])
    ]
    return parts, len(found) > MOST


def path(kind, notice):
    """Return the path of a file of a notice in the archive: packet, map or preview; or None."""
    return _archive().path(kind, notice)


def text_of(notice):
    """Return the packet as text with line breaks; None if it is missing or too large."""
    where = path("packet", notice)
    if where is None or os.path.getsize(where) > _MOST_OCTETS:
        return None
    with open(where, "rb") as stream:
        content = stream.read().decode("utf-8", "replace")
    return visible_lines(_indented(content, "json" in notice["media_format"]))


def _indented(content, is_json):
    if is_json:
        return _indented_json(content)
    return content.replace("><", ">\n<") if content.count("\n") < 3 else content


def _indented_json(content):
    """Return JSON with line breaks; numbers and texts stay as they are written."""
    parts, depth = [], 0
    for token in _TOKEN.findall(content):
        if token in "}]":
            depth = max(0, depth - 1)
            parts.append("\n" + "  " * min(depth, _DEEPEST))
        parts.append(token)
        if token in "{[":
            depth += 1
        if token in "{[,":
            parts.append("\n" + "  " * min(depth, _DEEPEST))
        elif token == ":":
            parts.append(" ")
    return re.sub(r"([{\[])\s+([}\]])", r"\1\2", "".join(parts))


@functools.cache
def _archive():
    folder = base.getConfig("inputsDir")
    return utils.loadPythonModule(os.path.join(folder, "alerts", "archive"))[0]
