"""The workflow, run by Snakemake itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ingest.core.errors import IngestError, InputError, UnavailableError
from ingest.events.workflow import WorkDirectory, engine, run_job, run_workflow, write_plan
from tests.bench.samples import write_simple
from tests.workflow.releases import EVENTS, checksums, write_release

pytestmark = pytest.mark.slow


def snakemake(work: WorkDirectory, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake by hand in the directory of a workflow."""
    return subprocess.run(
        [engine.SNAKEMAKE, "--snakefile", engine.FOLDER / "Snakefile", *words],
        cwd=work.path,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_is_what_the_linter_of_snakemake_wants(tmp_path: Path, work) -> None:
    write_plan(write_release(tmp_path / "in", 2), tmp_path / "in", work)
    done = snakemake(work, "--lint")
    assert (done.returncode, "Congratulations" in done.stderr) == (0, True), done.stderr


def test_several_workers_a_damaged_file_and_a_restart(tmp_path: Path, work, capfd) -> None:
    folder = tmp_path / "in"
    manifest = write_release(folder, 5)
    (folder / "run3.h5").write_bytes((folder / "run3.h5").read_bytes()[:4000])
    with pytest.raises(InputError) as refused:
        run_workflow(manifest, "local", folder, work)
    assert "1 of 5 products" in str(refused.value) and f"{folder}/run3.h5" in str(refused.value)
    assert len(list(work.path.glob("converted/*/*.fits"))) == 4

    found = run_workflow(manifest, "local", folder, work, leave_out=True)
    assert [file.name for file in found.manifest.files] == [f"run{n}.h5" for n in (1, 2, 4, 5)]

    before = {path: path.stat().st_ino for path in work.path.glob("converted/*/*.fits")}
    write_simple(folder / "run3.h5", EVENTS, seed=3)
    found = run_workflow(manifest, "local", folder, work)
    assert sum(one["rows"] for one in found.content["products"]) == 5 * EVENTS
    after = {path: path.stat().st_ino for path in work.path.glob("converted/*/*.fits")}
    assert len(after) == 5 and before.items() <= after.items()
    assert found.summary()["engine"].startswith("Snakemake 9.")

    # the same bytes as by one process
    alone = WorkDirectory(tmp_path / "alone" / "evts21_01")
    write_plan(manifest, folder, alone)
    for name in [path.stem for path in sorted(alone.jobs.glob("*"))]:
        run_job(alone, name, engine=found.summary()["engine"])
    assert checksums(alone.path) == checksums(work.path)

    capfd.readouterr()
    run_workflow(manifest, "local", folder, work)
    assert "Nothing to be done" in capfd.readouterr().err


def test_a_second_workflow_is_refused(tmp_path: Path, work) -> None:
    folder = tmp_path / "in"
    manifest = write_release(folder, 1)
    write_plan(manifest, folder, work)
    with work.held():
        with pytest.raises(UnavailableError, match="another workflow works on this release"):
            run_workflow(manifest, "local", folder, work)
        done = snakemake(work, "--cores", "1", "collection.json")
        assert done.returncode == 1
        assert "another workflow works on this release: process " in done.stderr
    assert not list(work.done.glob("*"))


@pytest.mark.long
def test_a_fault_of_the_machine_is_reported_with_what_the_job_said(tmp_path: Path, work) -> None:
    folder = tmp_path / "in"
    manifest = write_release(folder, 2)
    # a file in the place of the directory of products
    work.path.mkdir(parents=True)
    (work.path / "converted").write_text("")
    with pytest.raises(IngestError) as failed:
        run_workflow(manifest, "local", folder, work)
    assert not isinstance(failed.value, InputError)
    text = str(failed.value)
    assert "jobs of the workflow failed" in text and "00001.log: error: " in text, text
    (work.path / "converted").unlink()
    run_workflow(manifest, "local", folder, work)


def test_a_profile_that_does_not_exist(tmp_path: Path, work) -> None:
    manifest = write_release(tmp_path / "in", 1)
    for name in ("pbs", str(tmp_path / "pbs")):
        with pytest.raises(InputError, match="the profile of the workflow does not exist"):
            run_workflow(manifest, name, tmp_path / "in", work)


@pytest.mark.long
def test_a_full_disk(tmp_path: Path) -> None:
    folder, disk = tmp_path / "in", tmp_path / "disk"
    manifest = write_release(folder, 6)
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=500k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here: run as root, outside of a container")
    try:
        work = WorkDirectory(disk / "evts21_01")
        with pytest.raises((IngestError, OSError)) as failed:
            run_workflow(manifest, "local", folder, work)
        assert not isinstance(failed.value, InputError)
        assert "the disk is full" in str(failed.value) or "No space left" in str(failed.value)
        done = {path: path.stat().st_ino for path in work.path.glob("converted/*/*.fits")}
        assert len(done) < 6
        subprocess.run(["mount", "-o", "remount,size=50m", str(disk)], check=True)
        run_workflow(manifest, "local", folder, work)
        after = {path: path.stat().st_ino for path in work.path.glob("converted/*/*.fits")}
        assert len(after) == 6 and done.items() <= after.items()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
