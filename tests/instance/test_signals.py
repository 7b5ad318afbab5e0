"""Signals to ``km3vo instance run`` before its supervisor takes over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

_PROGRAM = """
import sys, time
from pathlib import Path
from ingest.instance import Account, Layout, supervisor

with supervisor.stopping_at_signals(Layout(Path(sys.argv[1]), Account.current())):
    print("ready", flush=True)
    time.sleep(60)
"""
_FIRST = ("unshare", "--pid", "--fork", "--kill-child")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
@pytest.mark.parametrize("prefix", [(), _FIRST], ids=["usual", "first_process"])
def test_signal_ends_a_start(tmp_path: Path, prefix: tuple[str, ...], number: int) -> None:
    if prefix and os.geteuid() != 0:
        pytest.skip("only root makes namespaces")
    command = [*prefix, sys.executable, "-c", _PROGRAM, str(tmp_path / "var")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        ended = process.pid
        if prefix:
            children = Path(f"/proc/{ended}/task/{ended}/children").read_text()
            ended = int(children.split()[0])
        os.kill(ended, number)
        began = time.monotonic()
        assert process.wait(20) == 0
        assert time.monotonic() < began + 10
