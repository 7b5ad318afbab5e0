"""Manifests of releases, and the acquisition of their delivered files."""

from ingest.events.delivery.listed import DeliveredFile, ResponseFile, TableFile
from ingest.events.delivery.manifest import (
    MANIFEST,
    REVISABLE,
    TEXTS,
    Manifest,
    ObservationSection,
    ReleaseSection,
    is_draft,
    load_manifest,
    predecessors,
    release_names,
)
from ingest.events.delivery.responses import (
    LICENCES,
    RESPONSES_MANIFEST,
    ResponsesManifest,
    ResponsesSection,
    is_draft_of_responses,
    load_responses,
    responses_names,
)
from ingest.events.delivery.sources import (
    AcquiredFile,
    LocatedFile,
    acquire,
    locate,
    overlay_directory,
    verify,
)
from ingest.events.delivery.store import DeliveryStore, KeptFile
from ingest.events.delivery.texts import Texts, parse_texts, read_texts

__all__ = [
    "LICENCES",
    "MANIFEST",
    "RESPONSES_MANIFEST",
    "REVISABLE",
    "TEXTS",
    "AcquiredFile",
    "DeliveredFile",
    "DeliveryStore",
    "KeptFile",
    "LocatedFile",
    "Manifest",
    "ObservationSection",
    "ReleaseSection",
    "ResponseFile",
    "ResponsesManifest",
    "ResponsesSection",
    "TableFile",
    "Texts",
    "acquire",
    "is_draft",
    "is_draft_of_responses",
    "load_manifest",
    "load_responses",
    "locate",
    "overlay_directory",
    "parse_texts",
    "predecessors",
    "read_texts",
    "release_names",
    "responses_names",
    "verify",
]
