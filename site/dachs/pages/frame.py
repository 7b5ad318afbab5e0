"""The frame of all pages, for those that DaCHS makes. This runs in the Python of DaCHS."""

import functools
from dataclasses import dataclass

from . import assets, templates

_STYLE = "dachs.css"
"""The style sheet for the markup that DaCHS writes."""


@dataclass(frozen=True)
class Frame:
    """What surrounds the content of a page, as well-formed XML.

    Attributes
    ----------
    head : str
        The end of the head: style sheets and icon.
    top : str
        What comes before the content: the navigation.
    end : str
        What comes after it.
    """

    head: str
    top: str
    end: str


@functools.cache
def frame():
    """Return the frame of the pages that DaCHS makes."""
    style = f'<link rel="stylesheet" href="{assets.address_of(_STYLE)}" />'
    head = templates.fragment("frame_head.html") + style
    return Frame(head, templates.fragment("frame_top.html"), templates.fragment("frame_end.html"))
