"""Which sinks get a notice."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

from ingest.alerts.archive import Recipient
from ingest.alerts.publishing.configuration import KafkaSink, Region, Sink
from ingest.alerts.publishing.facts import Facts


def recipients(
    sinks: Sequence[Sink],
    facts: Facts,
    region: str | None,
    earlier: Collection[str],
    ours: bool,
) -> tuple[Recipient, ...]:
    """Return who gets a notice.

    Parameters
    ----------
    sinks : sequence of Sink
        The sinks.
    facts : dict
        What the notice says.
    region : str or None
        Its 90 % region as an ASCII MOC.
    earlier : collection of str
        Names of the sinks that got earlier notices of the alert: they get what follows, too.
    ours : bool
        Whether it is published here; otherwise it was received from another observatory.
    """
    return tuple(
        Recipient(one.name, one.kind, one.topic if isinstance(one, KafkaSink) else None)
        for one in sinks
        if _wants(one, facts, region, one.name in earlier, ours)
    )


def _wants(sink: Sink, facts: Facts, region: str | None, had_earlier: bool, ours: bool) -> bool:
    wanted = sink.filter
    if facts["test"]:
        if sink.live and not wanted.tests:
            return False
    elif not sink.live:
        return False
    if not ours and not any(fnmatchcase(facts["stream"], one) for one in wanted.streams):
        return False
    if facts["type"] == "retraction" and not wanted.retractions:
        return False
    if had_earlier:
        return True
    far, limit = facts["far"], wanted.far_below
    if limit is not None and far is not None and far > limit:
        return False
    return wanted.region is None or overlaps(wanted.region, facts, region)


def overlaps(wanted: Region, facts: Facts, region: str | None) -> bool:
    """Return whether the region of a notice, or else its position, is in a part of the sky."""
    # not at the top: these load for a second, and few sites have regions
    from mocpy import MOC

    from ingest.alerts.notices import Position
    from ingest.alerts.skymaps import circle_regions

    def circle(ra: float, dec: float, radius: float) -> str:
        (found,) = circle_regions([Position(ra=ra, dec=dec, radius=radius, containment=0.9)])
        return found.region_90 or ""

    if wanted.moc is not None:
        asked = wanted.moc
    else:
        assert wanted.ra is not None and wanted.dec is not None and wanted.radius is not None
        asked = circle(wanted.ra, wanted.dec, wanted.radius)
    if region is None:
        if facts["ra"] is None or facts["dec"] is None:
            return False
        region = circle(facts["ra"], facts["dec"], facts["radius_90"] or 1e-3)
    common = MOC.from_string(asked).intersection(MOC.from_string(region))
    return not common.empty()
