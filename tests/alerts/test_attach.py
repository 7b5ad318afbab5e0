"""Sky maps that are given to the archive for a packet that has none itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ingest.alerts.archive.archive import Archive
from tests.instances import KM3VO, Instance

GOLD = "ivo://nasa.gsfc.gcn/AMON#ICECUBE_GOLD_Event2022-12-23T07:43:00.52_24_137467_064735045_0"
BEST = ("350.5486", "34.7110")


@pytest.fixture
def own_map(tmp_path: Path) -> Path:
    """Return a map around the packet's position, three times as wide as its circle."""
    path = tmp_path / "map.fits"
    words = ["--ra", BEST[0], "--dec", BEST[1], "--radius", "2", "--containment", "0.9"]
    subprocess.run([KM3VO, "alerts", "map", *words, "-o", path], check=True, capture_output=True)
    return path


@pytest.fixture
def filled(scratch_instance: Instance, delivered: Path) -> Instance:
    done = scratch_instance.km3vo("alerts", "import", str(delivered / "alerts"))
    assert done.returncode == 0, done.stderr
    scratch_instance.up()
    return scratch_instance


def regions(instance: Instance) -> list[str]:
    """Return origin, and whether 0.5, 1 and 3 degrees north of the position are in the region."""
    tests = ", ".join(
        f"CONTAINS(POINT(350.5486, {34.7110 + north}), region_90) AS n{place}"
        for place, north in enumerate((0.5, 1.0, 3.0))
    )
    query = f"SELECT region_origin, {tests} FROM alerts.latest WHERE ivorn = '{GOLD}'"
    (row,) = instance.adql(query)
    return row


def test_regions_come_from_an_attached_map_also_after_a_rebuild(filled, own_map):
    assert regions(filled) == ["circle", "1", "0", "0"]
    done = filled.km3vo("alerts", "attach", GOLD, str(own_map))
    assert done.returncode == 0, done.stderr
    assert regions(filled) == ["map", "1", "1", "0"]
    links = filled.adql(f"SELECT notice_id, sky_map FROM alerts.latest WHERE ivorn = '{GOLD}'")
    ((number, sky_map),) = links
    assert filled.km3vo("alerts", "rebuild").returncode == 0
    assert regions(filled) == ["map", "1", "1", "0"]
    archive = Archive(filled.var.resolve() / "alerts")
    assert archive.map_path(sky_map).read_bytes() == own_map.read_bytes()
    (entry,) = [entry for entry in archive.entries() if entry.number == int(number)]
    assert archive.preview_path(entry).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("notice", "content", "message"),
    [
        (GOLD, b"no map", "no FITS file"),
        ("ivo://nobody/nothing", None, "there is no such notice"),
        ("99999", None, "there is no such notice"),
        ("0", None, "there is no such notice"),
    ],
)
def test_what_is_no_map_or_no_notice_is_refused(
    instance, own_map, tmp_path, notice, content, message
):
    given = own_map
    if content is not None:
        given = tmp_path / "given.fits"
        given.write_bytes(content)
    done = instance.km3vo("alerts", "attach", notice, str(given))
    assert done.returncode == 2
    assert message in done.stderr
    for part in ("found:", "expected:", "remedy:"):
        assert part in done.stderr
    assert content is None or f"error: {given}" in done.stderr
