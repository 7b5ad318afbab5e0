"""Notices in GCN's JSON format."""

from ingest.alerts.notices.gcn.identity import KM3NET_STREAM, is_km3net, ivorn_of
from ingest.alerts.notices.gcn.notice import notice_of
from ingest.alerts.notices.gcn.parameters import load_notice
from ingest.alerts.notices.gcn.parts import decode_fits

__all__ = ["KM3NET_STREAM", "decode_fits", "is_km3net", "ivorn_of", "load_notice", "notice_of"]
