"""The difference between two versions of a release: events added, removed and changed."""

from ingest.events.difference.comparing import compare
from ingest.events.difference.model import ColumnChange, Difference, Example

__all__ = ["ColumnChange", "Difference", "Example", "compare"]
