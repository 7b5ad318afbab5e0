"""The documents that can be made from a release's metadata, by target."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ingest.core import privileges
from ingest.core.files import atomic_write
from ingest.instance import current_layout
from ingest.publish.documents.bibtex import to_bibtex
from ingest.publish.documents.citation import to_citation
from ingest.publish.documents.datacite import to_datacite, to_datacite_xml
from ingest.publish.documents.dataverse import to_dataverse
from ingest.publish.documents.jsonld import to_croissant, to_jsonld
from ingest.publish.documents.km3resource import to_km3resource
from ingest.publish.documents.record import ReleaseRecord
from ingest.publish.documents.serving import table_hash
from ingest.publish.documents.zenodo import to_zenodo


@dataclass(frozen=True)
class Document:
    """A document with a release's metadata: its file name, and a function that returns its text."""

    file: str
    text: Callable[[ReleaseRecord], str]


def json_text(document: dict[str, Any]) -> str:
    """Return indented JSON."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


DOCUMENTS: Final[dict[str, tuple[Document, ...]]] = {
    "bibtex": (Document("data.bib", to_bibtex),),
    "citation": (Document("CITATION.cff", to_citation),),
    "croissant": (
        Document(
            "croissant.json",
            lambda record: json_text(to_croissant(record, table_hash(record, current_layout()))),
        ),
    ),
    "datacite": (
        Document("datacite.json", lambda record: json_text(to_datacite(record))),
        Document("datacite.xml", to_datacite_xml),
    ),
    "dataverse": (Document("dataverse.json", lambda record: json_text(to_dataverse(record))),),
    "jsonld": (Document("dataset.jsonld", lambda record: json_text(to_jsonld(record))),),
    "km3resource": (
        Document("km3resource.json", lambda record: json_text(to_km3resource(record))),
    ),
    "zenodo": (Document("zenodo.json", lambda record: json_text(to_zenodo(record))),),
}
"""The documents by target, the choices of ``km3vo cite --to``."""


def write(record: ReleaseRecord, target: str, folder: Path) -> list[Path]:
    """Write all documents for `target` into `folder`, or none; return their paths.

    Raises
    ------
    ingest.core.errors.ManifestError
        If the metadata do not suffice for the target; nothing is written then.
    """
    texts = {folder / form.file: form.text(record) for form in DOCUMENTS[target]}
    # they are the caller's, not the instance's
    with privileges.caller(), privileges.caller_umask():
        for path, text in texts.items():
            with atomic_write(path) as stream:
                stream.write(text.encode())
    return list(texts)
