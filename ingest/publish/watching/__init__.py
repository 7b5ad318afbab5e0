"""What operators see of an instance: metrics for Prometheus, and statistics of its use."""

from ingest.publish.watching.exporter import collectors
from ingest.publish.watching.usage import COLUMNS, Usage, usage_by_month

__all__ = ["COLUMNS", "Usage", "collectors", "usage_by_month"]
