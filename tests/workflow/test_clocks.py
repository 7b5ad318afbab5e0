"""Jobs on machines whose clocks are wrong."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from ingest.events.workflow import Collection, WorkDirectory, collect, run_job, write_plan
from tests.instances import KM3VO
from tests.workflow.releases import checksums, write_release


@pytest.mark.slow
@pytest.mark.parametrize("clock", ["1970-01-02 00:00:00", "2099-12-31 23:59:50"])
def test_a_clock_that_is_wrong_changes_nothing(tmp_path: Path, work, clock: str) -> None:
    faketime = shutil.which("faketime")
    assert faketime is not None, "run ./setup.sh test first"
    folder = tmp_path / "in"
    manifest = write_release(folder, 2)
    write_plan(manifest, folder, work)
    # one job by the wrong clock, one by the right one
    words = [faketime, clock, str(KM3VO), "workflow", "convert", str(work.path), "00001"]
    subprocess.run(words, check=True, capture_output=True)
    run_job(work, "00002")
    assert write_plan(manifest, folder, work) == 0
    collect(work)
    starts = [one["job"]["start"] for one in Collection.read(manifest, work).content["products"]]
    assert starts[0][:10] == clock[:10] and starts[1][:4] not in ("1970", "2099")

    right = WorkDirectory(tmp_path / "right" / "evts21_01")
    write_plan(manifest, folder, right)
    for job in ("00001", "00002"):
        run_job(right, job)
    assert checksums(work.path) == checksums(right.path)
