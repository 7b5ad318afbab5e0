"""A release's ``CITATION.cff``: how to cite it, in the Citation File Format 1.2.0."""

from __future__ import annotations

from typing import Any

import yaml

from ingest.publish.documents.record import Agent, ReleaseRecord


def to_citation(record: ReleaseRecord) -> str:
    """Return the file's text."""
    document: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": _message(record),
        "type": "dataset",
        "title": record.title,
        "abstract": record.description,
        "authors": [_author(one) for one in record.creators],
        "date-released": record.created.date().isoformat(),
        "license": record.licence.spdx,
        "url": record.reference_url,
        "keywords": [one.label for one in record.subjects],
        "identifiers": [
            {
                "type": "other",
                "value": record.identifier,
                "description": "The release in the Virtual Observatory",
            }
        ],
        "contact": [{"name": record.contact.name, "email": record.contact.email}],
    }
    if record.doi:
        document["doi"] = record.doi
    if record.version:
        document["version"] = record.version
    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100))


def _message(record: ReleaseRecord) -> str:
    papers = [f"doi:{record.paper_doi}"] if record.paper_doi else []
    papers += [record.bibcode] if record.bibcode else []
    paper = f" and the paper they were published with ({', '.join(papers)})" if papers else ""
    return f"If you use these data, please cite them{paper}."


def _author(agent: Agent) -> dict[str, str]:
    if agent.is_organisation:
        return {"name": agent.name}
    author = {"family-names": agent.family_name, "given-names": agent.given_name}
    return author | ({"orcid": f"https://orcid.org/{agent.orcid}"} if agent.orcid else {})
