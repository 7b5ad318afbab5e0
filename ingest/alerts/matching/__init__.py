"""Matches of alerts with other alerts, published events and catalogues, and their chance.

The modules with the formulae for events and sources are loaded when they are needed: with the
libraries for tables and regions that takes a second, for which no command should wait.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ingest.alerts.matching.catalogue_settings import CatalogueSettings
from ingest.alerts.matching.configuration import CONFIG_VARIABLE, MatchConfig, load_matches
from ingest.alerts.matching.engine import count_waiting, enqueue_all, match_waiting, matchers
from ingest.alerts.matching.model import Match, MatchedEvent, Matcher, NoticeFacts
from ingest.alerts.matching.reading import AlertMatch, matches_of

if TYPE_CHECKING:
    from ingest.alerts.matching.association import (
        Association,
        associations,
        chance,
        counterpart_info,
        probabilities,
    )
    from ingest.alerts.matching.catalogues import (
        Catalogue,
        read_catalogue,
    )
    from ingest.alerts.matching.directions import FisherDirection, MapDirection
    from ingest.alerts.matching.fetching import fetch_catalogue
    from ingest.alerts.matching.published import PublishedSamples
    from ingest.alerts.matching.sample_matcher import SampleMatcher
    from ingest.alerts.matching.samples import (
        ORDER,
        Expectation,
        Region,
        Sample,
        counts_by_ring,
        expectation,
        merged,
        poisson_at_least,
        sample_of,
    )
    from ingest.alerts.matching.source_matcher import SourceMatcher, find_counterparts

_LATER = (
    "association", "catalogues", "directions", "fetching", "published", "sample_matcher", "samples",
    "source_matcher",
)  # fmt: skip

__all__ = [
    "CONFIG_VARIABLE",
    "ORDER",
    "AlertMatch",
    "Association",
    "Catalogue",
    "CatalogueSettings",
    "Expectation",
    "FisherDirection",
    "MapDirection",
    "Match",
    "MatchConfig",
    "MatchedEvent",
    "Matcher",
    "NoticeFacts",
    "PublishedSamples",
    "Region",
    "Sample",
    "SampleMatcher",
    "SourceMatcher",
    "associations",
    "chance",
    "count_waiting",
    "counterpart_info",
    "counts_by_ring",
    "enqueue_all",
    "expectation",
    "fetch_catalogue",
    "find_counterparts",
    "load_matches",
    "match_waiting",
    "matchers",
    "matches_of",
    "merged",
    "poisson_at_least",
    "probabilities",
    "read_catalogue",
    "sample_of",
]


def __getattr__(name: str) -> Any:
    """Load what is in a module that takes long."""
    if name in __all__:
        for module in _LATER:
            loaded = import_module(f"{__name__}.{module}")
            if hasattr(loaded, name):
                return getattr(loaded, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
