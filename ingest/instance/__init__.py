"""A private PostgreSQL and DaCHS below ``var/``: directories, account, state and settings.

Start, stop and reset are in :mod:`ingest.instance.lifecycle`, DaCHS in
:mod:`ingest.instance.dachs`.
"""

from ingest.instance.account import Account
from ingest.instance.dump import dump_database
from ingest.instance.layout import ARCHIVE_VARIABLE, InstanceState, Layout, current_layout
from ingest.instance.postgres import Cluster
from ingest.instance.site import SITE_VARIABLE, Site, load_site

__all__ = [
    "ARCHIVE_VARIABLE",
    "SITE_VARIABLE",
    "Account",
    "Cluster",
    "InstanceState",
    "Layout",
    "Site",
    "current_layout",
    "dump_database",
    "load_site",
]
