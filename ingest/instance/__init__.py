"""A private PostgreSQL and DaCHS below ``var/``: directories, account, state and settings.

Start, stop and reset are in :mod:`ingest.instance.lifecycle`, DaCHS in
:mod:`ingest.instance.dachs`.
"""

from ingest.instance.account import Account
from ingest.instance.dump import dump_database
from ingest.instance.layout import ARCHIVE_VARIABLE, InstanceState, Layout, current_layout
from ingest.instance.postgres import Cluster
from ingest.instance.probes import cone_problem, job_problem, tap_problem, web_server_answers
from ingest.instance.site import SITE_FILES, SITE_VARIABLE, Site, load_site
from ingest.instance.starts import server_starts

__all__ = [
    "ARCHIVE_VARIABLE",
    "SITE_FILES",
    "SITE_VARIABLE",
    "Account",
    "Cluster",
    "InstanceState",
    "Layout",
    "Site",
    "cone_problem",
    "current_layout",
    "dump_database",
    "job_problem",
    "load_site",
    "server_starts",
    "tap_problem",
    "web_server_answers",
]
