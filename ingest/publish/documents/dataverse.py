"""A release's metadata for a Dataverse, such as KM3NeT's Open Data Center.

The format is that of Dataverse's native API, whose metadata blocks ``citation`` and
``astrophysics`` define which fields are compound, multiple or from a controlled vocabulary.
"""

from __future__ import annotations

from typing import Any, Final

from ingest.publish.documents.datacite import UAT, UAT_URI
from ingest.publish.documents.dates import days
from ingest.publish.documents.record import Agent, ReleaseRecord

AGENCY: Final = "IVOA"
"""The agency of the identifier by which a deposited release is recognised."""
_LICENCES: Final = {
    "CC0-1.0": ("CC0 1.0", "http://creativecommons.org/publicdomain/zero/1.0"),
    "CC-BY-4.0": ("CC BY 4.0", "http://creativecommons.org/licenses/by/4.0"),
}
"""The licences that every Dataverse knows, by their SPDX identifiers."""

Field = dict[str, Any]


def to_dataverse(record: ReleaseRecord) -> dict[str, Any]:
    """Return the data set as Dataverse's native API expects it."""
    version: dict[str, Any] = {
        "metadataBlocks": {
            "citation": {"displayName": "Citation Metadata", "fields": _citation(record)},
            "astrophysics": {
                "displayName": "Astronomy and Astrophysics Metadata",
                "fields": _astrophysics(record),
            },
        }
    }
    if record.licence.spdx in _LICENCES:
        name, uri = _LICENCES[record.licence.spdx]
        version["license"] = {"name": name, "uri": uri}
    else:
        version["termsOfUse"] = f"{record.licence.text} {record.licence.uri}"
    return {"datasetVersion": version}


def _citation(record: ReleaseRecord) -> list[Field]:
    identifiers = [(AGENCY, record.identifier)]
    if record.doi:
        identifiers.append(("DOI", record.doi))
    fields = [
        _text("title", record.title),
        _text("alternativeURL", record.reference_url),
        _compounds(
            "otherId",
            [
                [_text("otherIdAgency", agency), _text("otherIdValue", value)]
                for agency, value in identifiers
            ],
        ),
        _compounds("author", [_author(one) for one in record.creators]),
        _compounds(
            "datasetContact",
            [
                [
                    _text("datasetContactName", record.contact.name),
                    _text("datasetContactEmail", record.contact.email),
                ]
            ],
        ),
        _compounds("dsDescription", [[_text("dsDescriptionValue", record.description)]]),
        _words("subject", ["Astronomy and Astrophysics", "Physics"]),
        _compounds(
            "keyword",
            [
                [
                    _text("keywordValue", one.label),
                    _text("keywordVocabulary", UAT),
                    _text("keywordVocabularyURI", UAT_URI),
                ]
                for one in record.subjects
            ],
        ),
        _words("language", ["English"]),
        _compounds("producer", [[_text("producerName", record.publisher)]]),
        _compounds("distributor", [[_text("distributorName", record.publisher)]]),
        _text("distributionDate", record.created.date().isoformat()),
        _texts("kindOfData", ["event data"]),
        _texts("relatedMaterial", _services(record)),
    ]
    if papers := _papers(record):
        fields.append(_compounds("publication", papers))
    if record.contributors:
        people = [
            [_word("contributorType", "Other"), _text("contributorName", one.name)]
            for one in record.contributors
        ]
        fields.append(_compounds("contributor", people))
    if covered := days(record):
        fields.append(_period("timePeriodCovered", "Start", "End", covered))
    return fields


def _astrophysics(record: ReleaseRecord) -> list[Field]:
    fields = [_words("astroType", ["EventList", "Catalog"])]
    if record.facilities:
        fields.append(_texts("astroFacility", record.facilities))
    if record.instruments:
        fields.append(_texts("astroInstrument", record.instruments))
    if covered := days(record):
        fields.append(_period("coverage.Temporal", ".StartTime", ".StopTime", covered))
    if record.coverage.sky:
        fields.append(_texts("coverage.Spatial", [f"MOC (ICRS): {record.coverage.sky}"]))
    if record.main_table.rows is not None:
        fields.append(_text("coverage.ObjectCount", str(record.main_table.rows)))
    return fields


def _author(agent: Agent) -> list[Field]:
    fields = [_text("authorName", agent.name)]
    if agent.orcid:
        fields.append(_word("authorIdentifierScheme", "ORCID"))
        fields.append(_text("authorIdentifier", agent.orcid))
    return fields


def _papers(record: ReleaseRecord) -> list[list[Field]]:
    if record.paper_doi:
        return [
            [
                _word("publicationIDType", "doi"),
                _text("publicationIDNumber", record.paper_doi),
                _text("publicationURL", f"https://doi.org/{record.paper_doi}"),
            ]
        ]
    if record.bibcode:
        return [
            [
                _word("publicationIDType", "bibcode"),
                _text("publicationIDNumber", record.bibcode),
            ]
        ]
    return []


def _services(record: ReleaseRecord) -> list[str]:
    named = [("Cone search", record.cone_search), ("TAP service", record.tap)]
    named += [(f"File {one.name}, sha256 {one.sha256}", one.url) for one in record.files]
    return [f"{name}: {url}" for name, url in named if url]


def _text(name: str, value: str) -> Field:
    return {"typeName": name, "typeClass": "primitive", "multiple": False, "value": value}


def _texts(name: str, values: list[str] | tuple[str, ...]) -> Field:
    return {"typeName": name, "typeClass": "primitive", "multiple": True, "value": list(values)}


def _word(name: str, value: str) -> Field:
    return {
        "typeName": name,
        "typeClass": "controlledVocabulary",
        "multiple": False,
        "value": value,
    }


def _words(name: str, values: list[str]) -> Field:
    return {
        "typeName": name,
        "typeClass": "controlledVocabulary",
        "multiple": True,
        "value": values,
    }


def _compounds(name: str, values: list[list[Field]]) -> Field:
    return {
        "typeName": name,
        "typeClass": "compound",
        "multiple": True,
        "value": [{field["typeName"]: field for field in fields} for fields in values],
    }


def _period(name: str, first: str, last: str, covered: tuple[str, str]) -> Field:
    return _compounds(
        name, [[_text(f"{name}{first}", covered[0]), _text(f"{name}{last}", covered[1])]]
    )
