"""VOEvents of versions 1.1, 2.0 and 2.1."""

from ingest.alerts.notices.voevent.notice import notice_of

__all__ = ["notice_of"]
