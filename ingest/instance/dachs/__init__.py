"""DaCHS in an instance: its configuration, command line, server, and what it publishes."""

from ingest.instance.dachs.client import Dachs
from ingest.instance.dachs.deploy import SIMULATED_WARNING
from ingest.instance.dachs.publication import JOINING, Publication, count, publish
from ingest.instance.dachs.registration import online_releases
from ingest.instance.dachs.vocabularies import ROOT, TERMS

__all__ = [
    "JOINING",
    "ROOT",
    "SIMULATED_WARNING",
    "TERMS",
    "Dachs",
    "Publication",
    "count",
    "online_releases",
    "publish",
]
