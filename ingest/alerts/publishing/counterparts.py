"""What else was there: the matches of an alert in the field ``counterpart_info`` of its notice.

Sources of the catalogues that ``matches.toml`` names come with the probability that they are the
origin, ``association_probability``; other observatories' alerts with the false-alarm rate of the
pair in Hz, ``pair_far``, and why it is not as it was in the notice before, ``change``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ingest.alerts.matching import MatchConfig, matches_of
from ingest.alerts.notices import Position, decode_fits
from ingest.alerts.publishing.document import Document
from ingest.alerts.tables import Store
from ingest.core.errors import IngestError

_OURS: Final = ("association_probability", "pair_far")
"""Keys of what is computed here; other entries are the collaboration's own, and stay."""


def add_counterparts(
    document: Document,
    position: Position | None,
    config: MatchConfig,
    store: Store | None,
    before: str | None,
    remarks: list[str],
) -> None:
    """Fill ``counterpart_info`` and ``potential_counterpart`` of a notice.

    Parameters
    ----------
    document : dict
        The notice, which is changed.
    position : Position or None
        Where it comes from.
    config : MatchConfig
        The catalogues.
    store : Store or None
        The tables with the matches of alerts; None if the database does not run.
    before : str or None
        SHA-256 of the notice before, whose matches with other alerts are known.
    remarks : list of str
        Where something could not be looked up, this is said here; it holds back no alert.
    """
    given = document.get("counterpart_info")
    kept = [
        one
        for one in (given if isinstance(given, list) else [])
        if not (isinstance(one, dict) and any(key in one for key in _OURS))
    ]
    sources: Sequence[dict[str, Any]] | str
    try:
        sources = _sources(document, position, config)
    except IngestError as error:
        remarks.append(f"the catalogues were not searched: {error.problem}")
        sources = "No search"
    alerts = _alerts(store, before) if store is not None and before is not None else []
    found = [*kept, *(sources if not isinstance(sources, str) else []), *alerts]
    if found:
        document["counterpart_info"] = found
        document["potential_counterpart"] = True
    elif sources != "No search":
        document["counterpart_info"] = sources
        document["potential_counterpart"] = False


def _sources(
    document: Document, position: Position | None, config: MatchConfig
) -> list[dict[str, Any]] | str:
    """Return the sources of catalogues, or ``No search`` or ``No match``."""
    if not config.catalogue:
        return "No search"
    # these load slowly, and only where there are catalogues
    from ingest.alerts.matching import FisherDirection, find_counterparts
    from ingest.alerts.skymaps import concentration, read_map

    file = document.get("healpix_file")
    if isinstance(file, str) and (content := decode_fits(file)):
        return find_counterparts(config, read_map(content))
    if position is None or not position.radius or not position.containment:
        return "No search"
    kappa = concentration(position.radius, position.containment)
    return find_counterparts(config, FisherDirection(position.ra, position.dec, kappa))


def _alerts(store: Store, before: str) -> list[dict[str, Any]]:
    """Return the alerts of others that match the notice before."""
    rows = store.fetch("SELECT alert_id FROM alerts.notices WHERE sha256 = %s", [before])
    if not rows:
        return []
    return [
        {
            key: value
            for key, value in {
                "name": one.partner_alert,
                "ref_type": one.partner_group,
                "ref_ID": one.partner,
                "angular_distance": one.separation,
                "pair_far": one.far_spatiotemporal or one.far_temporal,
                "change": one.change,
            }.items()
            if value is not None
        }
        for one in matches_of(store, str(rows[0][0]))
        if one.kind == "alert"
        # not those whose directions exclude one another
        and (one.far_spatiotemporal if one.overlap is not None else one.far_temporal) is not None
    ]
