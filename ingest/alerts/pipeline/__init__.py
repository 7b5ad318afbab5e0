"""From packet sources to the archive, and from the archive to the tables."""

from ingest.alerts.pipeline.archiving import ArchivingReport, archive_packets
from ingest.alerts.pipeline.background import BackgroundProcess
from ingest.alerts.pipeline.comparison import Difference, compare_tables
from ingest.alerts.pipeline.curation import hide, prove_packet, seal, show
from ingest.alerts.pipeline.instance_tables import (
    attach_map,
    check_archive,
    count_rows,
    existing_store,
    import_packets,
    open_archive,
    rebuild_tables,
    retry_quarantined,
    update_tables,
    why_no_tables,
)
from ingest.alerts.pipeline.live_tables import (
    Gap,
    Latency,
    count_gaps,
    latency_percentiles,
    newest_gaps,
    received_streams,
)
from ingest.alerts.pipeline.matches import compute_matches
from ingest.alerts.pipeline.processing import ProcessingReport, process_received
from ingest.alerts.pipeline.records import publish_silences, reflect_outbox
from ingest.alerts.pipeline.worker_pool import WorkerPool

__all__ = [
    "ArchivingReport",
    "BackgroundProcess",
    "Difference",
    "Gap",
    "Latency",
    "ProcessingReport",
    "WorkerPool",
    "archive_packets",
    "attach_map",
    "check_archive",
    "compare_tables",
    "compute_matches",
    "count_gaps",
    "count_rows",
    "existing_store",
    "hide",
    "import_packets",
    "latency_percentiles",
    "newest_gaps",
    "open_archive",
    "process_received",
    "prove_packet",
    "publish_silences",
    "rebuild_tables",
    "received_streams",
    "reflect_outbox",
    "retry_quarantined",
    "seal",
    "show",
    "update_tables",
    "why_no_tables",
]
