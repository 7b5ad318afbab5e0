"""A release's metadata for a deposit at Zenodo: the fields its REST API documents."""

from __future__ import annotations

import html
from typing import Any

from ingest.publish.documents.dates import days
from ingest.publish.documents.record import Agent, ReleaseRecord


def to_zenodo(record: ReleaseRecord) -> dict[str, Any]:
    """Return the deposit's metadata.

    For a data set without a DOI of its own, Zenodo is asked to reserve one.
    """
    metadata: dict[str, Any] = {
        "upload_type": "dataset",
        "title": record.title,
        "creators": [_agent(one) for one in record.creators],
        "description": f"<p>{html.escape(record.description, quote=False)}</p>",
        "publication_date": record.created.date().isoformat(),
        "access_right": "open",
        "license": record.licence.spdx.lower(),
        "language": "eng",
        "keywords": [one.label for one in record.subjects],
        "subjects": [
            {"term": one.label, "identifier": one.uri, "scheme": "url"} for one in record.subjects
        ],
        "contributors": [
            {"name": record.contact.name, "type": "ContactPerson"},
            *(_agent(one) | {"type": "Other"} for one in record.contributors),
        ],
        "related_identifiers": _related(record),
        "notes": html.escape(record.licence.text, quote=False),
    }
    if record.doi:
        metadata["doi"] = record.doi
    else:
        metadata["prereserve_doi"] = True
    if record.version:
        metadata["version"] = record.version
    if covered := days(record):
        metadata["dates"] = [{"start": covered[0], "end": covered[1], "type": "Collected"}]
    return {"metadata": metadata}


def _agent(agent: Agent) -> dict[str, str]:
    return {"name": agent.name} | ({"orcid": agent.orcid} if agent.orcid else {})


def _related(record: ReleaseRecord) -> list[dict[str, str]]:
    related = [
        {"identifier": record.reference_url, "relation": "isAlternateIdentifier", "scheme": "url"}
    ]
    if record.paper_doi:
        related.append(
            {
                "identifier": record.paper_doi,
                "relation": "isSupplementTo",
                "resource_type": "publication-article",
                "scheme": "doi",
            }
        )
    if record.bibcode:
        related.append(
            {
                "identifier": record.bibcode,
                "relation": "isSupplementTo",
                "resource_type": "publication-article",
                "scheme": "ads",
            }
        )
    related += [
        {
            "identifier": one.doi or one.page,
            "relation": one.type[0].lower() + one.type[1:],
            "scheme": "doi" if one.doi else "url",
        }
        for one in record.relations
    ]
    return related
