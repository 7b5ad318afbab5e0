"""Which address leads to which page. This runs in the Python of DaCHS."""

import re

from . import assets, front

_ROUTES = (
    (r"", front.front_page),
    (r"assets/[\w./-]+", assets.asset),
)
"""Patterns of paths, and the functions of their pages; the first that fits is taken."""


def page_for(path):
    """Return the function of the page at a path; None if the path is one of DaCHS'."""
    for pattern, function in _ROUTES:
        if re.fullmatch(pattern, path):
            return function
    return None
