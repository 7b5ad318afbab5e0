"""``km3vo events convert`` and ``inspect`` with the collaboration's own files."""

from __future__ import annotations

import contextlib
import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest
import uproot
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time
from gammapy.data import GTI, EventList
from km3net_testdata import data_path
from rich.console import Console

from ingest.cli import commands, main
from ingest.commands import progress
from ingest.events.delivery.manifest import load_manifest
from ingest.events.delivery.sources import acquire
from ingest.events.release_conversion import convert_release

ORCA4, ORCA6 = data_path("dst/orca4_sample.root"), data_path("dst/orca6_sample.root")
SIMULATED = data_path("hdf5/mupage_ARCA.h5")
OFFLINE = data_path(
    "offline/KM3NeT_00000049_00011291.mc.gsg_neutrinos.km3sim_sirene_merged.jterbr"
    ".jppmuon_jppshower_static.offline.v9.2.sample.root"
)
KM3VO = Path(sys.executable).parent / "km3vo"
REJECT = ("--reject", "finite-direction")
IDS = ("det_id", "run_id", "frame_index", "trigger_counter")


def events(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the whole command line within this process: starting another takes longer than most."""
    words = ["km3vo", "events", *map(str, arguments)]
    out, err = io.StringIO(), io.StringIO()
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            patch.setattr("sys.argv", words)
            main()
        code = 0
    except SystemExit as request:
        code = int(request.code or 0)
    finally:
        signal.signal(signal.SIGTERM, handler)
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Convert both DST samples, in two processes, into one directory."""
    folder = tmp_path_factory.mktemp("products")
    report = ("--report", folder / "report.json")
    done = events(
        "convert", ORCA4, ORCA6, "-o", folder, *REJECT, "--galactic", "--jobs", 2, *report
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder


@pytest.mark.parametrize(("source", "rows"), [(ORCA4, 2498), (ORCA6, 2495)])
def test_positions_are_those_of_the_collaboration(products: Path, source: str, rows: int) -> None:
    with uproot.open(source) as file:
        ids = [file["E/Evt"][name].array(library="np").tolist() for name in IDS]
        ra = np.degrees(file["T/coords/trackfit_ra"].array(library="np"))
        dec = np.degrees(file["T/coords/trackfit_dec"].array(library="np"))
    place = {key: row for row, key in enumerate(zip(*ids, strict=True))}
    ours = Table.read(products / f"{Path(source).stem}.fits", hdu="EVENTS")
    assert len(ours) == rows
    keys = zip(*(ours[name.upper()].tolist() for name in IDS), strict=True)
    theirs = [place[key] for key in keys]
    distance = SkyCoord(ours["RA"], ours["DEC"]).separation(
        SkyCoord(ra[theirs], dec[theirs], unit="deg")
    )
    assert distance.max() < 60 * u.arcsec
    galactic = SkyCoord(ours["GLON"], ours["GLAT"], frame="galactic")
    # astropy's galactic frame goes by FK5, which is 0.025 arcsec from ICRS
    assert galactic.separation(SkyCoord(ours["RA"], ours["DEC"])).max() < 0.03 * u.arcsec


def test_gammapy_reads_the_product(products: Path) -> None:
    path = products / "orca6_sample.fits"
    read = EventList.read(path)
    assert len(read.table) == 2495
    assert read.table.meta["OBS_ID"] == 9505
    intervals = GTI.read(path)
    # header tree: UTCMin_s and UTCMax_s
    assert intervals.time_start[0].utc.unix == pytest.approx(1614168005, abs=1e-3)
    assert intervals.time_stop[0].utc.unix == pytest.approx(1614189598, abs=1e-3)
    assert isinstance(read.time, Time)


def test_headers_say_what_the_files_say(products: Path) -> None:
    primary = fits.getheader(products / "orca6_sample.fits")
    assert (primary["TITLE"], primary["RELEASE"]) == ("orca6_sample.root", "")
    assert (primary["TELESCOP"], primary["INSTRUME"]) == ("KM3NeT/ORCA", "ORCA")
    assert primary["SIMULATE"] is False
    document = json.loads((products / "orca6_sample.fits.prov.json").read_text())
    (command,) = [
        one["km3:command"] for one in document["activity"].values() if "km3:command" in one
    ]
    assert command == (
        "km3vo events convert orca4_sample.root orca6_sample.root"
        " --reject finite-direction --galactic -o ."
    )


def test_the_report_has_every_rule(products: Path) -> None:
    first, second = json.loads((products / "report.json").read_text())["conversions"]
    assert (first["product"], second["product"]) == ("orca4_sample.fits", "orca6_sample.fits")
    assert (second["rows"], second["checks"]["rejected"]) == (2495, 4)
    broken = {rule["name"]: rule["count"] for rule in second["checks"]["rules"] if rule["count"]}
    assert broken == {
        "ang-err-unbounded": 3,
        "likelihood-placeholder": 7,
        "finite-direction": 4,
    }


def test_one_product_of_several_files(tmp_path: Path) -> None:
    out = tmp_path / "both.fits"
    done = events("convert", ORCA4, ORCA6, "-o", out, *REJECT)
    assert done.stdout.startswith(f"orca4_sample.root, orca6_sample.root → {out}: 4993 events\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["both.fits", "both.fits.prov.json"]
    assert len(set(Table.read(out, hdu="EVENTS")["EVENT_ID"])) == 4993


def test_showers_of_an_offline_file(tmp_path: Path) -> None:
    out = tmp_path / "showers.fits"
    words = ("convert", OFFLINE, "--topology", "shower", "-o", out)
    assert "the file is a simulation" in events(*words).stderr and not out.exists()
    done = events(*words, "--simulation", *REJECT)
    assert done.stdout.startswith(f"{Path(OFFLINE).name} → {out}: 29 events\n")
    table = Table.read(out, hdu="EVENTS")
    assert set(table["TOPOLOGY"]) == {"shower"} and set(table["RUN_ID"]) == {11291}
    assert fits.getheader(out, "EVENTS")["SIMULATE"] is True
    assert "--topology shower" in (tmp_path / "showers.fits.prov.json").read_text()
    done = events(*words, "--release", "evts21_01")
    assert (done.returncode, "detector and topology" in done.stderr) == (2, True)


def test_a_release_gives_its_own_metadata_and_rules(tmp_path: Path) -> None:
    done = events("convert", ORCA6, "--release", "evts21_01", "-o", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    primary = fits.getheader(tmp_path / "evts21_01.fits")
    assert primary["RELEASE"] == "evts21_01"
    assert primary["OBSCOLL"] == "KM3NeT-ORCA6-sample"
    # the import makes the same
    manifest = load_manifest("evts21_01")
    acquired = [acquire(manifest, file, None, tmp_path) for file in manifest.files]
    (tmp_path / "import").mkdir()
    (made,) = convert_release(manifest, acquired, tmp_path / "import")
    assert made.product.read_bytes() == (tmp_path / "evts21_01.fits").read_bytes()


def test_what_was_marked_as_simulated_is_not_imported(tmp_path: Path) -> None:
    assert events("convert", ORCA6, "--release", "evts21_01", "-o", tmp_path).returncode == 0
    path = tmp_path / "evts21_01.fits"
    with fits.open(path, "update") as hdus:
        hdus["EVENTS"].header["SIMULATE"] = True
    done = events("convert", path, "-o", tmp_path / "again.fits")
    assert (done.returncode, "the file is a simulation" in done.stderr) == (2, True)
    assert events("convert", path, "--simulation", "-o", tmp_path / "again.fits").returncode == 0
    assert fits.getheader(tmp_path / "again.fits")["SIMULATE"] is True


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    done = events("convert", ORCA6, "-o", tmp_path / "a.fits", *REJECT, "--dry-run")
    assert done.stdout == (
        f"orca6_sample.root would become {tmp_path}/a.fits: 2495 events\n"
        "  2499 rows read, 2495 accepted, 4 rejected\n"
        "    ang-err-unbounded: 3 × set-missing;"
        " first E entry 515: ang_err = 271.37400461697536\n"
        "    likelihood-placeholder: 7 × set-missing;"
        " first E entry 133: likelihood = -1.7976931348623157e+308\n"
        "    finite-direction: 4 × reject-row;"
        " first E entry 568: dir_x = nan, dir_y = nan, dir_z = nan\n"
    )
    assert not list(tmp_path.iterdir())


def test_bad_rows_stop_the_conversion(tmp_path: Path) -> None:
    done = events("convert", ORCA6, "-o", tmp_path / "a.fits")
    assert done.returncode == 2
    assert done.stderr == (
        f"error: {ORCA6}, E entry 568: the event has no direction"
        " (violations: finite-direction 4; rows read: 2499)\n"
        "  found:    dir_x = nan, dir_y = nan, dir_z = nan\n"
        "  expected: finite numbers\n"
        "  remedy:   correct or remove the row at its origin and deliver the file again; or,"
        ' to leave these rows out, set reject = ["finite-direction"] in'
        " release.toml, or give --reject for a conversion\n"
    )
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_converted(tmp_path: Path) -> None:
    there = tmp_path / "there.fits"
    there.write_bytes(b"mine")
    unknown = tmp_path / "unknown.csv"
    unknown.write_text("event_name,mjd,ra,dec,det_id\nA,60000,1,2,999\n")
    missing = tmp_path / "missing"
    known = "antares, orca, arca"
    cases: list[tuple[tuple[str | Path, ...], str]] = [
        (
            (ORCA6, "-o", there),
            f"{there}: the product exists already\n  remedy:   give --overwrite to replace it\n",
        ),
        (
            (ORCA6, "-o", missing / "a.fits"),
            f"{missing}: the directory does not exist\n  remedy:   mkdir -p {missing}\n",
        ),
        (
            (ORCA6, "-o", "/proc/a.fits"),
            "/proc: the directory cannot be written (No such file or directory)\n"
            "  remedy:   choose another directory, or ask for permission to write there\n",
        ),
        (
            (ORCA6, "-o", missing),
            f"{missing}: the directory does not exist\n"
            "  expected: a FITS file to write, or an existing directory\n"
            f"  remedy:   mkdir {missing}, or end the name with .fits\n",
        ),
        (
            (unknown, "-o", tmp_path / "a.fits"),
            f"{unknown}: the file does not state its detector\n"
            "  found:    det_id 999, which is not listed\n"
            f"  expected: one of {known}\n"
            "  remedy:   give --detector, or add the number to ingest/events/sky/detectors.toml\n",
        ),
        (
            (ORCA6, "--detector", "arca", "-o", tmp_path / "a.fits"),
            f"{ORCA6}: the file is of another detector\n"
            "  found:    orca\n"
            "  expected: arca\n"
            "  remedy:   leave --detector out, or give --detector orca\n",
        ),
        (
            (ORCA4, "--detector", "arca", *REJECT, "-o", tmp_path / "a.fits"),
            f"{ORCA4}: the files contain events of another detector\n"
            "  found:    det_id 44, of orca\n"
            "  expected: only events of arca\n"
            "  remedy:   convert the files of each detector separately, or correct the detector\n",
        ),
        (
            (SIMULATED, "--detector", "arca", "-o", tmp_path / "a.fits"),
            f"{SIMULATED}: the file is a simulation\n"
            "  expected: measured events\n"
            "  remedy:   deliver measured data; km3vo events convert --simulation converts the file"
            " to a product that is marked as simulated and cannot be published\n",
        ),
        (
            (ORCA4, "--release", "evts21_01", "-o", tmp_path / "a.fits"),
            f"{ORCA4}: the file does not belong to the release evts21_01\n"
            "  expected: orca6_sample.root\n"
            "  remedy:   rename the file, or omit --release\n",
        ),
        (
            (tmp_path / "no.root", "-o", tmp_path / "a.fits"),
            f"{tmp_path}/no.root: the file cannot be read (No such file or directory)\n"
            "  remedy:   check that the file exists and that you have permission to read it\n",
        ),
    ]
    for arguments, message in cases:
        done = events("convert", *arguments)
        assert (done.returncode, done.stderr) == (2, f"error: {message}")
    assert there.read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there.fits", "unknown.csv"]


@contextlib.contextmanager
def small_disk(place: Path) -> Iterator[None]:
    place.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(place)]
    if subprocess.run(options, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here: run as root, outside of a container")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk(tmp_path: Path) -> None:
    place = tmp_path / "disk"
    with small_disk(place):
        done = events("convert", ORCA6, "-o", place / "a.fits", *REJECT)
        assert (done.returncode, list(place.iterdir())) == (1, [])
        assert "the disk is full\n" in done.stderr


@pytest.mark.parametrize(
    ("what", "left"), [(signal.SIGINT, False), (signal.SIGTERM, False), (signal.SIGKILL, True)]
)
@pytest.mark.slow
def test_an_interrupted_run_leaves_no_product(
    tmp_path: Path, what: signal.Signals, left: bool
) -> None:
    out = tmp_path / "a.fits"
    words = [KM3VO, "events", "convert", ORCA6, "-o", str(out), *REJECT]
    for _ in range(10):
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            while process.poll() is None and not list(tmp_path.glob(".km3vo-*/*")):
                time.sleep(0.002)
            process.send_signal(what)
            if process.wait(30) != 0:
                break
        # it was done before the signal came
        for path in tmp_path.iterdir():
            path.unlink()
    else:
        pytest.fail("no run could be interrupted")
    rest = list(tmp_path.iterdir())
    assert all(path.name.startswith(".km3vo-") for path in rest)
    assert bool(rest) == left
    # and again
    assert events("convert", ORCA6, "-o", out, *REJECT).returncode == 0


def test_overwriting_gives_the_same_bytes(tmp_path: Path) -> None:
    out = tmp_path / "a.fits"
    assert events("convert", ORCA6, "-o", out, *REJECT).returncode == 0
    before = out.read_bytes(), (tmp_path / "a.fits.prov.json").read_bytes()
    assert events("convert", ORCA6, "-o", out, *REJECT, "--overwrite").returncode == 0
    assert (out.read_bytes(), (tmp_path / "a.fits.prov.json").read_bytes()) == before


def test_inspect_says_what_the_file_is() -> None:
    done = events("inspect", ORCA6)
    assert (done.returncode, done.stderr) == (0, "")
    said = " ".join(done.stdout.split())
    for words in (
        "format dst-root, KM3NeT data summary file (DST, ROOT)",
        "detector orca det_id 49 runs 9505 simulated no",
        "data taking 2021-02-24T12:00:05Z to 2021-02-24T17:59:58Z",
        "livetime 21593.2 s",
        "2499 rows read, 2495 accepted, 4 rejected",
        "fields missing ang_err_cl, quality",
        "'JTrigger3DMuon': [111301.0]",
        "for a release 4 rows violate the rule finite-direction: correct the file, or give",
    ):
        assert words in said


def test_inspect_tells_a_simulation_and_a_missing_time_table() -> None:
    simulated = events("inspect", SIMULATED).stdout
    assert "the file is a simulation: it cannot be published" in simulated
    seatray = events("inspect", data_path("seatray/antares.h5")).stdout
    assert "a SeaTray file has no absolute times, and its table of times does not exist" in seatray


def test_inspect_as_json(products: Path) -> None:
    found = json.loads(events("inspect", "--json", products / "orca4_sample.fits").stdout)
    assert (found["format"], found["detector"]) == ("gadf-fits", "orca")
    assert found["header"]["simulated"] is False
    assert found["events"]["det_ids"] == [44]
    assert found["checks"]["accepted"] == 2498


@pytest.mark.parametrize(("terminal", "patience"), [(True, 0), (True, 60), (False, 0)])
def test_a_bar_is_for_terminals_and_long_work(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, patience: float
) -> None:
    monkeypatch.setattr(progress, "PATIENCE", patience)
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=80)
    with progress.progress(console, "events", 10) as on_progress:
        on_progress(5)
    assert ("5/10" in screen.getvalue()) == (terminal and patience == 0)
    if not (terminal and patience == 0):
        assert screen.getvalue() == ""


@pytest.mark.parametrize(
    "command",
    ["events", "events convert", "events inspect", "release", "release new", "release check"],
)
def test_every_option_has_help(command: str) -> None:
    found = commands
    for name in command.split():
        found = found.get_command(click.Context(found), name)
    assert found.help
    assert all(one.help for one in found.params if isinstance(one, click.Option))
