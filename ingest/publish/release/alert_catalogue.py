"""KM3NeT's own alerts as the delivery of a release: a table frozen from the alert archive.

Each alert is one row, with the values of its newest notice that is no retraction. Which packets
the table was made from is in its header: their number, and the newest seal of the archive; each
row has the checksum of its packet.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from ingest import __version__
from ingest.core.errors import InputError
from ingest.core.fitstable import Card, write_primary, write_table
from ingest.core.mocs import moc_text, read_moc
from ingest.core.timescales import unix_to_mjd
from ingest.events.fields import FIELDS, MISSING_INTEGER
from ingest.instance import Layout, lifecycle

if TYPE_CHECKING:
    from ingest.alerts.tables import Store

FILE_NAME: Final = "alerts.fits"
"""The name of the delivered file."""
_ALERTS: Final = """
    SELECT DISTINCT ON (n.alert_id) n.alert_id, coalesce(n.event_name, n.alert_id) AS event_name,
        n.event_mjd AS mjd, n.ra, n.dec, n.pos_err AS ang_err, n.pos_err_cl AS ang_err_cl,
        n.pos_err_50 AS err_50, n.pos_err_90 AS err_90, n.energy, lower(n.topology) AS topology,
        n.ivorn, n.sha256, n.retracted, n.revision, n.notice_mjd, n.instrument, n.pipeline, n.far,
        n.signalness, n.p_value, n.n_events, n.region_90::text AS region_90,
        (SELECT string_agg(e.event_id, ' ' ORDER BY e.event_no) FROM alerts.events AS e
            WHERE e.notice_id = n.notice_id) AS event_ids
    FROM alerts.notices AS n JOIN alerts.notices AS newest
        ON newest.alert_id = n.alert_id AND newest.is_latest = 1
    WHERE (n.stream = 'km3net' OR n.stream LIKE 'km3net/%%') AND n.notice_type != 'retraction'
        AND n.is_test = 0 AND n.is_injection = 0 AND n.role = 'observation'
        AND newest.is_test = 0 AND newest.is_injection = 0
    ORDER BY n.alert_id, n.is_latest DESC, n.revision DESC NULLS LAST, n.notice_id DESC"""
_SEAL: Final = """
    SELECT seal_id, seal_day, seal_hash FROM alerts.seals ORDER BY seal_id DESC LIMIT 1"""
_TEXTS: Final = """\
Alerts issued by KM3NeT until {day}, one row per alert in its newest version: time, direction,
region of the sky, false-alarm rate, and whether the alert was retracted.

What the catalogue is
=====================

Each row has the values of the newest notice of an alert; an update after the reconstruction has
been repeated replaces the values sent first. Retracted alerts are included, with retracted = 1
and the values of their last notice before. Require retracted = 0 to leave them out. Tests are not
included.

The catalogue was made on {day} from the first {packets} packets of the alert archive of this
service{seal}. It does not change any more: later alerts and updates are in alerts.latest.

How to use it
=============

far is in Hz; 3.9e-7 Hz is once a month. ang_err has the containment ang_err_cl. To find the alerts
whose region contains a source, use 1 = CONTAINS(POINT(ra, dec), region_90).

The table events has the identifiers of the detector events on which alerts are based; join them
with km3net.events on event_id. Join sha256 with alerts.notices for everything else in a notice,
its packet and its sky map, and alert_id for earlier notices.
"""


@dataclass(frozen=True)
class AlertSnapshot:
    """A catalogue of alerts.

    Attributes
    ----------
    content : bytes
        The FITS file.
    texts : bytes
        A description of it.
    alerts : int
        The number of alerts.
    left_out : tuple of str
        Those without a time or a position.
    energies : str or None
        The lowest and the highest energy in GeV; None if none is given.
    """

    content: bytes
    texts: bytes
    alerts: int
    left_out: tuple[str, ...]
    energies: str | None


def snapshot_alerts(layout: Layout) -> AlertSnapshot:
    """Return a catalogue of KM3NeT's own alerts as the archive has them now.

    Raises
    ------
    InputError
        If there are no alerts, or a value does not fit its column.
    """
    from ingest.alerts import pipeline  # loads slowly, as do the tables
    from ingest.alerts.tables import open_store

    archive = pipeline.open_archive(layout)
    pipeline.update_tables(layout, archive)
    with lifecycle.database(layout) as state, open_store(layout, state) as store:
        alerts = list(_read(store))
        seal = store.fetch(_SEAL)
        packets = store.processed()
    left_out = tuple(one["alert_id"] for one in alerts if not _is_located(one))
    kept = sorted(filter(_is_located, alerts), key=lambda one: (one["mjd"], one["alert_id"]))
    if not kept:
        raise InputError(
            "the archive has no alerts of KM3NeT",
            file=archive.root,
            expected="notices of the stream km3net with a time and a position, and no tests",
            remedy="import them first: km3vo alerts import",
        )
    now = datetime.now(UTC)
    first, last = math.floor(kept[0]["mjd"]), unix_to_mjd(now.timestamp())
    cards: list[Card] = [
        ("ORIGIN", "KM3NeT", ""),
        ("CREATOR", f"km3net-vo {__version__}", ""),
        ("DATE", f"{now:%Y-%m-%dT%H:%M:%S}", "UTC, when the catalogue was made"),
        ("MJD-BEG", float(first), "[d] UTC, day of the first alert"),
        ("MJD-END", max(last, kept[-1]["mjd"]), "[d] UTC, when the catalogue was made"),
        ("NPACKETS", packets, "highest number of a packet of the archive"),
    ]
    for number, day, checksum in seal:
        cards += [
            ("SEALID", number, "newest seal of the archive"),
            ("SEALDAY", str(day), "the day that it covers"),
            ("SEALHASH", checksum, "its SHA-256"),
        ]
    energies = [one["energy"] for one in kept if one["energy"]]
    sealed = "".join(f", whose newest seal is {row[0]}, {row[2]}" for row in seal)
    return AlertSnapshot(
        content=_written(kept, cards),
        texts=_TEXTS.format(day=f"{now:%Y-%m-%d}", packets=packets, seal=sealed).encode(),
        alerts=len(kept),
        left_out=left_out,
        energies=f"{min(energies):g} {max(energies):g}" if energies else None,
    )


def _read(store: Store) -> Iterator[dict[str, Any]]:
    with store.together() as cursor:
        cursor.execute(_ALERTS, [])
        names = [one.name for one in cursor.description]
        yield from (dict(zip(names, row, strict=True)) for row in cursor.fetchall())


def _is_located(alert: Mapping[str, Any]) -> bool:
    return all(alert[name] is not None for name in ("mjd", "ra", "dec"))


def _written(alerts: Sequence[Mapping[str, Any]], cards: Sequence[Card]) -> bytes:
    from ingest.events.readers import ALERT_COLUMNS  # loads slowly

    names = [one["event_name"] for one in alerts]
    rows = []
    for number, alert in enumerate(alerts, 1):
        # two alerts may be of the same event
        unique = names.count(alert["event_name"]) == 1
        values = {
            **alert,
            "event_no": number,
            "event_name": alert["event_name"] if unique else alert["alert_id"],
            "region_90": _region(alert["region_90"]),
        }
        rows.append(tuple(_value(values, column.name.lower(), alert) for column in ALERT_COLUMNS))
    stream = io.BytesIO()
    write_primary(stream, cards)
    write_table(stream, "ALERTS", ALERT_COLUMNS, rows, cards)
    return stream.getvalue()


def _value(values: Mapping[str, Any], field: str, alert: Mapping[str, Any]) -> Any:
    """Return a value as FITS has it."""
    value, kind = values[field], FIELDS[field]
    if kind[0] == "f":
        return math.nan if value is None else value
    if kind[0] == "i":
        return MISSING_INTEGER if value is None else value
    text = (value or "").encode("ascii", "replace").decode()
    if len(text) > int(kind[1:]):
        raise InputError(
            f"the {field} of an alert is too long for the catalogue",
            where=alert["alert_id"],
            value=text,
            expected=f"at most {kind[1:]} characters",
            remedy=f"make the field {field} longer in ingest/events/fields.py",
        )
    return text


def _region(text: str | None) -> str:
    """Return a region as text that fits its column, with larger cells if it has too many."""
    if text is None:
        return ""
    region, longest = read_moc(text), int(FIELDS["region_90"][1:])
    while len(found := moc_text(region)) > longest:
        region = region.degrade_to_order(region.max_order - 1)
    return found
