"""The page of an import: what was delivered, what the checks found, what is online now.

:func:`write_report` loads matplotlib, hence only when it is called.
"""

from ingest.events.report.model import ImportReport
from ingest.events.report.online import difference_to_online
from ingest.events.report.writing import write_report

__all__ = ["ImportReport", "difference_to_online", "write_report"]
