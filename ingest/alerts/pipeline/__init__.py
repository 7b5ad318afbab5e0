"""From delivered packets to the archive, and from the archive to the tables."""

from ingest.alerts.pipeline.intake import (
    Archived,
    archive_of,
    attach_map,
    check_archive,
    count_rows,
    fill_tables,
    rebuild,
    receive,
)
from ingest.alerts.pipeline.run import Outcome

__all__ = [
    "Archived",
    "Outcome",
    "archive_of",
    "attach_map",
    "check_archive",
    "count_rows",
    "fill_tables",
    "rebuild",
    "receive",
]
