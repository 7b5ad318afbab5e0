"""The COPY stream against PostgreSQL's documentation of its binary format (COPY, File Formats)."""

from __future__ import annotations

import json
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tests.probes import environment

ROOT = Path(__file__).resolve().parents[2]
PROBE = Path(__file__).with_name("bulkload_probe.py")
SIGNATURE = b"PGCOPY\n\xff\r\n\0"


@pytest.fixture
def product(tmp_path: Path) -> Path:
    path = tmp_path / "events.fits"
    columns = [
        fits.Column("EVENT_NAME", "8A", array=np.array(["one", "", "three"])),
        fits.Column("ENERGY", "D", "TeV", array=np.array([1.5, np.nan, 0.0])),
        fits.Column("N_HITS", "J", null=-99, array=np.array([7, -99, 0])),
        fits.Column("EVENT_ID", "K", array=np.array([2**60, 2, 3])),
        fits.Column("PAIR", "2D", array=np.zeros((3, 2))),
    ]
    fits.HDUList(
        [fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns, name="EVENTS")]
    ).writeto(path)
    return path


def probe(product: Path, *columns: dict[str, str], tmp_path: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["/usr/bin/python3", PROBE, ROOT / "rd/km3net/bulkload.py", product, json.dumps(columns)],
        env=environment(tmp_path),
        capture_output=True,
        check=False,
        timeout=60,
    )


def field(form: str, value: float | None) -> bytes:
    """One field as the documentation has it: its length and its bytes, or -1 for NULL."""
    if value is None:
        return struct.pack(">i", -1)
    data = struct.pack(form, value)
    return struct.pack(">i", len(data)) + data


def text(value: str) -> bytes:
    return struct.pack(">i", len(value)) + value.encode() if value else struct.pack(">i", -1)


@pytest.mark.parametrize(("names", "loads"), [(["RESPONSE"], True), (["A", "EVENTS"], True),
                                              (["A", "B"], False), ([], False)])  # fmt: skip
def test_the_only_table_of_a_file_is_loaded_or_the_one_called_events(
    product: Path, tmp_path: Path, names: list[str], loads: bool
) -> None:
    with fits.open(product) as hdus:
        columns = hdus[1].columns
        tables = [fits.BinTableHDU.from_columns(columns, name=name) for name in names]
        fits.HDUList([fits.PrimaryHDU(), *tables]).writeto(tmp_path / "other.fits")
    done = probe(tmp_path / "other.fits", {"name": "event_id", "type": "bigint"}, tmp_path=tmp_path)
    assert (done.returncode == 0) == loads
    assert loads or f"has {len(names)} binary tables" in done.stderr.decode()


def test_the_stream_is_what_postgresql_documents(product: Path, tmp_path: Path) -> None:
    done = probe(
        product,
        {"name": "event_id", "type": "text", "fits": "event_name"},
        {"name": "energy", "type": "real", "unit": "GeV"},
        {"name": "n_hits", "type": "integer"},
        {"name": "event_no", "type": "bigint", "fits": "EVENT_ID"},
        tmp_path=tmp_path,
    )
    assert done.returncode == 0, done.stderr.decode()
    rows = [("one", 1500.0, 7, 2**60), ("", None, None, 2), ("three", 0.0, 0, 3)]
    expected = SIGNATURE + struct.pack(">ii", 0, 0)
    for name, energy, hits, number in rows:
        expected += struct.pack(">h", 4)
        expected += text(name) + field(">f", energy) + field(">i", hits) + field(">q", number)
    assert done.stdout == expected + struct.pack(">h", -1)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ({"name": "ra", "type": "real"}, "the file has no column RA; it has EVENT_NAME, ENERGY"),
        (
            {"name": "energy", "type": "real", "unit": "deg"},
            "has the unit 'deg', the file's",
        ),
        ({"name": "energy", "type": "integer"}, "is integer, but the file's column holds D"),
        ({"name": "event_name", "type": "real"}, "is real, but the file's column holds 8A"),
        ({"name": "event_id", "type": "integer"}, "is integer, too small for the file's numbers"),
        ({"name": "pair", "type": "real"}, "is real, but the file's column holds 2D"),
        ({"name": "energy", "type": "scircle"}, "type scircle cannot be loaded"),
    ],
    ids=lambda value: value["name"] + "-" + value["type"] if isinstance(value, dict) else "",
)
def test_what_does_not_fit_is_refused_before_a_byte_is_sent(
    product: Path, tmp_path: Path, column: dict[str, str], expected: str
) -> None:
    done = probe(product, column, tmp_path=tmp_path)
    assert done.returncode == 1
    assert expected in done.stderr.decode()
    assert done.stdout == b""
