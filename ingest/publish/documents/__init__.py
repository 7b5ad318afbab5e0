"""Documents that make a release citable, all from its VOResource record."""

from ingest.publish.documents.deposit import deposit_to_dataverse
from ingest.publish.documents.formats import FORMS, write
from ingest.publish.documents.voresource import read_record

__all__ = ["FORMS", "deposit_to_dataverse", "read_record", "write"]
