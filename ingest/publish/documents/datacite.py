"""A release's metadata for DataCite, which registers DOIs: its schema 4.5, JSON and XML."""

from __future__ import annotations

from typing import Any

from ingest.core.checkout import INPUTS
from ingest.core.errors import ManifestError
from ingest.publish.documents.dates import days
from ingest.publish.documents.record import Agent, ReleaseRecord

UAT = "Unified Astronomy Thesaurus"
UAT_URI = "http://www.ivoa.net/rdf/uat"


def to_datacite(record: ReleaseRecord) -> dict[str, Any]:
    """Return the metadata as DataCite's JSON.

    Raises
    ------
    ManifestError
        If the data have no DOI of their own, or DataCite's schema does not accept the result.
    """
    if record.doi is None:
        raise ManifestError(
            "the data set has no DOI of its own",
            file=INPUTS / record.release / "release.toml",
            where="release.data_doi",
            value=f"{record.paper_doi}, of the paper" if record.paper_doi else None,
            expected="the DOI of the data",
            remedy=f"km3vo cite {record.release} --to datacite --reserve (or --to zenodo), then"
            f" make import RELEASE={record.release}",
        )
    document: dict[str, Any] = {
        "doi": record.doi,
        "url": record.reference_url,
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": record.type},
        "creators": [_agent(one) for one in record.creators],
        "titles": [{"title": record.title}],
        "publisher": {"name": record.publisher},
        "publicationYear": str(record.created.year),
        "language": "en",
        "subjects": [
            {
                "subject": one.label,
                "subjectScheme": UAT,
                "schemeUri": UAT_URI,
                "valueUri": one.uri,
            }
            for one in record.subjects
        ],
        "contributors": [
            {
                "name": record.contact.name,
                "nameType": "Organizational",
                "contributorType": "ContactPerson",
            },
            *(_agent(one) | {"contributorType": "Other"} for one in record.contributors),
        ],
        "dates": _dates(record),
        "alternateIdentifiers": [
            {"alternateIdentifier": record.identifier, "alternateIdentifierType": "IVOID"}
        ],
        "relatedIdentifiers": _related(record),
        "sizes": [f"{one.size} bytes ({one.name})" for one in record.files],
        "formats": sorted({one.media_type for one in record.files}),
        "rightsList": [
            {
                "rights": record.licence.text,
                "rightsUri": record.licence.uri,
                "rightsIdentifier": record.licence.spdx,
                "rightsIdentifierScheme": "SPDX",
                "schemeUri": "https://spdx.org/licenses/",
            }
        ],
        "descriptions": [{"description": record.description, "descriptionType": "Abstract"}],
        "schemaVersion": "http://datacite.org/schema/kernel-4",
    }
    if record.version:
        document["version"] = record.version
    from datacite import schema45

    problems = [error.message for error in schema45.validator.iter_errors(document)]
    if problems:
        raise ManifestError(
            "DataCite's schema does not accept the metadata",
            file=INPUTS / record.release / "release.toml",
            value="\n".join(problems),
            remedy="correct the manifest, then import the release again",
        )
    return document


def to_datacite_xml(record: ReleaseRecord) -> str:
    """Return the metadata as DataCite's XML; see :func:`to_datacite`."""
    from datacite import schema45

    return str(schema45.tostring(to_datacite(record)))


def _agent(agent: Agent) -> dict[str, Any]:
    if agent.is_organisation:
        return {"name": agent.name, "nameType": "Organizational"}
    document: dict[str, Any] = {
        "name": agent.name,
        "nameType": "Personal",
        "familyName": agent.family_name,
        "givenName": agent.given_name,
    }
    if agent.orcid:
        document["nameIdentifiers"] = [
            {
                "nameIdentifier": f"https://orcid.org/{agent.orcid}",
                "nameIdentifierScheme": "ORCID",
                "schemeUri": "https://orcid.org",
            }
        ]
    return document


def _dates(record: ReleaseRecord) -> list[dict[str, str]]:
    dates = [
        {"date": record.created.date().isoformat(), "dateType": "Created"},
        {"date": record.updated.date().isoformat(), "dateType": "Updated"},
    ]
    if covered := days(record):
        dates.append({"date": "/".join(covered), "dateType": "Collected"})
    return dates


def _related(record: ReleaseRecord) -> list[dict[str, str]]:
    related = []
    if record.paper_doi:
        related.append((record.paper_doi, "DOI", "IsSupplementTo"))
    if record.bibcode:
        related.append((record.bibcode, "bibcode", "IsSupplementTo"))
    related += [
        (one.doi, "DOI", one.type) if one.doi else (one.page, "URL", one.type)
        for one in record.relations
    ]
    return [
        {
            "relatedIdentifier": identifier,
            "relatedIdentifierType": kind,
            "relationType": relation,
        }
        for identifier, kind, relation in related
    ]
