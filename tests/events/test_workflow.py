"""The conversion of a release by jobs: it gives what an ordinary import gives."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.core.errors import InputError, ManifestError, UnavailableError
from ingest.core.files import sha256
from ingest.events.delivery import AcquiredFile, Manifest
from ingest.events.release_conversion import convert_release
from ingest.events.survey import SkyCounts, Survey, read_survey, write_survey
from ingest.events.workflow import (
    Collection,
    WorkDirectory,
    collect,
    run_job,
    work_directory,
    write_plan,
)
from ingest.events.workflow import job as jobs
from tests.bench.instance import release_of
from tests.bench.samples import write_simple

EVENTS = 60
ENGINE = "Snakemake 9"


def release(folder: Path, *names: str, per_file: bool = True) -> Manifest:
    """Write files of simulated events; return the manifest of their release."""
    folder.mkdir(exist_ok=True)
    paths = [write_simple(folder / name, EVENTS, seed=n) for n, name in enumerate(names, 1)]
    products = "per-file" if per_file else "one"
    first, *more = paths
    return release_of(first, EVENTS * len(paths), "simple-hdf5", *more, products=products)


def convert(manifest: Manifest, folder: Path, work: WorkDirectory, **options: Any) -> list[str]:
    """Plan the release, and run all of its jobs that have something to do; return their lines."""
    write_plan(manifest, folder, work, **options)
    lines: list[str] = []
    for name in json.loads(work.plan.read_text())["jobs"]:
        if not (work.done / f"{name}.json").exists():
            run_job(work, name, engine=ENGINE, announce=lines.append)
    return lines


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def without_job(provenance: bytes) -> Any:
    """Return a provenance document without its job."""
    document = json.loads(provenance)
    started = document["wasStartedBy"]
    for name in [one for one in document["activity"] if one.startswith("km3:job-")]:
        del document["activity"][name]
        for key in [key for key, one in started.items() if one["prov:starter"] == name]:
            del started[key]
    return document


@pytest.fixture
def work(tmp_path: Path) -> WorkDirectory:
    return work_directory("evts21_01", str(tmp_path / "work"))


@pytest.mark.parametrize("per_file", [True, False])
def test_jobs_give_what_an_import_gives(tmp_path: Path, work, per_file) -> None:
    names = ("b.h5", "a.h5", "c.h5") if per_file else ("a.h5",)
    manifest = release(tmp_path / "in", *names, per_file=per_file)
    paths = [tmp_path / "in" / name for name in names]
    acquired = [AcquiredFile(path, "test", sha256(path), simulated=False) for path in paths]
    ordinary, jobs = tmp_path / "ordinary", tmp_path / "jobs"
    ordinary.mkdir()
    jobs.mkdir()
    survey, same = (Survey(manifest.release.start_mjd, manifest.release.stop_mjd) for _ in "ab")
    expected = convert_release(manifest, acquired, ordinary, survey)

    lines = convert(manifest, tmp_path / "in", work, files_per_job=2)
    assert [line.split(": ")[1] for line in lines] == [f"{EVENTS} events"] * len(names)
    collect(work)
    found = Collection.read(manifest, work)
    assert [one.sha256 for one in found.files()] == [one.sha256 for one in acquired]
    made = found.place(jobs, same)

    assert [one.to_dict() for one in made] == [one.to_dict() for one in expected]
    mine, its = files(jobs), files(ordinary)
    assert mine.keys() == its.keys()
    for name in its:
        if name.endswith(".prov.json"):
            assert mine[name] != its[name]
            assert without_job(mine[name]) == without_job(its[name])
        else:
            assert mine[name] == its[name], name
    assert [one.to_dict() for one in same.checks] == [one.to_dict() for one in survey.checks]
    for one, other in zip(same.distributions, survey.distributions, strict=True):
        assert (one.read == other.read).all() and (one.accepted == other.accepted).all()
    assert np.array_equal(same.sky.positions, survey.sky.positions)


def test_the_provenance_names_workflow_and_job(tmp_path: Path, work) -> None:
    manifest = release(tmp_path / "in", "a.h5", "b.h5")
    convert(manifest, tmp_path / "in", work)
    collect(work)
    product = work.product("evts21_01_a.fits")
    document = json.loads((product / "evts21_01_a.fits.prov.json").read_text())
    ((name, job),) = (one for one in document["activity"].items() if one[0].startswith("km3:job"))
    assert job["km3:workflow"] == jobs.WORKFLOW
    assert (job["km3:engine"], job["km3:job"]) == (ENGINE, "evts21_01_a.fits")
    assert name in {one["prov:starter"] for one in document["wasStartedBy"].values()}
    summary = Collection.read(manifest, work).summary()
    assert (summary["workflow"], summary["products"]) == (jobs.WORKFLOW, 2)


def test_a_second_run_does_only_what_is_missing(tmp_path: Path, work) -> None:
    folder = tmp_path / "in"
    manifest = release(folder, "a.h5", "b.h5", "c.h5")
    assert len(convert(manifest, folder, work)) == 3
    assert convert(manifest, folder, work) == []
    shutil.rmtree(work.product("evts21_01_b.fits"))
    assert convert(manifest, folder, work) == [f"evts21_01_b.fits: {EVENTS} events"]
    # touched, but the same
    os.utime(folder / "a.h5")
    assert convert(manifest, folder, work) == ["evts21_01_a.fits: unchanged"]
    write_simple(folder / "c.h5", EVENTS, seed=9)
    assert convert(manifest, folder, work) == [f"evts21_01_c.fits: {EVENTS} events"]
    # the summary is made again if a part of it was, or if there are fewer parts
    collect(work)
    assert convert(manifest, folder, work) == [] and work.collection.exists()
    less = manifest.model_copy(update={"files": manifest.files[:2]})
    convert(less, folder, work)
    assert not work.collection.exists()
    # what the products depend on
    title = manifest.release.model_copy(update={"title": "Another title"})
    assert len(convert(manifest.model_copy(update={"release": title}), folder, work)) == 3


def test_a_job_of_several_files_continues_where_it_was_killed(tmp_path: Path, work) -> None:
    folder = tmp_path / "in"
    manifest = release(folder, "a.h5", "b.h5")
    convert(manifest, folder, work, files_per_job=2)
    (work.done / "00001.json").unlink()
    shutil.rmtree(work.product("evts21_01_b.fits"))
    left = work.product("evts21_01_b.fits").with_name(".evts21_01_b.abc")
    left.mkdir()
    assert convert(manifest, folder, work, files_per_job=2) == [
        "evts21_01_a.fits: unchanged",
        f"evts21_01_b.fits: {EVENTS} events",
    ]
    assert not left.exists()


def test_a_file_that_is_refused_stops_no_other(tmp_path: Path, work) -> None:
    folder = tmp_path / "in"
    manifest = release(folder, "a.h5", "b.h5", "c.h5")
    (folder / "b.h5").write_bytes((folder / "b.h5").read_bytes()[:3000])
    lines = convert(manifest, folder, work)
    assert len(lines) == 3 and lines[1].startswith(f"evts21_01_b.fits: refused\n{folder}/b.h5")
    with pytest.raises(InputError) as refused:
        collect(work)
    text = str(refused.value)
    assert "1 of 3 products could not be made" in text and f"{folder}/b.h5: " in text
    assert refused.value.report is not None and refused.value.report.is_file()
    with pytest.raises(InputError, match="the workflow has not finished"):
        Collection.read(manifest, work)

    collect(work, leave_out=True)
    found = Collection.read(manifest, work)
    assert [file.name for file in found.manifest.files] == ["a.h5", "c.h5"]
    assert found.manifest.release.events == 2 * EVENTS
    assert len(found.lines()) == 1 and found.lines()[0].startswith("left out: b.h5: ")

    # a better file is taken the next time, also if it is older
    write_simple(folder / "b.h5", EVENTS, seed=2)
    os.utime(folder / "b.h5", (0, 0))
    assert convert(manifest, folder, work) == [f"evts21_01_b.fits: {EVENTS} events"]
    collect(work)
    assert not Collection.read(manifest, work).lines()


def test_nothing_is_published_if_all_are_refused(tmp_path: Path, work) -> None:
    manifest = release(tmp_path / "in", "a.h5")
    (tmp_path / "in" / "a.h5").write_bytes(b"")
    convert(manifest, tmp_path / "in", work)
    with pytest.raises(InputError, match="this is not a HDF5 file"):
        collect(work, leave_out=True)


def test_a_file_that_changes_is_noticed(tmp_path: Path, work, monkeypatch) -> None:
    folder = tmp_path / "in"
    manifest = release(folder, "a.h5", "b.h5")
    convert(manifest, folder, work)
    collect(work)
    found = Collection.read(manifest, work)
    # between the jobs and the import
    write_simple(folder / "a.h5", EVENTS, seed=7)
    with pytest.raises(InputError, match="changed since it was converted"):
        found.files()
    (folder / "a.h5").unlink()
    with pytest.raises(InputError, match="changed since it was converted"):
        found.files()

    # while it is converted
    write_simple(folder / "a.h5", EVENTS, seed=8)
    inner = jobs.convert_delivered

    def changing(manifest: Manifest, recipe: Any, product: Path, *rest: Any) -> Any:
        made = inner(manifest, recipe, product, *rest)
        with (folder / "a.h5").open("ab") as stream:
            stream.write(b"more")
        return made

    monkeypatch.setattr(jobs, "convert_delivered", changing)
    (line,) = convert(manifest, folder, work)
    assert "the file changed while it was converted" in line


def test_a_changed_manifest_is_noticed(tmp_path: Path, work) -> None:
    manifest = release(tmp_path / "in", "a.h5")
    convert(manifest, tmp_path / "in", work)
    other = manifest.release.model_copy(update={"livetime_days": 3.0})
    changed = manifest.model_copy(update={"release": other})
    collect(work)
    with pytest.raises(InputError, match="the manifest changed"):
        Collection.read(changed, work)


def test_a_product_that_changes_is_noticed(tmp_path: Path, work) -> None:
    manifest = release(tmp_path / "in", "a.h5", "b.h5")
    convert(manifest, tmp_path / "in", work)
    collect(work)
    path = work.product("evts21_01_b.fits") / "evts21_01_b.fits"
    content = bytearray(path.read_bytes())
    content[-3000] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="not what the workflow has written"):
        Collection.read(manifest, work).place(tmp_path / "out", Survey())


def test_the_number_of_events_is_that_of_the_manifest(tmp_path: Path, work) -> None:
    manifest = release(tmp_path / "in", "a.h5", "b.h5")
    section = manifest.release.model_copy(update={"events": 7})
    manifest = manifest.model_copy(update={"release": section})
    convert(manifest, tmp_path / "in", work)
    with pytest.raises(InputError, match="the number of events in all files"):
        collect(work)


def test_two_files_of_one_name_are_refused(tmp_path: Path, work) -> None:
    manifest = release(tmp_path / "in", "a.h5", "a.hdf5")
    with pytest.raises(ManifestError, match="two files would become the product"):
        write_plan(manifest, tmp_path / "in", work)


def test_a_missing_file_is_refused_before_any_job_runs(tmp_path: Path, work) -> None:
    manifest = release(tmp_path / "in", "a.h5")
    (tmp_path / "in" / "a.h5").unlink()
    with pytest.raises(UnavailableError, match=r"a\.h5 of the release"):
        write_plan(manifest, tmp_path / "in", work)


def test_a_second_workflow_is_refused(work) -> None:
    with work.held():
        with pytest.raises(UnavailableError) as refused, work.held():
            pass
        assert f"process {os.getpid()}" in str(refused.value)
    with work.held():
        pass


def test_a_fault_of_the_software_is_recorded_as_such(tmp_path: Path, work, monkeypatch) -> None:
    manifest = release(tmp_path / "in", "a.h5", "b.h5")
    monkeypatch.setattr(jobs, "convert_delivered", lambda *_: 1 / 0)
    lines = convert(manifest, tmp_path / "in", work)
    assert len(lines) == 2 and "an error in km3vo, not in the file" in lines[0]


def test_a_full_disk_is_no_fault_of_the_file(tmp_path: Path, work, monkeypatch) -> None:
    manifest = release(tmp_path / "in", "a.h5", "b.h5")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    write_plan(manifest, tmp_path / "in", work)
    monkeypatch.setattr(jobs, "convert_delivered", full)
    with pytest.raises(OSError, match="No space"):
        run_job(work, "00001")
    assert not list(work.done.glob("*")) and not any(work.product("a").parent.iterdir())


def test_the_parts_of_a_survey_add_up(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    whole, added = Survey(58000, 60000), Survey(58000, 60000)
    for count in (5, 15_000, 30_000, 40, 7_000):
        ra, dec = random.uniform(0, 360, count), random.uniform(-90, 90, count)
        part = Survey(58000, 60000)
        energy = {"energy": random.lognormal(3, 2, count)}
        rejected = random.uniform(size=count) < 0.1
        for survey in (whole, part):
            survey.sky.include(ra, dec)
            survey.include(energy, rejected)
        write_survey(tmp_path / "part", part)
        added.add(read_survey(tmp_path / "part", []))
    assert added.sky.count == whole.sky.count == 52_045
    assert (added.sky.density == whole.sky.density).all()
    for one, other in zip(added.distributions, whole.distributions, strict=True):
        assert (one.read == other.read).all() and (one.accepted == other.accepted).all()
    few = SkyCounts()
    few.load(SkyCounts().arrays())
    assert few.count == 0
