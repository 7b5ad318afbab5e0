"""Backups of an instance, and instances made from a backup."""

from ingest.publish.backup.repository import Repository
from ingest.publish.backup.restoring import restore
from ingest.publish.backup.saving import RECORD, Saved, save
from ingest.publish.backup.snapshot import BackupError, Snapshot

__all__ = ["RECORD", "BackupError", "Repository", "Saved", "Snapshot", "restore", "save"]
