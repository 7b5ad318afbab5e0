"""The pages that every test of the look and the manners of pages visits."""

from __future__ import annotations

from typing import Final

PAGES: Final = {
    "front": "/",
    "release": "/ant20_01",
    "release with tables": "/evts23_01",
    "sky": "/sky",
    "alert": "/alerts/km3net/KM3-230213A",
    "revived alert": "/alerts/test/ligo-virgo-kagra/MS181101ab",
    "learn": "/learn",
    "status": "/status",
    "query": "/query?near=77.36+5.69",
    "around": "/around?target=77.36+5.69",
}
"""Paths by name; one or two of each kind of page."""
