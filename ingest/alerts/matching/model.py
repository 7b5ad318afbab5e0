"""What is matched, and what a match is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Final, Protocol, runtime_checkable

from ingest.alerts.tables import Store

ALERT: Final = "alert"
SAMPLE: Final = "sample"
SOURCE: Final = "source"
History = tuple[str, str, str]
"""An alert, a kind and a partner: each of their matches says what has changed since the last."""
HISTORY_COLUMNS: Final = (
    "alert_id", "kind", "coalesce(partner_alert, partner_group || '/' || partner)",
)  # fmt: skip
"""The same in ``alerts.matches``."""


@dataclass(frozen=True, slots=True)
class NoticeFacts:
    """The columns of a row of ``alerts.notices`` that matches are computed from.

    Tests, injected signals and packets that only operate a network are not matched.
    """

    notice_id: int
    ivorn: str
    stream: str
    event_name: str | None
    alert_id: str
    notice_type: str
    is_latest: bool
    retracted: bool
    event_mjd: float | None
    received: float
    superseded: float | None
    ra: float | None
    dec: float | None
    pos_err: float | None
    pos_err_cl: float | None
    far: float | None
    region_origin: str | None
    sky_map: str | None

    @property
    def label(self) -> str:
        """A name for people."""
        return self.event_name or self.alert_id

    @property
    def is_retraction(self) -> bool:
        """Whether this notice retracts its alert."""
        return self.notice_type == "retraction"

    @property
    def end(self) -> float:
        """The time until which it was the newest notice, MJD in UTC."""
        return float("inf") if self.superseded is None else self.superseded


NOTICE_COLUMNS: Final = tuple(field.name for field in fields(NoticeFacts))
_REAL: Final = "is_test = 0 AND is_injection = 0 AND role != 'utility'"


def read_notices(store: Store, column: str, values: Sequence[object]) -> list[NoticeFacts]:
    """Return the real notices with some values of ``notice_id`` or ``alert_id``, in order."""
    kind = "bigint" if column == "notice_id" else "text"
    rows = store.fetch(
        f"SELECT {', '.join(NOTICE_COLUMNS)} FROM alerts.notices"
        f" WHERE {column} = ANY (%s::{kind}[]) AND {_REAL} ORDER BY notice_id",
        [list(values)],
    )
    return [NoticeFacts(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class MatchedEvent:
    """An event of a published sample in a match: a row of ``alerts.match_events``.

    Attributes
    ----------
    release, event_id : str
        The event in ``km3net.events``.
    time_difference : float or None
        Its time minus that of the alert, in s.
    separation : float or None
        From the best-fit position of the alert, in deg.
    containment : float or None
        The smallest credible level of the sky map whose region contains the event.
    """

    release: str
    event_id: str
    time_difference: float | None = None
    separation: float | None = None
    containment: float | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A match as it was computed; `rd/alerts/matches.rd` describes what its values mean.

    Attributes
    ----------
    kind : str
        ``alert``, ``sample`` or ``source``.
    notice : NoticeFacts
        The notice.
    partner : str
        The ivorn of the other notice, or the name of the sample or source.
    other : NoticeFacts or None
        The other notice, if the partner is one.
    partner_group : str or None
        Stream, table or catalogue of the partner.
    window : tuple of float
        Start and end of the time window in s, relative to the notice's event.
    time_difference : float or None
        In s.
    separation : float or None
        In deg.
    n_observed, n_expected, n_expected_err, p_value, p_association, overlap : number or None
        See the descriptor.
    far_temporal, far_spatiotemporal : float or None
        In Hz.
    method : str or None
        What it was computed from.
    events : tuple of MatchedEvent
        The events of a sample.
    """

    kind: str
    notice: NoticeFacts
    partner: str
    other: NoticeFacts | None = None
    partner_group: str | None = None
    window: tuple[float, float] | None = None
    time_difference: float | None = None
    separation: float | None = None
    n_observed: int | None = None
    n_expected: float | None = None
    n_expected_err: float | None = None
    p_value: float | None = None
    p_association: float | None = None
    overlap: float | None = None
    far_temporal: float | None = None
    far_spatiotemporal: float | None = None
    method: str | None = None
    events: tuple[MatchedEvent, ...] = ()

    @property
    def match_id(self) -> str:
        """The identifier, which is the same whenever the match is computed."""
        partner = self.partner if self.other is None else self.other.notice_id
        if self.kind == SOURCE:
            partner = f"{self.partner_group}/{partner}"
        return f"{self.notice.notice_id}/{self.kind}/{partner}"

    @property
    def history(self) -> History:
        """The matches to which it belongs, with other notices of the same alerts."""
        partner = self.other.alert_id if self.other else f"{self.partner_group}/{self.partner}"
        return self.notice.alert_id, self.kind, partner

    @property
    def sides(self) -> tuple[NoticeFacts, ...]:
        """The notice, and the other one if there is one."""
        return (self.notice,) if self.other is None else (self.notice, self.other)


class Matcher(Protocol):
    """Finds the matches of one kind. A new one has a line in :mod:`.engine`."""

    kind: str

    def find(self, notices: Sequence[NoticeFacts], store: Store) -> Iterable[Match]:
        """Return all matches of notices as they are now.

        Parameters
        ----------
        notices : sequence of NoticeFacts
            Notices that are new, or whose state has changed. What is not returned for them is
            removed from the table.
        store : Store
            The tables, in the transaction that will write the matches; only to be read.
        """


@runtime_checkable
class ChangingMatcher(Matcher, Protocol):
    """A matcher whose matches may change although notices do not."""

    def stale(self, store: Store) -> Sequence[int]:
        """Return the numbers of notices whose matches have to be computed again."""
