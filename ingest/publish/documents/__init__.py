"""Documents that make a release citable, all from its VOResource record."""

from ingest.publish.documents.deposit import deposit_to_dataverse
from ingest.publish.documents.formats import DOCUMENTS, write
from ingest.publish.documents.voresource import read_record
from ingest.publish.documents.webpage import refresh_web_pages

__all__ = ["DOCUMENTS", "deposit_to_dataverse", "read_record", "refresh_web_pages", "write"]
