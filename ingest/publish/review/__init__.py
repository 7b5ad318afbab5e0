"""KM3NeT's open-science review of a release."""

from ingest.publish.review.checklist import passed, review
from ingest.publish.review.page import write_page

__all__ = ["passed", "review", "write_page"]
