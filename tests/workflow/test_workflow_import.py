"""An import by a workflow brings the same online as one without."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import pytest

from tests.bench.samples import write_simple
from tests.instances import ROOT, Instance
from tests.workflow.releases import EVENTS

NAME = "evts21_01"
FILES = ("run1.h5", "run2.h5", "run3.h5")
YEAR = 366 * 86_400


@pytest.fixture
def delivered(checkout: Path) -> Path:
    """Deliver files of simulated events, each of a year of its own; return their folder."""
    folder = checkout / "inputs" / NAME
    deliver(folder, *FILES)
    return folder


def deliver(folder: Path, *names: str) -> None:
    """Write files, each of which becomes a product, and list them in the manifest."""
    for seed, name in enumerate(names, 1):
        with h5py.File(write_simple(folder / name, EVENTS, seed=seed), "a") as file:
            rows = file["events"][:]
            rows["run_id"] += seed
            rows["timestamp"] += seed * YEAR
            file["events"][:] = rows
    original = ROOT / "inputs" / NAME / "release.toml"
    text = original.read_text().partition("[[files]]")[0]
    per_file = 'format = "simple-hdf5"\nproducts = "per-file"\nperiods = "year"'
    for old, new in (
        ('format = "dst-root"', per_file),
        ("start = 2021-02-24", "start = 2019-12-01"),
        ("stop = 2021-02-25", "stop = 2040-01-01"),
        ("events = 2495", f"events = {len(names) * EVENTS}"),
    ):
        assert old in text
        text = text.replace(old, new)
    files = "".join(f'[[files]]\nname = "{name}"\npublic = true\n' for name in names)
    (folder / "release.toml").write_text(text + files)


def products(instance: Instance) -> dict[str, bytes]:
    folder = instance.var.resolve() / "dachs" / "inputs" / NAME / "data"
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def periods(instance: Instance) -> dict[str, str]:
    """Return the tables of the release's years."""
    path = instance.var.resolve() / "dachs" / "inputs" / NAME / "data" / "periods.json"
    return {one["name"]: one["table"] for one in json.loads(path.read_text())}


def without_job(provenance: bytes) -> dict:
    document = json.loads(provenance)
    jobs = [name for name in document["activity"] if name.startswith("km3:job-")]
    for name in jobs:
        del document["activity"][name]
    started = document["wasStartedBy"]
    document["wasStartedBy"] = {
        key: one for key, one in started.items() if one["prov:starter"] not in jobs
    }
    return document


@pytest.mark.slow
def test_it_brings_the_same_online(
    empty_instance: Instance, checkout: Path, delivered: Path, tmp_path: Path
) -> None:
    empty_instance.extra |= {"PYTHONPATH": str(checkout), "KM3VO_WORK": str(tmp_path / "work")}
    importing = ("import", "--release", NAME, "--json")
    workflow = (*importing, "--workflow", "local")

    # a file that is refused leaves what is online alone
    good = (delivered / "run2.h5").read_bytes()
    (delivered / "run2.h5").write_bytes(good[:4000])
    done = empty_instance.km3vo(*workflow)
    assert (done.returncode, done.stdout) == (2, "[]\n"), done.stderr
    assert "1 of 3 products could not be made" in done.stderr
    assert f"{delivered}/run2.h5" in done.stderr
    done = empty_instance.km3vo(*workflow, "--leave-out")
    assert done.returncode == 0, done.stderr
    assert f"{NAME}: left out: run2.h5: " in done.stderr
    (result,) = json.loads(done.stdout)
    assert result["imported"] == 2 * EVENTS
    assert {f"{NAME}_run1.fits", f"{NAME}_run3.fits"} < products(empty_instance).keys()
    record = empty_instance.var.resolve() / "reports" / NAME / "record.json"
    (left,) = json.loads(record.read_text())["workflow"]["left_out"]
    assert left["files"] == ["run2.h5"]

    (delivered / "run2.h5").write_bytes(good)
    done = empty_instance.km3vo(*workflow)
    assert done.returncode == 0, done.stderr
    (result,) = json.loads(done.stdout)
    assert (result["imported"], result["unchanged"]) == (3 * EVENTS, False)
    summary = json.loads(record.read_text())["workflow"]
    assert summary["workflow"].startswith("km3net-vo workflow ")
    assert (summary["products"], summary["left_out"]) == (3, [])
    by_workflow = products(empty_instance)

    # an ordinary import finds nothing to do, and if it is forced makes the same
    done = empty_instance.km3vo(*importing)
    assert json.loads(done.stdout)[0]["unchanged"], done.stderr
    done = empty_instance.km3vo(*importing, "--force")
    assert done.returncode == 0, done.stderr
    ordinary = products(empty_instance)
    assert by_workflow.keys() == ordinary.keys()
    for name, content in ordinary.items():
        if name.endswith(".prov.json"):
            assert without_job(by_workflow[name]) == without_job(content)
        elif not name.endswith(".tar"):  # has the provenance
            assert by_workflow[name] == content, name

    # by hand: the last step of the Snakefile
    done = empty_instance.km3vo(*importing, "--converted", str(tmp_path / "work" / NAME), "--force")
    assert done.returncode == 0, done.stderr
    assert products(empty_instance) == by_workflow

    # the release grows by an ordinary import, which keeps what the workflow has made
    years = periods(empty_instance)
    assert sorted(years) == ["2021", "2022", "2023"]
    deliver(delivered, *FILES, "run4.h5")
    done = empty_instance.km3vo(*importing)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["imported"] == 4 * EVENTS
    grown = products(empty_instance)
    for name in (name for name in by_workflow if "_run" in name):
        assert grown[name] == by_workflow[name], name
    assert periods(empty_instance).items() - years.items() == {
        ("2024", periods(empty_instance)["2024"])
    }
    # and by the workflow again, which has one file to convert
    deliver(delivered, *FILES, "run4.h5", "run5.h5")
    done = empty_instance.km3vo(*workflow)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["imported"] == 5 * EVENTS
    assert periods(empty_instance).items() >= years.items()


def test_options_that_exclude_each_other(tmp_path: Path) -> None:
    instance = Instance(tmp_path / "var", 0)
    for words in (("--leave-out",), ("--converted", "x"), ("--converted", "x", "--workflow", "y")):
        done = instance.km3vo("import", *words)
        assert (done.returncode, "--workflow" in done.stderr) == (2, True), done.stderr
    assert not (ROOT / "work").exists()
