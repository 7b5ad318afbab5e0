"""A release as a ``Dataset`` of schema.org, for search engines, and as Croissant.

Croissant (MLCommons) is the same description with more: the files' checksums, and what the
columns of the table hold, so that programs for machine learning can load it.
"""

from __future__ import annotations

import json
import urllib.parse
from typing import Any, Final

from ingest.publish.documents.bibtex import to_sentence
from ingest.publish.documents.dates import days
from ingest.publish.documents.record import ICRS_MOC, Agent, DataFile, ReleaseRecord, TableColumn

CROISSANT: Final = "http://mlcommons.org/croissant/1.0"
_CONTEXT: Final[dict[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataBiases": "cr:dataBiases",
    "dataCollection": "cr:dataCollection",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "personalSensitiveInformation": "cr:personalSensitiveInformation",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context that the Croissant format specification 1.0 prescribes."""
_ALL: Final = "20000000"
"""More rows than DaCHS returns in one response."""
_TYPES: Final = {
    "boolean": "sc:Boolean", "unsignedByte": "sc:Integer", "short": "sc:Integer",
    "int": "sc:Integer", "long": "sc:Integer", "float": "sc:Float", "double": "sc:Float",
    "char": "sc:Text", "unicodeChar": "sc:Text",
}  # fmt: skip
"""Croissant's types by those of VOTable."""


def to_jsonld(record: ReleaseRecord) -> dict[str, Any]:
    """Return the release as a ``Dataset`` of schema.org."""
    return {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "@id": f"https://doi.org/{record.doi}" if record.doi else record.reference_url,
    } | _dataset(record)


def to_croissant(record: ReleaseRecord, table_sha256: str | None = None) -> dict[str, Any]:
    """Return the release as Croissant 1.0, which is also a ``Dataset`` of schema.org.

    Parameters
    ----------
    record : ReleaseRecord
        The release.
    table_sha256 : str, optional
        The checksum of the file at :func:`table_url`. Without it the table is left out.
    """
    document: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CROISSANT,
    }
    document |= _dataset(record)
    document["citeAs"] = ". ".join([to_sentence(record), *_papers(record)])
    document["distribution"] = [_file_object(one) for one in record.files]
    url = table_url(record)
    if table_sha256 and url:
        document["distribution"].append(
            {
                "@type": "cr:FileObject",
                "@id": "table",
                "name": f"{record.release}.csv",
                "description": record.main_table.description,
                "contentUrl": url,
                "encodingFormat": "text/csv",
                "sha256": table_sha256,
            }
        )
        columns = [one for one in record.main_table.columns if one.is_plain]
        document["recordSet"] = [
            {
                "@type": "cr:RecordSet",
                "@id": "events",
                "name": "events",
                "description": record.main_table.description,
                "field": [_field(one) for one in columns],
            }
        ]
    return document


def table_url(record: ReleaseRecord) -> str | None:
    """Return the address of the table of events as CSV; None if there is no TAP service.

    Columns that do not hold a single number or text, such as circles, are left out. The rows are
    ordered, so that the same data give the same bytes.
    """
    table = record.main_table
    if record.tap is None or table.rows is None:
        return None
    names = [one.name for one in table.columns if one.is_plain]
    key = next((one.name for one in table.columns if one.ucd == "meta.id;meta.main"), names[0])
    query = {
        "LANG": "ADQL",
        "RESPONSEFORMAT": "csv",
        "MAXREC": _ALL,
        "QUERY": f"SELECT {', '.join(names)} FROM {table.name} ORDER BY {key}",
    }
    return f"{record.tap}/sync?{urllib.parse.urlencode(query)}"


def to_script(document: dict[str, Any]) -> str:
    """Return JSON that is safe inside a ``<script>`` element, whatever its texts contain."""
    text = json.dumps(document, ensure_ascii=False, indent=1)
    # In JSON these occur only in strings, where the escaped form means the same.
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _dataset(record: ReleaseRecord) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": record.title,
        "alternateName": record.short_name,
        "description": record.description,
        "url": record.reference_url,
        "identifier": [f"https://doi.org/{record.doi}"] if record.doi else [],
        "license": record.licence.uri,
        "isAccessibleForFree": True,
        "inLanguage": "en",
        "creator": [_agent(one) for one in record.creators],
        "contributor": [_agent(one) for one in record.contributors],
        "publisher": {
            "@type": "Organization",
            "name": record.publisher,
            "contactPoint": {
                "@type": "ContactPoint",
                "name": record.contact.name,
                "email": record.contact.email,
            },
        },
        "dateCreated": record.created.date().isoformat(),
        "datePublished": record.created.date().isoformat(),
        "dateModified": record.updated.date().isoformat(),
        "version": record.version,
        "keywords": [one.label for one in record.subjects],
        "about": [{"@type": "DefinedTerm", "@id": one.uri, "name": one.label, "termCode": one.term,
                   "inDefinedTermSet": one.uri.partition("#")[0]} for one in record.subjects],
        "isBasedOn": _papers(record),
        "citation": _papers(record),
        "measurementTechnique": "Cherenkov light in sea water",
        "variableMeasured": [_variable(one) for one in record.main_table.columns],
        "spatialCoverage": _sky(record),
        "additionalProperty": _energies(record),
        "distribution": [_download(one) for one in record.files],
    }  # fmt: skip
    document["identifier"].append(record.identifier)
    if covered := days(record):
        document["temporalCoverage"] = "/".join(covered)
    return {key: value for key, value in document.items() if value not in (None, [], "")}


def _agent(agent: Agent) -> dict[str, str]:
    if agent.is_organisation:
        return {"@type": "Organization", "name": agent.name}
    document = {
        "@type": "Person",
        "name": f"{agent.given_name} {agent.family_name}",
        "familyName": agent.family_name,
        "givenName": agent.given_name,
    }
    return document | ({"@id": f"https://orcid.org/{agent.orcid}"} if agent.orcid else {})


def _papers(record: ReleaseRecord) -> list[str]:
    if record.paper_doi:
        return [f"https://doi.org/{record.paper_doi}"]
    return [f"https://ui.adsabs.harvard.edu/abs/{record.bibcode}"] if record.bibcode else []


def _variable(column: TableColumn) -> dict[str, Any]:
    variable = {
        "@type": "PropertyValue",
        "name": column.name,
        "description": column.description,
        "unitText": column.unit,
        "propertyID": f"UCD:{column.ucd}" if column.ucd else "",
    }
    return {key: value for key, value in variable.items() if value}


def _sky(record: ReleaseRecord) -> dict[str, Any] | None:
    if not record.coverage.sky:
        return None
    return {
        "@type": "Place",
        "name": "On the sky (ICRS)",
        "additionalProperty": {
            "@type": "PropertyValue",
            "name": "MOC",
            "propertyID": ICRS_MOC,
            "value": record.coverage.sky,
        },
    }


def _energies(record: ReleaseRecord) -> dict[str, Any] | None:
    if record.coverage.energies is None:
        return None
    low, high = record.coverage.energies
    return {
        "@type": "PropertyValue",
        "name": "Energy of the messenger particles",
        "minValue": low,
        "maxValue": high,
        "unitText": "J",
    }


def _download(file: DataFile) -> dict[str, str]:
    return {
        "@type": "DataDownload",
        "name": file.name,
        "description": file.description,
        "contentUrl": file.url,
        "encodingFormat": file.media_type,
        "contentSize": f"{file.size} B",
        "sha256": file.sha256,
    }


def _file_object(file: DataFile) -> dict[str, str]:
    return _download(file) | {"@type": "cr:FileObject", "@id": file.name}


def _field(column: TableColumn) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"events/{column.name}",
        "name": column.name,
        "description": column.description,
        "dataType": _TYPES[column.type],
        "source": {"fileObject": {"@id": "table"}, "extract": {"column": column.name}},
    }
