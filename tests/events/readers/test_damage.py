"""Cut off and altered files: a reader reads them or says InputError, and never anything else."""

from __future__ import annotations

import random
import shutil

import pytest
from astropy.io import fits
from astropy.table import Table
from km3net_testdata import data_path

from ingest.core.errors import InputError
from ingest.events.readers import READERS, open_reader

SEEDS = 25


@pytest.fixture
def intact(tmp_path):
    """Return, for each format, the bytes of a file of it."""
    listed = tmp_path / "list.fits"
    table = Table({"EVENT_ID": [1, 2], "MJD": [59000.0, 59001.0], "RA": [1.0, 2], "DEC": [3.0, 4]})
    fits.BinTableHDU(table, name="EVENTS").writeto(listed)
    return {
        "km3pipe-hdf5": open(data_path("hdf5/geamon.h5"), "rb").read(),
        "dst-root": open(data_path("dst/mcv5.1.km3_numuCC.ALL.dst.bdt.10events.root"), "rb").read(),
        "offline-root": open(data_path("offline/km3net_offline.root"), "rb").read(),
        "seatray-hdf5": open(data_path("seatray/antares.h5"), "rb").read(),
        "gadf-fits": listed.read_bytes(),
    }


def read(path, format):
    reader = open_reader(path, format)
    reader.facts()
    return sum(len(chunk) for chunk in reader.chunks(1000))


@pytest.mark.parametrize("format", ["km3pipe-hdf5", "dst-root", "seatray-hdf5", "gadf-fits"])
@pytest.mark.parametrize("seed", range(SEEDS))
def test_damage_is_told(tmp_path, intact, monkeypatch, format, seed):
    # simulated files are to be read to their end here
    monkeypatch.setattr("ingest.events.readers._columns.FIRST_LIGHT", 0)
    generator = random.Random(seed)
    data = bytearray(intact[format])
    if seed % 4 == 0:
        del data[generator.randrange(len(data)) :]
    else:
        for _ in range(generator.choice((1, 10, 100))):
            # structure stands mostly at the begin
            within = generator.choice((600, 20_000, len(data)))
            data[generator.randrange(min(within, len(data)))] = generator.randrange(256)
    path = tmp_path / "damaged"
    path.write_bytes(data)
    path.with_name("damaged.times.csv").write_text(
        "run_id,frame_index,trigger_counter,unix_seconds,unix_nanoseconds\n"
    )
    for name in (format, "auto"):
        try:
            read(path, name)
        except InputError as error:
            assert error.file and error.expected and error.remedy


@pytest.mark.parametrize("format", READERS)
def test_a_file_cut_after_its_signature(tmp_path, format):
    starts = {
        "dst-root": b"root",
        "offline-root": b"root",
        "gadf-fits": b"SIMPLE  =",
        "antares-text": b"Decl",
    }
    path = tmp_path / "cut"
    path.write_bytes(starts.get(format, b"\x89HDF\r\n\x1a\n"))
    with pytest.raises(InputError):
        read(path, format)


def test_intact_files_are_read(tmp_path, intact, monkeypatch):
    """Otherwise the test above could pass for the wrong reason."""
    monkeypatch.setattr("ingest.events.readers._columns.FIRST_LIGHT", 0)
    counts = {"km3pipe-hdf5": 2, "dst-root": 10, "offline-root": 10, "gadf-fits": 2}
    for format, events in counts.items():
        path = tmp_path / format
        path.write_bytes(intact[format])
        assert read(path, format) == events
    shutil.copy(data_path("dst/orca6_sample.root"), tmp_path / "x")
    assert read(tmp_path / "x", "auto") == 2499
