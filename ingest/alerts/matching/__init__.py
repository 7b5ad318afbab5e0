"""What else there was: matches of alerts with published events, and with catalogues of sources."""

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
    "ORDER",
    "Association",
    "Catalogue",
    "CatalogueSettings",
    "Circle",
    "Columns",
    "Expectation",
    "Region",
    "Sample",
    "associations",
    "chance",
    "counterpart_info",
    "counts_by_ring",
    "declinations",
    "expectation",
    "merged",
    "poisson_at_least",
    "probabilities",
    "read_catalogue",
    "sample_of",
]
