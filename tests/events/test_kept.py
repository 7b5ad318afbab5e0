"""A release that grows: what did not change is kept, and nobody can tell the difference."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ingest.core.errors import InputError
from ingest.core.files import sha256
from ingest.events.conversion import Conversion
from ingest.events.delivery import AcquiredFile, Manifest
from ingest.events.kept import KeptProducts, as_record, replace_surveys
from ingest.events.release_conversion import convert_release, product_facts
from ingest.events.survey import Survey
from ingest.instance import layout as layouts
from ingest.instance.account import Account
from ingest.instance.layout import Layout
from tests.bench.instance import release_of
from tests.bench.samples import write_simple

EVENTS = 40
DAY = 86_400
MAKING = "of this version"
DERIVED = (".tar", ".parquet")


@dataclass
class Release:
    """A release whose files become a product each, and what is online of it."""

    layout: Layout
    inputs: Path
    out: Path
    names: tuple[str, ...] = ()
    record: dict[str, Any] | None = None

    def deliver(self, name: str, day: int, run: int) -> None:
        """Write a file, of events on one day."""
        with h5py.File(write_simple(self.inputs / name, EVENTS, seed=run), "a") as file:
            rows = file["events"][:]
            rows["timestamp"] += day * DAY
            rows["run_id"] = run
            rows["frame_index"] = np.arange(EVENTS)
            file["events"][:] = rows
        if name not in self.names:
            self.names += (name,)

    def manifest(self, **changed: Any) -> Manifest:
        first, *more = (self.inputs / name for name in self.names)
        made = release_of(
            *(first, EVENTS * len(self.names), "simple-hdf5", *more), products="per-file"
        )
        return made.model_copy(update={"release": made.release.model_copy(update=changed)})

    def convert(self, kept: bool = True, making: str = MAKING, **changed: Any) -> list[Conversion]:
        """Convert the files into an empty directory, with what is online or without."""
        manifest = self.manifest(**changed)
        place, surveys = self.out, self.out.with_name("surveys")
        for directory in (place, surveys):
            directory.mkdir(exist_ok=True)
            assert not list(directory.iterdir())
        acquired = [
            AcquiredFile(path, "test", sha256(path), simulated=False)
            for path in (self.inputs / name for name in self.names)
        ]
        before = KeptProducts(manifest, self.layout, self.record or {}, making)
        self.survey = Survey(manifest.release.start_mjd, manifest.release.stop_mjd)
        self.found = convert_release(
            manifest, acquired, place, self.survey, before if kept else None, surveys
        )
        made = [one.product for one in self.found]
        self.stock, self.unchanged = before.take_stock(
            dict(zip(made, [[one] for one in acquired], strict=True))
        )
        return self.found

    def go_online(self) -> None:
        """Bring online what was converted."""
        for one in self.found:
            for ending in DERIVED:
                path = one.product.with_suffix(ending)
                if not path.exists():
                    path.write_text(f"{ending} of {sha256(one.product)}")
        self.data.parent.mkdir(parents=True, exist_ok=True)
        self.discard(self.data)
        self.out.rename(self.data)
        replace_surveys(self.layout, self.manifest().name, self.out.with_name("surveys"))
        conversions = [one.to_dict() for one in self.found]
        self.record = {"conversions": conversions, "products": as_record(self.stock)}

    @property
    def data(self) -> Path:
        return self.layout.inputs / self.manifest().name / "data"

    def discard(self, directory: Path | None = None) -> None:
        for place in [directory] if directory else (self.out, self.out.with_name("surveys")):
            if place.exists():
                for path in place.iterdir():
                    path.unlink()
                place.rmdir()

    def content(self) -> dict[str, bytes]:
        """Return what was converted, without what was only linked here."""
        return {
            path.name: path.read_bytes()
            for path in self.out.iterdir()
            if path.suffix not in DERIVED and "index" not in path.name
        }


@pytest.fixture
def release(tmp_path: Path) -> Iterator[Release]:
    layout = Layout(tmp_path / "var", Account.current())
    layout.create()
    layout.account.create_directory(layout.inputs)
    (tmp_path / "in").mkdir()
    made = Release(layout, tmp_path / "in", tmp_path / "out")
    for run in (1, 2):
        made.deliver(f"run{run}.h5", 30 * run, run)
    made.convert()
    assert made.unchanged == set()
    made.go_online()
    yield made
    layouts.remove(layout)


def test_only_a_new_file_is_converted(release: Release) -> None:
    release.deliver("run3.h5", 90, 3)
    release.convert()
    kept = {path.name for path in release.out.iterdir() if path.stat().st_nlink == 2}
    assert kept == {
        f"evts21_01_run{run}{ending}"
        for run in (1, 2)
        for ending in (".fits", ".fits.prov.json", ".png", *DERIVED)
    }
    assert release.unchanged == {"evts21_01_run1.fits", "evts21_01_run2.fits"}
    assert all(one.product.parent == release.out for one in release.found)
    content, stock, survey = release.content(), release.stock, release.survey
    # the same as without
    release.discard()
    release.convert(kept=False)
    assert release.content() == content
    assert release.stock == stock
    assert (release.survey.read, release.survey.sky.count) == (3 * EVENTS, 3 * EVENTS)
    assert survey.read == 3 * EVENTS
    for one, other in zip(survey.distributions, release.survey.distributions, strict=True):
        assert (one.read == other.read).all() and (one.accepted == other.accepted).all()
    for one, other in zip(survey.sky.positions, release.survey.sky.positions, strict=True):
        assert (one == other).all()


def test_a_release_may_be_extended_in_time(release: Release) -> None:
    longer = release.manifest().release.stop.replace(year=2050)
    release.deliver("run3.h5", 90, 3)
    release.convert(stop=longer, updated=date(2026, 11, 1))
    assert len(release.unchanged) == 2
    (times,) = (one for one in release.survey.distributions if one.name == "mjd")
    release.discard()
    release.convert(kept=False, stop=longer, updated=date(2026, 11, 1))
    (fresh,) = (one for one in release.survey.distributions if one.name == "mjd")
    assert times.read.sum() == fresh.read.sum() == 3 * EVENTS
    # each event at most one bin away
    assert np.abs(np.cumsum(times.read - fresh.read)).sum() <= 3 * EVENTS
    assert np.abs(np.flatnonzero(times.read)[0] - np.flatnonzero(fresh.read)[0]) <= 1


@pytest.mark.parametrize(
    "changed", [{"title": "Another"}, {"livetime_days": 3.0}, {"instrument": "ORCA7"}], ids=str
)
def test_another_fact_about_all_events_makes_all_products_new(
    release: Release, changed: dict[str, Any]
) -> None:
    assert product_facts(release.manifest(**changed)) != product_facts(release.manifest())
    release.convert(making=str(product_facts(release.manifest(**changed))), **changed)
    assert release.unchanged == set()
    assert not [path for path in release.out.iterdir() if path.stat().st_nlink > 1]


def test_a_file_that_changed_is_converted(release: Release) -> None:
    release.deliver("run2.h5", 30, 4)
    release.convert()
    assert release.unchanged == {"evts21_01_run1.fits"}


def _damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3000] ^= 1
    path.write_bytes(content)


def _replace_by_link(path: Path) -> None:
    path.rename(path.with_suffix(".moved"))
    path.symlink_to(path.with_suffix(".moved"))


@pytest.mark.parametrize(
    ("harm", "ending"),
    [
        (_damage, ".fits"),
        (_replace_by_link, ".fits"),
        *((Path.unlink, ending) for ending in (".fits", ".png", *DERIVED)),
    ],
)
def test_what_is_damaged_is_made_again(release: Release, harm: Any, ending: str) -> None:
    harm(release.data / f"evts21_01_run1{ending}")
    release.convert()
    made = release.out / "evts21_01_run1.fits"
    assert made.stat().st_nlink == 1 and not made.is_symlink()
    assert (release.out / "evts21_01_run2.fits").stat().st_nlink == 2


def test_without_the_survey_it_is_made_again(release: Release) -> None:
    place = release.layout.record("evts21_01").parent / "surveys"
    (place / "evts21_01_run1.npz").write_bytes(b"damaged")
    os.unlink(place / "evts21_01_run2.npz")
    release.convert()
    assert all(path.stat().st_nlink == 1 for path in release.out.glob("*.fits"))


def test_events_outside_a_shorter_time_range_are_refused(release: Release) -> None:
    with pytest.raises(InputError, match="outside the release's time range"):
        release.convert(stop=release.manifest().release.start.replace(year=2020, month=2))


def test_a_product_with_another_number_is_made_again(release: Release) -> None:
    release.deliver("run3.h5", 90, 3)
    release.names = ("run1.h5", "run3.h5", "run2.h5")
    assert [one.obs_id for one in release.convert()] == [1, 2, 3]
    assert release.unchanged == {"evts21_01_run1.fits"}
