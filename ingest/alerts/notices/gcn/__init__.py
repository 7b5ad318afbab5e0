"""Notices in the JSON of GCN."""

from ingest.alerts.notices.gcn.notice import notice_of

__all__ = ["notice_of"]
