"""The pages that every test of the look and the manners of pages visits."""

from __future__ import annotations

from typing import Final

PAGES: Final = {
    "front": "/",
}
"""Paths by name; one or two of each kind of page."""
