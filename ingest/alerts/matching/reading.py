"""The matches of an alert, for those who show them elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ingest.alerts.tables import Store

_OWN: Final = """
    SELECT match_id, kind, partner, partner_alert, partner_group, time_difference, separation,
        n_observed, n_expected, p_value, p_association, overlap, far_temporal, far_spatiotemporal,
        method, change
    FROM alerts.matches WHERE alert_id = %s AND is_latest = 1 AND retracted = 0"""
_AS_PARTNER: Final = """
    SELECT m.match_id, m.kind, n.ivorn, m.alert_id, n.stream, -m.time_difference, m.separation,
        NULL::int, NULL::float8, NULL::float8, NULL::float8, m.overlap, m.far_temporal,
        m.far_spatiotemporal, m.method, m.change
    FROM alerts.matches AS m JOIN alerts.notices AS n USING (notice_id)
    WHERE m.partner_alert = %s AND m.is_latest = 1 AND m.retracted = 0"""


@dataclass(frozen=True, slots=True)
class AlertMatch:
    """A match of an alert's newest notice; its values are those of ``alerts.matches``.

    Attributes
    ----------
    match_id, kind : str
        The match, and the kind of the partner: ``alert``, ``sample`` or ``source``.
    partner : str
        The ivorn of the other notice, or the name of the sample or source.
    partner_alert : str or None
        The other alert.
    partner_group : str or None
        Its stream, or the table or catalogue.
    time_difference : float or None
        Time of the partner minus that of the alert, in s.
    separation : float or None
        In deg.
    n_observed, n_expected, p_value, p_association, overlap : int or float or None
        The first four are None where the alert is the partner of a neutrino alert.
    far_temporal, far_spatiotemporal : float or None
        In Hz.
    method, change : str or None
        What it was computed from, and why it is not as before.
    """

    match_id: str
    kind: str
    partner: str
    partner_alert: str | None
    partner_group: str | None
    time_difference: float | None
    separation: float | None
    n_observed: int | None
    n_expected: float | None
    p_value: float | None
    p_association: float | None
    overlap: float | None
    far_temporal: float | None
    far_spatiotemporal: float | None
    method: str | None
    change: str | None


def matches_of(store: Store, alert_id: str) -> list[AlertMatch]:
    """Return the matches of an alert that are valid now, the least likely by chance first.

    Parameters
    ----------
    store : Store
        The tables.
    alert_id : str
        The alert, as in ``alerts.notices``.
    """
    rows = store.fetch(
        f"SELECT * FROM ({_OWN} UNION ALL {_AS_PARTNER}) AS found"
        " ORDER BY kind, far_spatiotemporal, far_temporal, p_value, match_id",
        [alert_id, alert_id],
    )
    return [AlertMatch(*row) for row in rows]
