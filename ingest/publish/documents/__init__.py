"""Documents that make a release citable, all from its VOResource record."""

from ingest.publish.documents.datacite import to_datacite
from ingest.publish.documents.dataverse import to_dataverse
from ingest.publish.documents.formats import DOCUMENTS, json_text, write
from ingest.publish.documents.record import ReleaseRecord
from ingest.publish.documents.voresource import read_record
from ingest.publish.documents.webpage import refresh_web_pages
from ingest.publish.documents.zenodo import to_zenodo

__all__ = [
    "DOCUMENTS",
    "ReleaseRecord",
    "json_text",
    "read_record",
    "refresh_web_pages",
    "to_datacite",
    "to_dataverse",
    "to_zenodo",
    "write",
]
