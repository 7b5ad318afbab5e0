"""``km3vo`` commands in processes that have its libraries loaded already.

Loading the libraries takes a second or two, much longer than most commands that a test runs. So
one process loads them all, once, and forks for each command. A test still runs the whole command
in a process of its own, with its arguments, environment, output and exit code.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

TIME_LIMIT = 300  # s


def run(
    words: Sequence[str], environment: Mapping[str, str], directory: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command line, which starts with the program's name, like :func:`subprocess.run`."""
    server = _server()
    assert server.stdin is not None and server.stdout is not None
    with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as err:
        asked = {
            "words": list(words),
            "environment": dict(environment),
            "directory": str(directory or Path.cwd()),
            "out": out.name,
            "err": err.name,
        }
        print(json.dumps(asked), file=server.stdin, flush=True)
        code = int(server.stdout.readline())
        if code == -signal.SIGALRM:
            raise subprocess.TimeoutExpired(list(words), TIME_LIMIT)
        output, complained = (file.read().decode() for file in (out, err))
    return subprocess.CompletedProcess(list(words), code, output, complained)


@functools.cache
def _server() -> subprocess.Popen[str]:
    """Start the process that loads everything; it ends together with the tests."""
    return subprocess.Popen(
        # -P: the folder of this script is not searched for modules, as for the installed km3vo
        [sys.executable, "-P", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # The console reads the width when it is created.
        env=os.environ | {"COLUMNS": "200"},
    )


def _fork_for_each_command() -> None:
    """Fork for each command read from standard input; return only in the forked process."""
    for line in sys.stdin:
        asked = json.loads(line)
        process = os.fork()
        if process == 0:
            _become(asked)
            return
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    sys.exit()


def _become(asked: Mapping[str, Any]) -> None:
    """Adopt the arguments, environment, directory and output files of a command."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.alarm(TIME_LIMIT)
    another = asked["environment"].get("PYTHONPATH")
    if another != os.environ.get("PYTHONPATH"):
        _forget_our_packages()
        sys.path[:0] = filter(None, [another])
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["directory"])
    sys.argv[:] = asked["words"]
    for number, path, mode in (
        (0, os.devnull, os.O_RDONLY),
        (1, asked["out"], os.O_WRONLY),
        (2, asked["err"], os.O_WRONLY),
    ):
        opened = os.open(path, mode)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = os.fdopen(0, closefd=False)


def _forget_our_packages() -> None:
    """Unload our packages, to load them from another working tree; libraries stay loaded."""
    for name in list(sys.modules):
        if name.partition(".")[0] in ("ingest", "km3vo"):
            del sys.modules[name]
    importlib.invalidate_caches()


def _main() -> int:
    """Run the command line; return the exit code."""
    from ingest.cli import main

    try:
        main()
    except SystemExit as request:
        return int(request.code or 0)
    return 0


if __name__ == "__main__":
    import ingest

    # Ctrl-C ends the command and the tests, which then close this process's standard input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for module in pkgutil.walk_packages(ingest.__path__, "ingest."):
        importlib.import_module(module.name)
    gc.freeze()
    _fork_for_each_command()
    code = _main()
    # What Python does on exit, except for tearing down all loaded modules.
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
