"""Rows of the alert archive from the delivered packets, written by hand.

They stand in for the import of the packets until the archive has one; values are those that the
packets have. To use the real import instead, let :func:`fill` run it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.time import Time
from astropy.units import deg
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from ingest.instance.account import Account
from ingest.instance.dachs import Dachs
from ingest.instance.layout import RD, Layout
from ingest.instance.lifecycle import status
from ingest.instance.postgres import Cluster
from tests.instances import Instance

RADIUS_90 = "coalesce(pos_err_90, pos_err_50 * sqrt(ln(0.1) / ln(0.5)))"
AMON = "ivo://nasa.gsfc.gcn/AMON#ICECUBE_"
YEAR = 31_557_600.0  # s
LVC = "ivo://gwnet/LVC#MS181101ab-"
NOTICES: tuple[dict[str, Any], ...] = (
    {
        "packet": "voevent/KM3-230213A.xml",
        "ivorn": "ivo://km3net.org/VOEvent#KM3-230213A",
        "stream": "km3net",
        "event_name": "KM3-230213A",
        "alert_id": "km3net/KM3-230213A",
        "event": "2023-02-13T01:16:47",
        "notice": "2025-02-11T14:00:00",
        "ra": 94.3,
        "dec": -7.8,
        "pos_err_50": 1.2,
        "pos_err_90": 2.2,
        "energy": 120e6,
        "instrument": "ARCA021",
    },
    {
        "packet": "voevent/km3net_gcn_single_he.xml",
        "ivorn": "ivo://KM3NeT_Neutrino#KM3-240901A_1_2024-09-01T12:01:00.00Z",
        "stream": "km3net",
        "event_name": "KM3-240901A",
        "alert_id": "km3net/KM3-240901A",
        "revision": 1,
        "is_latest": 0,
        "event": "2024-09-01T01:16:47",
        "notice": "2024-09-01T12:01:00",
        "ra": 10.82,
        "dec": 20.01,
        "pos_err_50": 0.49,
        "pos_err_90": 0.9,
        "far": 8.029e-8,
        "instrument": "ORCA024",
        "n_events": 1,
    },
    {
        "packet": "gcn/km3net_alert.example.json",
        "ivorn": "ivo://KM3NeT_Neutrino#KM3-240901A_1_2024-09-01T12:01:00.00Z",
        "version": 2,
        "stream": "km3net",
        "event_name": "KM3-240901A",
        "alert_id": "km3net/KM3-240901A",
        "revision": 1,
        "event": "2024-09-01T01:16:47",
        "notice": "2024-09-01T12:01:00",
        "ra": 10.82,
        "dec": 20.01,
        "pos_err_50": 0.49,
        "pos_err_90": 0.9,
        "far": 8.029e-8,
        "instrument": "ORCA024",
        "n_events": 1,
        "sky_map_url": "https://opendata.km3net.de/",
    },
    {
        "packet": "voevent/icecube_gold.xml",
        "ivorn": f"{AMON}GOLD_Event2022-12-23T07:43:00.52_24_137467_064735045_0",
        "stream": "icecube/gold",
        "alert_id": "icecube/137467_64735045",
        "revision": 0,
        "event": "2022-12-23T07:43:00.52",
        "notice": "2022-12-23T07:43:47",
        "ra": 350.5486,
        "dec": 34.7110,
        "pos_err_50": 0.2569,
        "pos_err_90": 0.6596,
        "far": 0.2464 / YEAR,
        "energy": 352_695.6,
        "signalness": 0.7949,
    },
    {
        "packet": "voevent/icecube_cascade.xml",
        "ivorn": f"{AMON}Cascade_Event2022-08-01T04:08:34.26_26_136889_025590129_0",
        "stream": "icecube/cascade",
        "event_name": "IceCubeCascade-220801a",
        "alert_id": "icecube/136889_25590129",
        "revision": 0,
        "event": "2022-08-01T04:08:34.26",
        "notice": "2022-08-01T04:11:52",
        "ra": 150.1126,
        "dec": -9.1693,
        "pos_err_50": 7.0757,
        "pos_err_90": 12.8963,
        "far": 0.3110 / YEAR,
        "energy": 111_455.1,
        "signalness": 0.9001,
        "sky_map_url": "https://roc.icecube.wisc.edu/public/hese_cascades/",
    },
    {
        "packet": "voevent/Antares_1438351269.xml",
        "ivorn": "ivo://nasa.gsfc.gcn/Antares_Alert#1438351269",
        "stream": "antares",
        "alert_id": "antares/1438351269",
        "event": "2019-11-26T21:55:34",
        "notice": "2019-11-26T21:55:48.081",
        "ra": 156.957,
        "dec": -21.274,
        "pos_err_50": 0.325,
    },
    {
        "packet": "voevent/swift_xrt_v1.1.xml",
        "ivorn": "ivo://nasa.gsfc.gcn/SWIFT#XRT_Pos_644259-941",
        "stream": "swift/xrt",
        "alert_id": "swift/644259",
        "event": "2015-06-16T23:05:40",
        "notice": "2015-06-16T23:29:11",
        "ra": 314.7162,
        "dec": -53.393,
    },
    *(
        {
            "packet": f"voevent/MS181101ab-{number}-{kind}.xml",
            "ivorn": f"{LVC}{number}-{kind}",
            "stream": "ligo-virgo-kagra",
            "event_name": "MS181101ab",
            "alert_id": "test/ligo-virgo-kagra/MS181101ab",
            "revision": number,
            "role": "test",
            "is_test": 1,
            "is_latest": int(number == 6),
            "notice_type": {1: "initial", 5: "retraction"}.get(number, "update"),
            "event": "2018-11-01T22:22:46.654437",
            "notice": notice,
        }
        for number, kind, notice in (
            (1, "EarlyWarning", "2018-11-01T22:34:20"),
            (2, "Preliminary", "2018-11-01T22:34:49"),
            (3, "Initial", "2018-11-01T22:36:25"),
            (4, "Update", "2018-11-01T22:36:25"),
            (5, "Retraction", "2018-11-01T23:36:23"),
            (6, "Update", "2018-11-01T22:39:25"),
        )
    ),
)
"""In the order of their numbers, from 1."""
COMMON: Mapping[str, Any] = {
    "version": 1,
    "role": "observation",
    "notice_type": "initial",
    "is_test": 0,
    "is_injection": 0,
    "is_latest": 1,
    "retracted": 0,
    "received": float(Time("2026-11-21T00:00:00").mjd),
    "origin": "file",
    "media_format": "voevent-2.0",
}
EVENTS = ((3, 1, "km3.234.23492.58968.763"),)
CITATIONS = (
    (12, 1, f"{LVC}4-Update", "supersedes"),
    (12, 2, f"{LVC}3-Initial", "supersedes"),
    (7, 1, "ivo://nasa.gsfc.gcn/SWIFT#BAT_GRB_Pos_644259-771", "followup"),
)
PARAMS = (
    (1, 1, "What", "Instrument", "ARCA021", None),
    (1, 2, "What", "Energy", "120", "PeV"),
    (1, 3, "What", "Identifier", "KM3-230213A", None),
)


def fill(instance: Instance, packets: Path) -> None:
    """Put descriptor, tables, rows and packets of the alert archive into an instance.

    Parameters
    ----------
    instance : Instance
        It must be up.
    packets : pathlib.Path
        The folder with the delivered packets.
    """
    layout = layout_of(instance)
    folder = layout.inputs / "alerts"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(RD / "alerts", folder, ignore=shutil.ignore_patterns("__pycache__"))
    hand_over(layout, folder)
    dachs = Dachs(layout)
    dachs.check("imp", "alerts/nu")
    dachs.check("pub", "alerts/nu", "//tap")
    with Cluster(layout).connect(status(layout).postgres_port or 0) as connection:
        insert(connection.cursor(), layout.var / "alerts", packets)
        connection.commit()
    hand_over(layout, layout.var / "alerts")
    dachs.reload()


def insert(cursor: Cursor, archive: Path, packets: Path) -> None:
    """Write the rows, and copy the packets to where the archive keeps them."""
    cursor.execute((RD / "alerts" / "regions.sql").read_text("utf-8"))
    for number, row in enumerate(rows(packets), 1):
        content = (packets / str(row.pop("packet"))).read_bytes()
        add(cursor, archive, content, row | {"notice_id": number})
    for name, radius in (("region_50", "pos_err_50"), ("region_90", RADIUS_90)):
        cursor.execute(
            f"UPDATE alerts.notices SET {name} = smoc(11, scircle("
            f" spoint(radians(ra), radians(dec)), radians({radius}))) WHERE {radius} > 0"
        )
    cursor.executemany("INSERT INTO alerts.events VALUES (%s, %s, %s)", EVENTS)
    cursor.executemany("INSERT INTO alerts.params VALUES (%s, %s, %s, %s, %s, %s)", PARAMS)
    cursor.executemany("INSERT INTO alerts.citations VALUES (%s, %s, %s, %s)", CITATIONS)


def add(cursor: Cursor, archive: Path, content: bytes, row: dict[str, Any]) -> None:
    """Write one row, and keep its packet."""
    name = keep(archive, "packets", content)
    row = {**COMMON, **row} | {"packet_size": len(content)}
    row.setdefault("sha256", name)
    cursor.execute(
        sql.SQL("INSERT INTO alerts.notices ({}) VALUES ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(map(sql.Placeholder, row)),
        ),
        row,
    )


def keep(archive: Path, kind: str, content: bytes, suffix: str = "", name: str = "") -> str:
    """Keep a file in the archive under its checksum, or `name`, and return that."""
    name = name or hashlib.sha256(content).hexdigest()
    place = archive / kind / name[:2] / (name + suffix)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return name


def rows(packets: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of the notices; ``packet`` is the file, to be taken out."""
    for told in NOTICES:
        row = dict(told)
        row["event_mjd"] = float(Time(row.pop("event")).mjd)
        row["notice_mjd"] = float(Time(row.pop("notice")).mjd)
        if "pos_err_90" in row:
            row |= {"pos_err": row["pos_err_90"], "pos_err_cl": 0.9, "outline": _outline(row)}
        if str(row["packet"]).endswith(".json"):
            row["media_format"] = "gcn-json"
        yield row


def _outline(row: Mapping[str, Any]) -> str:
    """Return a polygon with its corners on the circle of 90 %, as pgSphere writes it."""
    centre = SkyCoord(row["ra"], row["dec"], unit="deg")
    corners = centre.directional_offset_by(np.arange(0, 360, 20) * deg, row["pos_err_90"] * deg)
    pairs = (f"({one.ra.deg}d, {one.dec.deg}d)" for one in corners)
    return f"{{{', '.join(pairs)}}}"


def layout_of(instance: Instance) -> Layout:
    return Layout(instance.var, Account.current())


def hand_over(layout: Layout, folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        layout.account.own(path)
        os.chmod(path, 0o700 if path.is_dir() else 0o600)
