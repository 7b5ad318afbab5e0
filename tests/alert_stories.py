"""Alerts with all that the archive can know about them, and with texts that try to do harm."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from ingest.alerts.archive import Archive, Reception
from ingest.alerts.archive.index import Entry
from ingest.alerts.notices import Circular, parse_packet
from ingest.alerts.notices.containment import Regions
from ingest.alerts.notices.model import Counterpart, Notice, NoticeType, Position
from ingest.alerts.notices.parsing import parse
from ingest.alerts.skymaps import circle_regions, map_regions
from ingest.alerts.tables.circulars import CircularRows, circular_rows
from ingest.alerts.tables.records import RECORDS
from ingest.alerts.tables.rows import PacketRows, table_rows
from ingest.alerts.tables.store import TABLES, Store
from tests.alert_archive import PNG, RUNS, added, write
from tests.alerts.sample_circulars import FOLLOW_UP, ICECUBE, packet
from tests.alerts.sample_maps import CENTRE, flat_bytes, flat_density, multi_order
from tests.alerts.sample_packets import icecube, where_when
from tests.instances import Instance

TRACK: Final = "icecube/137000_12345678"
"""An alert of a neutrino: two notices, the newest with a sky map, and all else."""
WAVES: Final = "ligo-virgo-kagra/S261101x"
"""An alert with a sky map in two parts, and without a position; it matches :data:`TRACK`."""
BURST: Final = "swift/7654321"
"""A retracted alert, which matches :data:`TRACK`, and whose texts try to do harm."""
NAMESAKES: Final = ("icecube/1_1001", "icecube/1_1002")
"""Two alerts of one name."""
NAME: Final = "IC261102A"
"""Their name."""
UNDATED: Final = "icecube/1_1003"
"""An alert without the time of an event."""
WITHHELD: Final = 1_000_110
"""The number of a packet that is withheld."""
ALIAS: Final = "icecube/former"
"""A former name of :data:`TRACK`."""
_FIRST: Final = 1_000_101
_EVENT: Final = 61345.25  # 2026-11-01 06:00:00
_SEAL: Final = 1_000_000


@contextmanager
def stories(instance: Instance) -> Iterator[None]:
    """Add these alerts for the block."""
    with added(instance, _packets) as store:
        try:
            _add_rest(store)
            yield
        finally:
            with store._transaction() as cursor:
                cursor.execute("DELETE FROM alerts.aliases WHERE alias = %s", [ALIAS])
                cursor.execute("DELETE FROM alerts.seals WHERE seal_id = %s", [_SEAL])
                for table in ("outbox", "withheld"):
                    cursor.execute(f"DELETE FROM alerts.{table} WHERE notice_id >= {_FIRST}")


def two_lobes() -> bytes:
    """Return a sky map with two regions, one of them across right ascension 0."""
    density = flat_density(32, (0.0, 30.0), 60.0) + flat_density(32, (150.0, -35.0), 60.0)
    return flat_bytes(density / np.sum(density), 32)


def _packets(archive: Archive, made: list[Path]) -> list[PacketRows | CircularRows]:
    found: list[PacketRows | CircularRows] = []
    sky_map, map_of_waves = multi_order(), two_lobes()
    for revision in (0, 1):
        where = where_when("2026-11-01T06:00:00", str(CENTRE[0]), str(CENTRE[1] + revision / 4))
        content = icecube(rev=revision).replace(where_when().encode(), where.encode())
        notice = parse(content)
        assert isinstance(notice, Notice)
        entry = _entry(_FIRST + revision, content)
        write(archive, made, "packets", entry.sha256, content)
        if revision:
            write(archive, made, "previews", f"{entry.sha256}.png", PNG)
            name = archive.add_map(sky_map)
            made.append(archive.map_path(name))
            found.append(table_rows(entry, notice, map_regions(sky_map), name))
        else:
            found.append(table_rows(entry, notice, Regions(None, None, None), None))
    waves = Notice(
        ivorn="ivo://gwnet/LVC#S261101x-3-Initial",
        media_format="voevent-2.0",
        stream="ligo-virgo-kagra",
        event_key=WAVES,
        event_name="S261101x",
        event_mjd=_EVENT + 100 / 86400,
    )
    name = archive.add_map(map_of_waves)
    made.append(archive.map_path(name))
    found.append(table_rows(_entry(_FIRST + 2), waves, map_regions(map_of_waves), name))
    burst = Notice(
        ivorn="ivo://nasa.gsfc.gcn/SWIFT#BAT_GRB_Pos_7654321-1",
        media_format="voevent-2.0",
        stream="swift/bat",
        event_key=BURST,
        event_name=f"GRB {RUNS}",
        notice_type=NoticeType.RETRACTION,
        event_mjd=_EVENT - 3600 / 86400,
        position=Position(ra=151.0, dec=-35.0, radius=0.05, containment=0.9),
        counterparts=(
            Counterpart(name=RUNS, ra=151.0, dec=-35.0, reference="javascript:alert(1)//https://x.org",
                        description=RUNS),
            Counterpart(name="1ES 1011+496", angular_distance=0.02,
                        reference="https://example.org/source?a=1&b=<2>"),
        ),
    )  # fmt: skip
    (circle,) = circle_regions([burst.position])
    found.append(table_rows(_entry(_FIRST + 3), burst, circle, None))
    for place, key in enumerate(NAMESAKES):
        found.append(_bare(_FIRST + 4 + place, key, event_name=NAME, event_mjd=_EVENT + 1 + place))
    found.append(_bare(_FIRST + 6, UNDATED, event_name="undated"))
    body = ICECUBE["body"].replace("137840_57034692", "137000_12345678")
    for place, document in enumerate(
        (
            ICECUBE | {"eventId": "IceCube-261101A", "body": body, "circularId": 90001},
            FOLLOW_UP | {"eventId": "IceCube-261101A", "subject": f"IceCube-261101A: {RUNS}",
                         "submitter": RUNS, "circularId": 90002},
        )
    ):  # fmt: skip
        content = packet(document)
        circular = parse_packet(content)
        assert isinstance(circular, Circular)
        entry = _entry(_FIRST + 7 + place, content)
        write(archive, made, "packets", entry.sha256, content)
        found.append(circular_rows(entry, circular))
    return found


def _bare(number: int, key: str, **more: Any) -> PacketRows:
    notice = Notice(
        ivorn=f"ivo://example.org/gold#{number}",
        media_format="voevent-2.0",
        stream="icecube/gold",
        event_key=key,
        **more,
    )
    return table_rows(_entry(number), notice, Regions(None, None, None), None)


def _add_rest(store: Store) -> None:
    """Add what other programs write: receptions, matches, seals, what is sent and withheld."""
    number, sha256 = _FIRST + 1, "0" * 64
    moment = "2026-11-21T00:00:00.250000Z"
    store.add(
        [],
        [
            (number, Reception(sha256, moment, "gcn", "kafka.gcn.nasa.gov", "gcn.notices.icecube",
                               0, 4711, "2026-11-21T00:00:00.100000Z", "valid")),
            (number, Reception(sha256, moment, "hop", RUNS, RUNS, None, None, None,
                               f"invalid: {RUNS}")),
        ],
    )  # fmt: skip
    common = {"notice_id": number, "alert_id": TRACK, "is_latest": 1, "since": _EVENT,
              "computed": _EVENT}  # fmt: skip
    pair = {"kind": "alert", "window_begin": -86400.0, "window_end": 86400.0}
    matches: list[dict[str, Any]] = [
        pair | {"partner": "waves", "partner_notice": _FIRST + 2, "partner_alert": WAVES,
                "partner_group": "ligo-virgo-kagra", "retracted": 0, "time_difference": 100.0,
                "overlap": 12.5, "p_value": 0.002, "far_temporal": 1e-5,
                "far_spatiotemporal": 8e-7, "change": f"a new sky map {RUNS}"},
        pair | {"partner": "burst", "partner_notice": _FIRST + 3, "partner_alert": BURST,
                "partner_group": "swift/bat", "retracted": 1,
                "retraction": f"the other alert {RUNS}", "time_difference": -3600.0,
                "separation": 0.82, "p_value": 0.01, "far_temporal": 3e-6},
        {"kind": "sample", "partner": "ant20_01", "partner_group": "ant20_01.main",
         "retracted": 0, "window_begin": -500.0, "window_end": 500.0, "n_observed": 1,
         "n_expected": 0.02, "p_value": 0.0198},
        {"kind": "source", "partner": RUNS, "partner_group": "4FGL-DR4", "retracted": 0,
         "separation": 0.4, "p_value": 0.04, "p_association": 0.3},
    ]  # fmt: skip
    with store._transaction() as cursor:
        for one in matches:
            one |= common | {"match_id": f"{number}-{one['kind']}-{one['partner'][:9]}"}
            _insert(cursor, "matches", one)
        sample = next(one["match_id"] for one in matches if one["kind"] == "sample")
        event = {"match_id": sample, "event_no": 1, "notice_id": number, "release": "ant20_01",
                 "event_id": "ANT0626", "time_difference": -120.0, "separation": 0.7,
                 "containment": 0.42}  # fmt: skip
        _insert(cursor, "match_events", event)
        for sink, kind, state, sent in (
            ("gcn", "kafka", "sent", _EVENT + 0.1),
            ("subscribers", "vtp", "queued", None),
        ):
            row = {"notice_id": number, "sink": sink, "sink_kind": kind, "topic": None,
                   "state": state, "queued": _EVENT, "sent": sent, "attempts": 1}  # fmt: skip
            _insert(cursor, "outbox", row)
        row = {"seal_id": _SEAL, "seal_day": "2026-11-21", "first_packet": _FIRST, "n_packets": 2,
               "root": sha256, "previous": sha256, "sealed": 61366.0,
               "seal_hash": sha256}  # fmt: skip
        _insert(cursor, "seals", row)
        row = {"notice_id": WITHHELD, "ivorn": f"ivo://evil/{WITHHELD}", "sha256": sha256,
               "withheld_mjd": 61366.0, "reason": f"sent by mistake {RUNS}"}  # fmt: skip
        _insert(cursor, "withheld", row)
        _insert(cursor, "aliases", {"alias": ALIAS, "alert_id": TRACK})


def _insert(cursor: Any, table: str, row: dict[str, Any]) -> None:
    known = TABLES.get(table) or RECORDS[table]
    assert set(row) <= set(known), table
    places = ", ".join(["%s"] * len(row))
    cursor.execute(
        f"INSERT INTO alerts.{table} ({', '.join(row)}) VALUES ({places})", list(row.values())
    )


def _entry(number: int, content: bytes = b"") -> Entry:
    sha256 = hashlib.sha256(content or str(number).encode()).hexdigest()
    moment = "2026-11-21T00:00:00.250000Z"
    return Entry(number, sha256, moment, "gcn:gcn.notices.icecube/0/4711", "application/xml",
                 len(content) or 100)  # fmt: skip
