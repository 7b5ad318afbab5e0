"""KM3NeT's open-science review of a release."""

from ingest.publish.review.checklist import passed, review

__all__ = ["passed", "review"]
