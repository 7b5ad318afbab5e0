"""What was delivered: manifests of releases, and the sources of their files."""

from ingest.events.delivery.manifest import (
    DeliveredFile,
    Manifest,
    ObservationSection,
    load_manifest,
    release_names,
)
from ingest.events.delivery.sources import Acquired, acquire, overlay_directory, verify

__all__ = [
    "Acquired",
    "DeliveredFile",
    "Manifest",
    "ObservationSection",
    "acquire",
    "load_manifest",
    "overlay_directory",
    "release_names",
    "verify",
]
