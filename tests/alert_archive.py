"""An archive of real packets in an instance, and malicious packets."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from astropy.io import fits

from ingest.alerts.archive.archive import Archive
from ingest.alerts.archive.index import Entry
from ingest.alerts.notices.containment import Regions
from ingest.alerts.notices.model import Notice, NoticeType, Role
from ingest.alerts.notices.parsing import parse
from ingest.alerts.skymaps.circle_coverage import circle_regions
from ingest.alerts.tables import open_store
from ingest.alerts.tables.circulars import CircularRows
from ingest.alerts.tables.rows import PacketRows, table_rows
from ingest.alerts.tables.store import TABLES, Store
from ingest.instance.account import Account
from ingest.instance.layout import InstanceState, Layout
from tests.alerts.sample_packets import param, voevent, where_when
from tests.instances import Instance

FILES: Final = (
    "voevent/KM3-230213A.xml",
    "voevent/km3net_gcn_single_he.xml",
    "gcn/km3net_alert.example.json",
    "voevent/icecube_gold.xml",
    "voevent/icecube_cascade.xml",
    "voevent/Antares_1438351269.xml",
    "voevent/swift_xrt_v1.1.xml",
    "voevent/MS181101ab-1-EarlyWarning.xml",
    "voevent/MS181101ab-2-Preliminary.xml",
    "voevent/MS181101ab-3-Initial.xml",
    "voevent/MS181101ab-4-Update.xml",
    "voevent/MS181101ab-5-Retraction.xml",
    "voevent/MS181101ab-6-Update.xml",
    "voevent/kill_socket_v1.1.xml",
)
"""In the order of their numbers, from 1."""
STRANGER: Final = 1_000_001
"""The number of a packet that tries to do harm."""
ELSEWHERE: Final = 1_000_002
"""The number of a notice whose packet is said to be outside of the archive."""
EVIL: Final = (
    b'<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="packet?notice_id=1000001"?>'
    b'<html xmlns="http://www.w3.org/1999/xhtml"><body><p>a packet</p><script>'
    b"document.documentElement.setAttribute('data-ran', 'yes')</script></body></html>"
)
PNG: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)


def layout_of(instance: Instance) -> Layout:
    """Return the directories of an instance."""
    return Layout(instance.var, Account.current())


def fill(instance: Instance, folder: Path) -> None:
    """Import real packets into an instance whose archive is empty: the tests know the numbers."""
    done = instance.km3vo("alerts", "import", *(str(folder / name) for name in FILES))
    assert done.returncode == 0, done.stdout + done.stderr


RUNS: Final = (
    "<script>document.documentElement.dataset.ran = 'script'</script>"
    "<img src=x onerror=\"document.documentElement.dataset.ran = 'img'\">"
    "\" onmouseover=\"document.documentElement.dataset.ran = 'mouse'\" x='"
    "\u202e\u2066{{ 7 * 7 }}</title></textarea></svg>\u200f"
)
"""What would run in a careless page, and turns the text round that follows it."""
HOSTILE: Final = (1_000_004, 1_000_005)
"""The numbers of two notices whose names, texts and addresses try to do harm."""
RETRACTED: Final = 1_000_003
"""The number of a notice that retracts an alert of which nothing else is known."""


@contextmanager
def strangers(instance: Instance) -> Iterator[None]:
    """Add what strangers may send for the block, past the importer, which would refuse it."""
    with added(instance, _strange):
        yield


@contextmanager
def hostile(instance: Instance) -> Iterator[None]:
    """Add packets for the block that the importer accepts, and that are full of markup.

    The first has a name of a hundred characters, the second one of ten thousand.
    """
    with added(instance, _full_of_markup):
        yield


@contextmanager
def retracted(instance: Instance) -> Iterator[None]:
    """Add an alert without a name whose only notice retracts it, for the block."""
    with added(instance, lambda *_: [_retraction()]):
        yield


@contextmanager
def added(
    instance: Instance, make: Callable[[Archive, list[Path]], Sequence[PacketRows | CircularRows]]
) -> Iterator[Store]:
    """Add packets for the block, past the importer.

    Parameters
    ----------
    instance : Instance
        The instance.
    make : callable
        Returns the rows of packets whose numbers are at least :data:`STRANGER`. Its second argument
        is a list of the files that it makes, which are removed in the end.
    """
    layout = layout_of(instance)
    state = InstanceState.read(layout)
    assert state is not None
    archive = Archive(layout.archive, layout.account)
    with open_store(layout, state) as store:
        made: list[Path] = []
        try:
            assert store.add(make(archive, made)) == []
            yield store
        finally:
            with store._transaction() as cursor:
                for table in TABLES:
                    if table != "aliases":
                        cursor.execute(f"DELETE FROM alerts.{table} WHERE notice_id >= {STRANGER}")
            for path in made:
                path.unlink()


def _strange(archive: Archive, made: list[Path]) -> list[PacketRows]:
    content = io.BytesIO()
    fits.PrimaryHDU().writeto(content)
    sky_map = archive.add_map(content.getvalue())
    name = hashlib.sha256(EVIL).hexdigest()
    write(archive, made, "packets", name, EVIL)
    write(archive, made, "previews", f"{name}.png", PNG)
    common = {
        "media_format": "voevent-2.0",
        "stream": "strange",
        "role": Role.TEST,
        "is_test": True,
    }
    evil = Notice(
        ivorn='ivo://evil/a"b\r\nSet-Cookie: c=d\r\n\r\n<p>/../\u00e9;x=y',
        event_name="<svg onload=\"document.documentElement.dataset.ran = 'yes'\">",
        sky_map_urls=("javascript:alert(1)",),
        **common,
    )
    outside = Notice(ivorn="ivo://evil/outside", **common)
    regions = Regions(None, None, None)
    return [
        table_rows(_entry(STRANGER, name), evil, regions, sky_map),
        table_rows(_entry(ELSEWHERE, "../" * 19 + "etc/passwd"), outside, regions, None),
    ]


def _full_of_markup(archive: Archive, made: list[Path]) -> list[PacketRows]:
    found = []
    for number, name in zip(HOSTILE, (RUNS, RUNS + 10_000 * "W"), strict=True):
        content = voevent(
            param("event_name", name),
            param("Identifier", name),
            param("Energy", "120", unit=RUNS, description=RUNS),
            param(RUNS, "javascript:document.documentElement.dataset.ran='link'//https://x.org"),
            param("page", f"https://example.org/{RUNS}"),
            ivorn=f"ivo://km3net.org/VOEvent#markup{number}",
            # in front of all others
            where=where_when(time="2026-11-20T00:00:00", ra="94.3", dec="-7.8"),
            rest="<Citations><EventIVORN cite='followup'>ivo://x/y#z</EventIVORN>"
            f"<Description>{escape(RUNS)}</Description></Citations>",
        )
        notice = parse(content)
        assert isinstance(notice, Notice)
        sha256 = hashlib.sha256(content).hexdigest()
        write(archive, made, "packets", sha256, content)
        (regions,) = circle_regions([notice.position])
        found.append(table_rows(_entry(number, sha256), notice, regions, None))
    return found


def _retraction() -> PacketRows:
    notice = Notice(
        ivorn="ivo://example.org/bronze#retraction",
        media_format="voevent-2.0",
        stream="icecube/bronze",
        event_key="icecube/1_1",
        notice_type=NoticeType.RETRACTION,
        event_mjd=61364.5,
    )
    return table_rows(_entry(RETRACTED, "0" * 64), notice, Regions(None, None, None), None)


def write(archive: Archive, made: list[Path], kind: str, name: str, content: bytes) -> None:
    """Write a file of an archive, and note it among those that were made."""
    path = archive.root / kind / name[:2] / name
    for directory in (path.parent.parent, path.parent):
        archive.account.create_directory(directory)
    made.append(path)
    path.write_bytes(content)
    archive.account.chown(path)


def _entry(number: int, sha256: str) -> Entry:
    moment = "2026-11-21T00:00:00.000000Z"
    return Entry(number, sha256, moment, "file:strange", "application/xml", len(EVIL))
