"""DaCHS in an instance: its configuration, command line and server, and what it publishes.

The functions that install descriptors step by step are in :mod:`ingest.instance.dachs.deploy`.
"""

from ingest.instance.dachs.client import Dachs
from ingest.instance.dachs.combined import FACTS, RESPONSES_FACTS, facts_in
from ingest.instance.dachs.deploy import SIMULATED_WARNING, Deployment, is_simulated
from ingest.instance.dachs.early import started_early
from ingest.instance.dachs.loading import watched_loading
from ingest.instance.dachs.logins import GROUP, members, remove_member, set_member
from ingest.instance.dachs.periods import Period, schema_of
from ingest.instance.dachs.publication import (
    COMBINED,
    COMBINED_DESCRIPTORS,
    COMBINED_SCHEMAS,
    Publication,
    count,
    known_to_registries,
    publish,
    publish_responses,
)
from ingest.instance.dachs.registration import online_releases, online_responses, register, withdraw
from ingest.instance.dachs.switch import bring_online, recover
from ingest.instance.dachs.vocabularies import VOCABULARY_ROOT, VOCABULARY_TERMS, known_terms
from ingest.instance.dachs.worker import WORKER_VARIABLE, Worker

__all__ = [
    "COMBINED",
    "COMBINED_DESCRIPTORS",
    "COMBINED_SCHEMAS",
    "FACTS",
    "GROUP",
    "RESPONSES_FACTS",
    "SIMULATED_WARNING",
    "VOCABULARY_ROOT",
    "VOCABULARY_TERMS",
    "WORKER_VARIABLE",
    "Dachs",
    "Deployment",
    "Period",
    "Publication",
    "Worker",
    "bring_online",
    "count",
    "facts_in",
    "is_simulated",
    "known_terms",
    "known_to_registries",
    "members",
    "online_releases",
    "online_responses",
    "publish",
    "publish_responses",
    "recover",
    "register",
    "remove_member",
    "schema_of",
    "set_member",
    "started_early",
    "watched_loading",
    "withdraw",
]
