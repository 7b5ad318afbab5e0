"""Sky maps and coverage maps: reading and making them, and their 50 % and 90 % regions."""

from ingest.alerts.skymaps.circle_coverage import circle_regions
from ingest.alerts.skymaps.directions import read_directions
from ingest.alerts.skymaps.making import concentration, make_map
from ingest.alerts.skymaps.model import SkyMap, map_regions, read_map
from ingest.alerts.skymaps.multiorder import cell_centres, cells_at
from ingest.alerts.skymaps.overlap import Cells, circle_overlap, overlap

__all__ = [
    "Cells",
    "SkyMap",
    "cell_centres",
    "cells_at",
    "circle_overlap",
    "circle_regions",
    "concentration",
    "make_map",
    "map_regions",
    "overlap",
    "read_directions",
    "read_map",
]
