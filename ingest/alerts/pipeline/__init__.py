"""From packet sources to the archive, and from the archive to the tables."""

from ingest.alerts.pipeline.archiving import ArchivingReport, archive_packets
from ingest.alerts.pipeline.comparison import Difference, compare_tables
from ingest.alerts.pipeline.instance_tables import (
    attach_map,
    check_archive,
    count_rows,
    open_archive,
    rebuild_tables,
    retry_quarantined,
    update_tables,
)
from ingest.alerts.pipeline.processing import ProcessingReport

__all__ = [
    "ArchivingReport",
    "Difference",
    "ProcessingReport",
    "archive_packets",
    "attach_map",
    "check_archive",
    "compare_tables",
    "count_rows",
    "open_archive",
    "rebuild_tables",
    "retry_quarantined",
    "update_tables",
]
