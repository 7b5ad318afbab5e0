"""Manifests of releases, and the acquisition of their delivered files."""

from ingest.events.delivery.manifest import (
    DeliveredFile,
    Manifest,
    ObservationSection,
    load_manifest,
    release_names,
)
from ingest.events.delivery.sources import AcquiredFile, acquire, overlay_directory, verify

__all__ = [
    "AcquiredFile",
    "DeliveredFile",
    "Manifest",
    "ObservationSection",
    "acquire",
    "load_manifest",
    "overlay_directory",
    "release_names",
    "verify",
]
