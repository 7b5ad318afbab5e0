"""The pages that every test of the look and the manners of pages visits."""

from __future__ import annotations

from typing import Final

PAGES: Final = {
    "front": "/",
    "release": "/ant20_01",
    "release with tables": "/evts23_01",
    "sky": "/sky",
}
"""Paths by name; one or two of each kind of page."""
