#!/usr/bin/env python3
"""A queue that answers to the commands of SLURM: sbatch, sacct and scancel.

It is called by one of these names. Jobs run one after the other on this machine, with the
environment of a worker node: nothing but a path. The directory of the queue is that of the link
by which it is called.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(sys.argv[0]).absolute().parent


def main() -> None:
    name, words = Path(sys.argv[0]).name, sys.argv[1:]
    if name == "sbatch":
        submit(words)
    elif name == "sacct":
        (jobs,) = (word.partition("=")[2] for word in words if word.startswith("--jobs="))
        with contextlib.suppress(FileNotFoundError):
            print((HERE / f"{jobs}.state").read_text())
    elif name == "scancel":
        for job in words:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                os.killpg(int((HERE / f"{job}.group").read_text()), signal.SIGTERM)


def submit(words: list[str]) -> None:
    """Put a script into the queue, and print its number."""
    assert "--parsable" in words and any(word.startswith("--mem=") for word in words)
    with (HERE / "lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        job = len(list(HERE.glob("*.sh"))) + 1
        script = HERE / f"{job}.sh"
        script.write_text(Path(words[-1]).read_text())
    print(job, flush=True)
    if os.fork():
        return
    os.setsid()
    for number in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDWR), number)
    (HERE / f"{job}.group").write_text(str(os.getpid()))
    state = HERE / f"{job}.state"
    state.write_text("PENDING")
    with (HERE / "node").open("a") as node:
        fcntl.flock(node, fcntl.LOCK_EX)
        state.write_text("RUNNING")
        with (HERE / f"{job}.out").open("w") as out:
            done = subprocess.run(
                ["/bin/sh", script],
                env={"PATH": "/usr/bin:/bin", "HOME": str(HERE)},
                cwd="/",
                stdout=out,
                stderr=out,
                check=False,
            )
        state.write_text("FAILED" if done.returncode else "COMPLETED")


main()
