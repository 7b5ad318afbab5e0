"""Detectors, directions in their frames, and positions on the sky."""

from ingest.events.sky.chunks import GALACTIC, RADII, locate_chunks
from ingest.events.sky.detectors import DETECTORS, Detector, detector, detector_with_id

__all__ = [
    "DETECTORS",
    "GALACTIC",
    "RADII",
    "Detector",
    "detector",
    "detector_with_id",
    "locate_chunks",
]
