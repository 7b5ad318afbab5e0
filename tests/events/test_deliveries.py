"""The store of delivered files, and coverage on the sky."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st
from mocpy import MOC

from ingest.core.errors import InputError
from ingest.events.coverage import sky_coverage
from ingest.events.delivery import DeliveryStore

CONTENT = b"one\ntwo\n"
SUM = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> DeliveryStore:
    (tmp_path / "deliveries").mkdir()
    return DeliveryStore(tmp_path / "deliveries")


@pytest.fixture
def delivered(tmp_path: Path) -> Path:
    path = tmp_path / "list.dat"
    path.write_bytes(CONTENT)
    return path


def test_a_file_is_found_by_checksum_and_name(store: DeliveryStore, delivered: Path) -> None:
    kept = store.keep(delivered, SUM)
    delivered.unlink()
    assert kept.read_bytes() == CONTENT
    found = store.find(["0" * 64, SUM], "list.dat")
    assert found is not None
    assert (found.path, found.sha256, found.size) == (kept, SUM, len(CONTENT))
    assert store.find([SUM], "other.dat") is None
    assert store.find(["0" * 64], "list.dat") is None


def test_the_same_content_under_two_names_is_kept_twice(
    store: DeliveryStore, delivered: Path
) -> None:
    store.keep(delivered, SUM)
    again = delivered.rename(delivered.with_name("copy.dat"))
    store.keep(again, SUM)
    assert [one.path.name for one in store.files()] == ["copy.dat", "list.dat"]
    for one in store.files():
        store.remove(one)
    assert list(store.folder.iterdir()) == []


def test_a_file_that_changes_while_it_is_imported_is_refused(
    store: DeliveryStore, delivered: Path
) -> None:
    delivered.write_bytes(CONTENT + b"three\n")
    with pytest.raises(InputError) as caught:
        store.keep(delivered, SUM)
    assert str(caught.value).startswith(f"{delivered}: the file changed while it was imported\n")
    assert "remedy:   wait until the delivery is complete" in str(caught.value)
    assert list(store.folder.iterdir()) == []


def test_what_an_interrupted_copy_left_is_replaced(store: DeliveryStore, delivered: Path) -> None:
    (store.folder / f".{SUM}").mkdir()
    (store.folder / f".{SUM}" / "list.dat").write_bytes(b"o")
    assert store.files() == []
    assert store.keep(delivered, SUM).read_bytes() == CONTENT
    assert len(list(store.folder.iterdir())) == 1


@settings(max_examples=40)
@given(
    st.floats(0, 360, exclude_max=True),
    st.floats(-90, 90),
    st.floats(0.1, 360),
    st.floats(0, 360),
    st.floats(0, 1),
)
def test_the_coverage_contains_the_circle_and_little_more(
    ra: float, dec: float, diameter: float, angle: float, share: float
) -> None:
    moc = MOC.from_string(sky_coverage(ra, dec, diameter).replace(",", " "), "ascii")
    centre = SkyCoord(ra, dec, unit="deg")
    inside = centre.directional_offset_by(angle * units.deg, share * diameter / 2 * units.deg)
    assert moc.contains_skycoords(SkyCoord([inside]))[0]
    # a cell that touches the circle reaches less than two cells beyond it
    beyond = diameter / 2 + 1.8
    if beyond < 180:
        outside = centre.directional_offset_by(angle * units.deg, beyond * units.deg)
        assert not moc.contains_skycoords(SkyCoord([outside]))[0]


def test_the_whole_sky_is_written_as_such() -> None:
    assert sky_coverage(0, 0, 360) == "0/0-11 6/"
