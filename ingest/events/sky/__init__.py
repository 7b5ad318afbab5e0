"""Detectors, directions in their frames, and positions on the sky."""

from ingest.events.sky.coordinates import mjd_utc
from ingest.events.sky.detectors import DETECTORS, Detector, detector, detector_with_id
from ingest.events.sky.locating import locate_chunks

__all__ = [
    "DETECTORS",
    "Detector",
    "detector",
    "detector_with_id",
    "locate_chunks",
    "mjd_utc",
]
