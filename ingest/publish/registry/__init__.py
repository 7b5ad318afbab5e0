"""Registry records: made, harvested, and validated as registries will validate them."""

from ingest.publish.registry.findings import exit_code
from ingest.publish.registry.page import plain_page, write_page
from ingest.publish.registry.publishing import publish_records
from ingest.publish.registry.rules import is_doi

__all__ = ["exit_code", "is_doi", "plain_page", "publish_records", "write_page"]
