"""A private PostgreSQL and DaCHS below ``var/``: layout, account, start and stop."""

from ingest.instance.account import Account
from ingest.instance.layout import ARCHIVE_VARIABLE, InstanceState, Layout, current_layout
from ingest.instance.postgres import Cluster
from ingest.instance.site import Site, load_site

__all__ = [
    "ARCHIVE_VARIABLE",
    "Account",
    "Cluster",
    "InstanceState",
    "Layout",
    "Site",
    "current_layout",
    "load_site",
]
