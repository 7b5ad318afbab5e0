"""Registry records: made, harvested, and judged as registries will judge them."""

from ingest.publish.registry.page import plain_page, write_page
from ingest.publish.registry.publishing import publish_records
from ingest.publish.registry.rules import is_doi

__all__ = ["is_doi", "plain_page", "publish_records", "write_page"]
