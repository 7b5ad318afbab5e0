"""Sky maps that are attached to a packet in the archive."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest.alerts.archive.archive import Archive
from tests import loaded
from tests.instances import KM3VO, Instance

GOLD = "ivo://nasa.gsfc.gcn/AMON#ICECUBE_GOLD_Event2022-12-23T07:43:00.52_24_137467_064735045_0"
BEST = ("350.5486", "34.7110")


@pytest.fixture
def own_map(tmp_path: Path) -> Path:
    """Return a map around the packet's position, three times as wide as its circle."""
    path = tmp_path / "map.fits"
    words = ["--ra", BEST[0], "--dec", BEST[1], "--radius", "2", "--containment", "0.9"]
    done = loaded.run([str(KM3VO), "alerts", "map", *words, "-o", str(path)], os.environ)
    assert done.returncode == 0, done.stderr
    return path


def regions(instance: Instance) -> list[str]:
    """Return origin, and whether 0.5, 1 and 3 degrees north of the position are in the region."""
    tests = ", ".join(
        f"CONTAINS(POINT(350.5486, {34.7110 + north}), region_90) AS n{place}"
        for place, north in enumerate((0.5, 1.0, 3.0))
    )
    query = f"SELECT region_origin, {tests} FROM alerts.latest WHERE ivorn = '{GOLD}'"
    (row,) = instance.adql(query)
    return row


@pytest.mark.slow
def test_regions_are_taken_from_an_attached_map_also_after_a_rebuild(filled_instance, own_map):
    assert regions(filled_instance) == ["circle", "1", "0", "0"]
    done = filled_instance.km3vo("alerts", "attach", GOLD, str(own_map))
    assert done.returncode == 0, done.stderr
    assert regions(filled_instance) == ["map", "1", "1", "0"]
    links = filled_instance.adql(
        f"SELECT notice_id, sky_map FROM alerts.latest WHERE ivorn = '{GOLD}'"
    )
    ((number, sky_map),) = links
    assert filled_instance.km3vo("alerts", "rebuild").returncode == 0
    assert regions(filled_instance) == ["map", "1", "1", "0"]
    archive = Archive(filled_instance.var.resolve() / "alerts")
    assert archive.map_path(sky_map).read_bytes() == own_map.read_bytes()
    (entry,) = [entry for entry in archive.entries() if entry.number == int(number)]
    assert archive.preview_path(entry).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("notice", "content", "message"),
    [
        (GOLD, b"no map", "the sky map is not a FITS file"),
        ("ivo://nobody/nothing", None, "there is no such notice"),
        ("99999", None, "there is no such notice"),
        ("0", None, "there is no such notice"),
    ],
)
def test_files_that_are_not_maps_and_unknown_notices_are_refused(
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
