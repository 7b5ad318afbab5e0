"""Sky maps and coverage maps: reading, making, and the regions they enclose."""

from ingest.alerts.skymaps.circles import circle_regions
from ingest.alerts.skymaps.directions import read_directions
from ingest.alerts.skymaps.making import make_map
from ingest.alerts.skymaps.model import SkyMap, map_regions, read_map

__all__ = ["SkyMap", "circle_regions", "make_map", "map_regions", "read_directions", "read_map"]
