"""Registry records: made, harvested, and judged as registries will judge them."""

from ingest.publish.registry.publishing import publish
from ingest.publish.registry.rules import is_doi

__all__ = ["is_doi", "publish"]
