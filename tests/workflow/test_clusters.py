"""Batch systems: jobs in a queue, and profiles whose systems do not run here."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ingest.core.errors import InputError
from ingest.events.workflow import engine, run_workflow, write_plan
from tests.workflow.releases import EVENTS, checksums, write_release

pytestmark = pytest.mark.slow


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Provide the commands of a batch system; return the directory of its queue."""
    folder = tmp_path / "queue"
    folder.mkdir()
    for name in ("sbatch", "sacct", "scancel"):
        (folder / name).symlink_to(Path(__file__).with_name("local_queue.py"))
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


@pytest.mark.long
def test_jobs_in_the_queue_of_a_cluster(tmp_path: Path, work, queue: Path, monkeypatch) -> None:
    folder = tmp_path / "in"
    manifest = write_release(folder, 3)
    (folder / "run2.h5").write_bytes(b"")
    with pytest.raises(InputError, match=r"1 of 3 products could not be made"):
        run_workflow(manifest, "cluster", folder, work)
    # three that convert, and the one that sums up
    states = [path.read_text() for path in sorted(queue.glob("*.state"))]
    assert states == ["COMPLETED"] * 3 + ["FAILED"]
    found = run_workflow(manifest, "cluster", folder, work, leave_out=True)
    assert sum(one["rows"] for one in found.content["products"]) == 2 * EVENTS
    # of the three, only that of the file that was refused ran again
    assert len(list(queue.glob("*.state"))) == 6
    in_queue = checksums(work.path)

    here = type(work)(tmp_path / "here" / "evts21_01")
    run_workflow(manifest, "local", folder, here, leave_out=True)
    assert checksums(here.path) == in_queue


@pytest.mark.parametrize("profile", ["slurm", "htcondor", "cluster", "local"])
def test_the_profiles_are_understood_by_snakemake_and_its_plugins(
    tmp_path: Path, work, profile: str
) -> None:
    write_plan(write_release(tmp_path / "in", 2), tmp_path / "in", work)
    folder = engine.PROFILES / profile
    words = [engine.SNAKEMAKE, "--snakefile", engine.FOLDER / "Snakefile", "--profile", folder]
    done = subprocess.run(
        [*words, "--dry-run", "collection.json"],
        cwd=work.path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "convert        2" in done.stdout + done.stderr
