"""Finds the sources of catalogues that alerts may come from; see :mod:`.association`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from ingest.alerts.matching.association import Association, associations, counterpart_info
from ingest.alerts.matching.catalogue_settings import CatalogueSettings
from ingest.alerts.matching.catalogues import Catalogue, read_catalogue
from ingest.alerts.matching.configuration import MatchConfig
from ingest.alerts.matching.directions import Direction, FisherDirection, MapDirection
from ingest.alerts.matching.localization import Localizations, circle_of
from ingest.alerts.matching.model import SOURCE, Match, NoticeFacts
from ingest.alerts.skymaps import SkyMap
from ingest.alerts.tables import Store

logger = logging.getLogger(__name__)


class SourceMatcher:
    """Compares alerts with the catalogues of the configuration, which are kept in memory.

    Parameters
    ----------
    config : MatchConfig
        With the catalogues.
    localizations : Localizations
        Where alerts come from.

    Raises
    ------
    ingest.core.errors.InputError
        If a catalogue cannot be read.
    """

    kind = SOURCE

    def __init__(self, config: MatchConfig, localizations: Localizations) -> None:
        self._config = config
        self._catalogues = [read_catalogue(one) for one in config.catalogue if _is_there(one)]
        self._localizations = localizations

    def find(self, notices: Sequence[NoticeFacts], store: Store) -> Iterator[Match]:
        """Yield the sources in the regions of notices."""
        for notice in notices:
            catalogues = self._catalogues_for(notice)
            if catalogues and (direction := self._direction(notice)) is not None:
                for one in catalogues:
                    for found in associations(one, direction):
                        yield _match(notice, found, direction)

    def _catalogues_for(self, notice: NoticeFacts) -> list[Catalogue]:
        group = self._config.group_of(notice.stream)
        return [
            one
            for one in self._catalogues
            if group is not None and group.name in one.settings.alerts
        ]

    def _direction(self, notice: NoticeFacts) -> Direction | None:
        if (sky := self._localizations.sky_map(notice)) is not None:
            return MapDirection(sky)
        circle = circle_of(notice)
        return None if circle is None else FisherDirection(circle.ra, circle.dec, circle.kappa)


def find_counterparts(
    config: MatchConfig, direction: FisherDirection | SkyMap, group: str = "km3net"
) -> list[dict[str, Any]] | str:
    """Return ``counterpart_info`` of a notice that is to be published.

    Parameters
    ----------
    config : MatchConfig
        With the catalogues.
    direction : FisherDirection or SkyMap
        Where the source may be.
    group : str, optional
        The group of streams to which the notice will belong.

    Returns
    -------
    list of dict, or str
        As KM3NeT's schema has it: ``No search`` without a catalogue, ``No match`` without a
        source in the region.

    Raises
    ------
    ingest.core.errors.InputError
        If a catalogue cannot be read.
    """
    catalogues = [
        read_catalogue(one) for one in config.catalogue if group in one.alerts and _is_there(one)
    ]
    if not catalogues:
        return "No search"
    where = MapDirection(direction) if isinstance(direction, SkyMap) else direction
    found = [one for catalogue in catalogues for one in associations(catalogue, where)]
    return counterpart_info(sorted(found, key=lambda one: -one.probability))


def _is_there(settings: CatalogueSettings) -> bool:
    """Return whether a catalogue can be used: not before it has been fetched, if it must be."""
    if settings.tap is None or settings.file.exists():
        return True
    logger.warning(
        "the catalogue %s is not used: km3vo alerts catalogues --fetch fetches it", settings.name
    )
    return False


def _match(notice: NoticeFacts, found: Association, direction: Direction) -> Match:
    settings = found.catalogue
    words = [
        found.source_class,
        "map" if isinstance(direction, MapDirection) else "circle",
        "weights by flux" if settings.columns.flux else "",
        f"prior {settings.prior:g}",
        settings.reference,
    ]
    return Match(
        kind=SOURCE,
        notice=notice,
        partner=found.name,
        partner_group=settings.name,
        separation=found.separation,
        p_value=found.p_value,
        p_association=found.probability,
        method="; ".join(filter(None, words)),
    )
