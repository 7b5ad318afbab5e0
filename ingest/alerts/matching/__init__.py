"""Matches of alerts with other alerts, published events and catalogues, and their chance."""

from ingest.alerts.matching.associations import (
    Association,
    associations,
    chance,
    counterpart_info,
    probabilities,
)
from ingest.alerts.matching.catalogues import (
    Catalogue,
    CatalogueSettings,
    Circle,
    Columns,
    read_catalogue,
)
from ingest.alerts.matching.configuration import CONFIG_VARIABLE, MatchConfig, load_matches
from ingest.alerts.matching.engine import count_waiting, enqueue_all, match_waiting, matchers
from ingest.alerts.matching.model import Match, MatchedEvent, Matcher, NoticeFacts
from ingest.alerts.matching.samples import (
    ORDER,
    Expectation,
    Region,
    Sample,
    counts_by_ring,
    declinations,
    expectation,
    merged,
    poisson_at_least,
    sample_of,
)

__all__ = [
    "CONFIG_VARIABLE",
    "ORDER",
    "Association",
    "Catalogue",
    "CatalogueSettings",
    "Circle",
    "Columns",
    "Expectation",
    "Match",
    "MatchConfig",
    "MatchedEvent",
    "Matcher",
    "NoticeFacts",
    "Region",
    "Sample",
    "associations",
    "chance",
    "count_waiting",
    "counterpart_info",
    "counts_by_ring",
    "declinations",
    "enqueue_all",
    "expectation",
    "load_matches",
    "match_waiting",
    "matchers",
    "merged",
    "poisson_at_least",
    "probabilities",
    "read_catalogue",
    "sample_of",
]
