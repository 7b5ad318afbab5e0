"""A workflow that is killed again and again leaves the same release, byte for byte."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ingest.events.workflow import Collection, WorkDirectory, engine, run_workflow, write_plan
from tests.workflow.releases import EVENTS, checksums, write_release

FILES, KILLS = 6, 10


def processes_of(session: int) -> dict[int, str]:
    """Return the command lines of the processes of a session."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.getsid(int(folder.name)) == session:
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(folder.name)] = words.decode("utf-8", "replace")
    return found


def kill(session: int, what: str) -> None:
    """Kill Snakemake, one of its jobs, or everything; no process can do anything about it."""
    running = processes_of(session)
    jobs = [process for process, words in running.items() if "workflow convert" in words]
    chosen = {"snakemake": [session], "job": jobs[-1:], "all": list(running)}[what]
    for process in chosen:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


@pytest.mark.long
def test_ten_kills(tmp_path: Path, work: WorkDirectory) -> None:
    folder = tmp_path / "in"
    manifest = write_release(folder, FILES)
    calm = WorkDirectory(tmp_path / "calm" / "evts21_01")
    run_workflow(manifest, "local", folder, calm)

    chance = random.Random(7)
    words = [
        *(engine.SNAKEMAKE, "--snakefile", engine.FOLDER / "Snakefile"),
        *("--profile", engine.PROFILES / "local", "collection.json"),
    ]
    killed = 0
    for number in range(KILLS):
        write_plan(manifest, folder, work)
        with (tmp_path / f"{number}.log").open("w") as log:
            process = subprocess.Popen(
                words, cwd=work.path, stdout=log, stderr=log, start_new_session=True
            )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(chance.uniform(1, 5))
        killed += process.poll() is None
        kill(process.pid, ("snakemake", "job", "all")[number % 3])
        # Snakemake goes on without the job that was killed
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
        if number % 3 == 1:
            kill(process.pid, "all")
        process.wait()
        # what Snakemake has started may still run
        time.sleep(chance.uniform(0, 1))
    assert killed >= KILLS // 2
    found = run_workflow(manifest, "local", folder, work)
    assert sum(one["rows"] for one in found.content["products"]) == FILES * EVENTS
    assert checksums(work.path) == checksums(calm.path)
    leaving = [Collection.read(manifest, one).content for one in (work, calm)]
    for content in leaving:
        del content["seconds"]
        for product in content["products"]:
            del product["job"]
    assert leaving[0] == leaving[1]
