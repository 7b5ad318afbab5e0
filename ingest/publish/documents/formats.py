"""The documents that can be made of a release's metadata, by where they go."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ingest.core.files import atomic_write
from ingest.instance import current_layout
from ingest.publish.documents.citation import to_citation
from ingest.publish.documents.datacite import to_datacite, to_datacite_xml
from ingest.publish.documents.dataverse import to_dataverse
from ingest.publish.documents.jsonld import to_croissant, to_jsonld
from ingest.publish.documents.km3resource import to_km3resource
from ingest.publish.documents.record import Record
from ingest.publish.documents.serving import table_hash
from ingest.publish.documents.zenodo import to_zenodo


@dataclass(frozen=True)
class Form:
    """One form of a release's metadata: the file it is kept in, and how its text is made."""

    file: str
    text: Callable[[Record], str]


def json_text(document: dict[str, Any]) -> str:
    """Return JSON as people can read it."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


FORMS: Final[dict[str, tuple[Form, ...]]] = {
    "citation": (Form("CITATION.cff", to_citation),),
    "croissant": (
        Form(
            "croissant.json",
            lambda record: json_text(to_croissant(record, table_hash(record, current_layout()))),
        ),
    ),
    "datacite": (
        Form("datacite.json", lambda record: json_text(to_datacite(record))),
        Form("datacite.xml", to_datacite_xml),
    ),
    "dataverse": (Form("dataverse.json", lambda record: json_text(to_dataverse(record))),),
    "jsonld": (Form("dataset.jsonld", lambda record: json_text(to_jsonld(record))),),
    "km3resource": (Form("km3resource.json", lambda record: json_text(to_km3resource(record))),),
    "zenodo": (Form("zenodo.json", lambda record: json_text(to_zenodo(record))),),
}
"""What ``km3vo cite --to`` offers."""


def write(record: Record, target: str, folder: Path) -> list[Path]:
    """Write the documents for `target` into `folder`, all of them or none; return their paths.

    Raises
    ------
    ingest.core.errors.ManifestError
        If the metadata are not good enough for the target; nothing is written.
    """
    texts = {folder / form.file: form.text(record) for form in FORMS[target]}
    for path, text in texts.items():
        with atomic_write(path) as stream:
            stream.write(text.encode())
    return list(texts)
