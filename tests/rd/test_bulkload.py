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


def probe(
    *products: Path, columns: list[dict[str, str]], tmp_path: Path, together: int = 0
) -> subprocess.CompletedProcess[bytes]:
    grammar = ROOT / "rd/km3net/bulkload.py"
    return subprocess.run(
        ["/usr/bin/python3", PROBE, grammar, json.dumps(columns), str(together), *products],
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
    columns = [{"name": "event_id", "type": "bigint"}]
    done = probe(tmp_path / "other.fits", columns=columns, tmp_path=tmp_path)
    assert (done.returncode == 0) == loads
    assert loads or f"has {len(names)} binary tables" in done.stderr.decode()


def test_the_stream_is_what_postgresql_documents(product: Path, tmp_path: Path) -> None:
    columns = [
        {"name": "event_id", "type": "text", "fits": "event_name"},
        {"name": "energy", "type": "real", "unit": "GeV"},
        {"name": "n_hits", "type": "integer"},
        {"name": "event_no", "type": "bigint", "fits": "EVENT_ID"},
    ]
    done = probe(product, columns=columns, tmp_path=tmp_path)
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
    done = probe(product, columns=[column], tmp_path=tmp_path)
    assert done.returncode == 1
    assert expected in done.stderr.decode()
    assert done.stdout == b""


@pytest.mark.parametrize("together", [1, 4, 5, 100])
def test_rows_of_several_files_are_sorted_together(tmp_path: Path, together: int) -> None:
    # from the north pole to the south pole, as q3c counts; the last file has another unit
    rows = [(10.0, 80.0, 1.0), (20.0, -80.0, 2.0), (5.0, 85.0, 3.0), (0.0, 0.0, 4.0)] * 3
    paths = []
    for number, unit in enumerate(("TeV", "TeV", "GeV")):
        ra, dec, energy = np.array(rows[4 * number : 4 * number + 4]).T
        columns = [
            fits.Column("RA", "D", "deg", array=ra),
            fits.Column("DEC", "D", "deg", array=dec),
            fits.Column("ENERGY", "D", unit, array=energy),
        ]
        paths.append(tmp_path / f"{number}.fits")
        table = fits.BinTableHDU.from_columns(columns, name="EVENTS")
        fits.HDUList([fits.PrimaryHDU(), table]).writeto(paths[-1])
    wanted = [{"name": name, "type": "real", "unit": "deg"} for name in ("ra", "dec")]
    wanted.append({"name": "energy", "type": "real", "unit": "GeV"})
    done = probe(*paths, columns=wanted, tmp_path=tmp_path, together=together)
    assert done.returncode == 0, done.stderr.decode()
    length = struct.calcsize(">hifififi") - struct.calcsize(">i")
    content = done.stdout[len(SIGNATURE) + 8 : -2]
    found = [
        struct.unpack(">hififif", content[first : first + length])[2::2]
        for first in range(0, len(content), length)
    ]
    in_gev = [(ra, dec, e * (1000 if n < 8 else 1)) for n, (ra, dec, e) in enumerate(rows)]
    assert sorted(found) == sorted(in_gev)
    # batches end where they are full, and where the unit changes
    begins = {1: range(12), 4: (0, 4, 8), 5: (0, 5, 8), 100: (0, 8)}[together]
    for first, last in zip(begins, [*begins[1:], 12], strict=True):
        declinations = [dec for _, dec, _ in found[first:last]]
        assert declinations == sorted(declinations, key=lambda dec: (-np.sign(dec), dec != 0))
        assert sorted(found[first:last]) == sorted(in_gev[first:last])


def test_a_file_that_ends_too_early_is_refused(product: Path, tmp_path: Path) -> None:
    product.write_bytes(product.read_bytes()[:-2880])
    done = probe(product, columns=[{"name": "event_id", "type": "bigint"}], tmp_path=tmp_path)
    assert done.returncode == 1
    assert "ends before its last row" in done.stderr.decode()
