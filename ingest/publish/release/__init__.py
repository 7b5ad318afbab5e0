"""The life of a release: drafted, checked, changed, renamed, withdrawn; and what is known of it."""

from ingest.publish.release.alert_catalogue import FILE_NAME, AlertSnapshot, snapshot_alerts
from ingest.publish.release.check import ReleaseCheck, check_metadata, check_release
from ingest.publish.release.delivered import summarize
from ingest.publish.release.draft import Draft
from ingest.publish.release.editing import read_text_file, set_facts, write_facts
from ingest.publish.release.hats import (
    HATS,
    LARGE,
    ROWS_PER_PARTITION,
    has_hats_import,
    write_hats,
)
from ingest.publish.release.kept import Delivery, deliveries, prune
from ingest.publish.release.oscillation import draft_oscillation
from ingest.publish.release.places import check_name, deliver, require_release
from ingest.publish.release.questions import Question
from ingest.publish.release.responses import (
    describe_responses,
    list_responses,
    state_of_responses,
    withdraw_responses,
)
from ingest.publish.release.states import (
    ReleaseState,
    State,
    describe,
    list_releases,
    state_of,
)
from ingest.publish.release.unpublished import refuse_removal, remove, rename
from ingest.publish.release.withdrawal import take_offline, undo_withdrawal, withdraw_release

__all__ = [
    "FILE_NAME",
    "HATS",
    "LARGE",
    "ROWS_PER_PARTITION",
    "AlertSnapshot",
    "Delivery",
    "Draft",
    "Question",
    "ReleaseCheck",
    "ReleaseState",
    "State",
    "check_metadata",
    "check_name",
    "check_release",
    "deliver",
    "deliveries",
    "describe",
    "describe_responses",
    "draft_oscillation",
    "has_hats_import",
    "list_releases",
    "list_responses",
    "prune",
    "read_text_file",
    "refuse_removal",
    "remove",
    "rename",
    "require_release",
    "set_facts",
    "snapshot_alerts",
    "state_of",
    "state_of_responses",
    "summarize",
    "take_offline",
    "undo_withdrawal",
    "withdraw_release",
    "withdraw_responses",
    "write_facts",
    "write_hats",
]
