"""The map of the accepted events in the page of a report."""

from __future__ import annotations

import base64
from typing import Final

from matplotlib import style
from matplotlib.figure import Figure

from ingest.core.skyplot import draw_sky, png
from ingest.events.product.preview import draw_events
from ingest.events.survey import SkyCounts

_INK: Final = "#7d8894"
"""Readable on white and on black."""
_INCHES, _DPI = (9.0, 4.75), 120


def sky_map(sky: SkyCounts) -> str:
    """Return the map as a PNG picture in a ``data:`` URL, transparent outside the sky."""
    # independent of the user's matplotlib settings
    with style.context("default"):
        figure = Figure(figsize=_INCHES, dpi=_DPI, facecolor="none")
        axes = figure.add_axes((0.01, 0.055, 0.98, 0.94))
        draw_sky(axes, _INK)
        draw_events(figure, axes, sky, {}, _INK)
        picture = png(figure, transparent=True)
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"
