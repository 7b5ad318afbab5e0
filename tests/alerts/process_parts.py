"""A store in a file and steps that misbehave on demand, for the tests of the pipeline.

They are in a module of their own because worker processes import them.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from lxml import etree

from ingest.alerts.archive.archive import Entry
from ingest.alerts.notices.model import Notice, PacketError, Position
from ingest.alerts.pipeline.reading import Steps

Row = tuple[int, str, str, str | None, str | None]


class FileStore:
    """Rows of packets in SQLite, which refuses a row whose ivorn says so."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows = sqlite3.connect(path)
        self._rows.execute(
            "CREATE TABLE IF NOT EXISTS notices (number INTEGER PRIMARY KEY, sha256 TEXT,"
            " ivorn TEXT CHECK (ivorn NOT LIKE '%unwanted%'), regions TEXT, map TEXT)"
        )
        self._rows.commit()
        self.batches: list[list[int]] = []

    def processed(self) -> int:
        return self._rows.execute("SELECT coalesce(max(number), 0) FROM notices").fetchone()[0]

    def missing(self, numbers: Sequence[int]) -> list[int]:
        known = {number for (number,) in self._rows.execute("SELECT number FROM notices")}
        return [number for number in numbers if number not in known]

    def add(self, batch: Sequence[Row]) -> list[tuple[int, str]]:
        refused = []
        with self._rows:
            for row in batch:
                try:
                    self._rows.execute("INSERT INTO notices VALUES (?, ?, ?, ?, ?)", row)
                except sqlite3.IntegrityError as error:
                    refused.append((row[0], str(error)))
        self.batches.append([row[0] for row in batch])
        return refused

    def rows(self) -> list[Row]:
        return list(self._rows.execute("SELECT * FROM notices ORDER BY number"))


def parse(content: bytes, media_type: str | None = None) -> Notice:
    if content.startswith(b"kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    if content.startswith(b"hang"):
        time.sleep(3600)
    if content.startswith(b"slow"):
        time.sleep(0.05)
    if content.startswith(b"greedy"):
        bytearray(64 << 30)
    if content.startswith(b"fault"):
        raise ZeroDivisionError("so what")
    if content.startswith(b"fixed"):
        raise PacketError("not understood yet", value=content.decode())
    if media_type == "application/octet-stream":
        ivorn = content.decode()
    elif media_type == "application/json":
        ivorn = json.dumps(json.loads(content))[:100]
    else:
        try:
            ivorn = etree.fromstring(content).get("ivorn") or ""
        except etree.XMLSyntaxError as error:
            raise PacketError("not well-formed", value=str(error)) from None
    if not ivorn:
        raise PacketError("no identifier")
    return Notice(
        ivorn=ivorn,
        media_format="voevent-2.0",
        stream="test",
        position=Position(ra=1, dec=2),
        sky_map=content if content.startswith(b"map") else None,
    )


def parse_killing_once(content: bytes, media_type: str | None = None) -> Notice:
    if content.startswith(b"once "):
        mark = Path(os.fsdecode(content[5:]))
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return parse(content, media_type)


def circle_regions(positions: Sequence[Position | None]) -> list[str]:
    return ["circle"] * len(positions)


def circle_regions_killing(positions: Sequence[Position | None]) -> list[str]:
    if len(positions) > 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return circle_regions(positions)


def circle_regions_failing(positions: Sequence[Position | None]) -> list[str]:
    if len(positions) > 1:
        raise ValueError("too many")
    return circle_regions(positions)


def map_regions(content: bytes) -> str:
    if content.startswith(b"map bad"):
        raise PacketError("this is no FITS file")
    return "map"


def rows_of(entry: Entry, notice: Notice, regions: str, sky_map: str | None) -> Row:
    if notice.ivorn.startswith("no row"):
        raise PacketError("no rows can be made")
    remarks = "".join(f" ({remark})" for remark in notice.remarks)
    return (entry.number, entry.sha256, notice.ivorn, regions + remarks, sky_map)


STEPS = Steps(parse, circle_regions, map_regions, rows_of)


def parse_fixed(content: bytes, media_type: str | None = None) -> Notice:
    return parse(content.replace(b"fixed", b"good"), media_type)


def die(*_arguments: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
