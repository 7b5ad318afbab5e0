"""A release in the terms of KM3NeT's Open Data Center.

KM3NeT annotates what it publishes as a ``KM3OpenResource`` with an identifier (``kid``) and a
type (``ktype``) that tells its client openkm3 what to do with it; resources are grouped in a
``KM3ResourceCollection``. The terms are those of KM3NeT's documentation (Open Science Portal,
"Datamodels"; openkm3, "Store" and "Dataclasses"). All of them are in this module, where they are
easily changed.
"""

from __future__ import annotations

import uuid
from typing import Any, Final

from ingest.publish.documents.record import ReleaseRecord

VO_TYPE: Final = "vo.scs"
"""The ``ktype`` of a cone search also available by TAP: openkm3 then has get_scs and get_tap.

KM3NeT does not document its list of types; this one is to be agreed with the Open Data Center.
"""
READER: Final = "https://open-data.pages.km3net.de/openkm3"
"""The documentation of KM3NeT's client."""


def to_km3resource(record: ReleaseRecord) -> dict[str, Any]:
    """Return the collection of the release, with its VO service and its files as resources."""
    resources = [_resource(record, "vo", VO_TYPE, "KM3NeT VO service") | _service(record)]
    for number, file in enumerate(record.files, start=1):
        resources.append(
            _resource(record, f"file{number}", "file", file.description)
            | {
                "contentURL": file.url,
                "format": file.media_type,
                "size": file.size,
                "checksum": f"sha256:{file.sha256}",
            }
        )
    if record.kid:
        # the identifier that the import gave the product, which its provenance repeats
        for resource in resources:
            resource["provenance"] = record.kid
    return {
        "identifier": record.open_data_id,
        "kid": _kid(record, ""),
        "kclass": "KM3ResourceCollection",
        "name": record.short_name,
        **_common(record),
        "resources": resources,
    }


def _resource(record: ReleaseRecord, ending: str, ktype: str, name: str) -> dict[str, Any]:
    return {
        "identifier": f"{record.open_data_id}_{ending}",
        "kid": _kid(record, ending),
        "kclass": "KM3OpenResource",
        "ktype": ktype,
        "name": name,
        **_common(record),
    }


def _service(record: ReleaseRecord) -> dict[str, Any]:
    services = {"scs": record.cone_search, "tap": record.tap}
    return {
        "accessURL": {name: url for name, url in services.items() if url},
        "tables": [table.name for table in record.tables],
    }


def _common(record: ReleaseRecord) -> dict[str, Any]:
    links = [{"rel": "landing-page", "href": record.reference_url}]
    if record.paper_doi:
        links.append({"rel": "paper", "href": f"https://doi.org/{record.paper_doi}"})
    elif record.bibcode:
        links.append({"rel": "paper", "href": f"bibcode:{record.bibcode}"})
    links.append({"rel": "software", "href": READER})
    identifiers = {"ivoid": record.identifier, "doi": record.doi}
    return {
        "title": record.title,
        "description": record.description,
        "creator": [one.name for one in record.creators],
        "contributor": [one.name for one in record.contributors],
        "provider": {"name": record.publisher, "email": record.contact.email},
        "created": record.created.isoformat(),
        "updated": record.updated.isoformat(),
        "subject": [one.label for one in record.subjects],
        "license": {"spdx": record.licence.spdx, "url": record.licence.uri},
        "identifiers": {key: value for key, value in identifiers.items() if value},
        "links": links,
    }


def _kid(record: ReleaseRecord, ending: str) -> str:
    """Return an identifier that is always the same for the same resource."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{record.identifier}#{ending}"))
