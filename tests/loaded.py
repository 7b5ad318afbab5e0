"""``km3vo`` in processes of its own that need not load it again.

Loading the libraries takes a second or two, much longer than most commands that a test runs. So
one process loads them all, once, and forks for each command: what a test looks at is still the
whole command in a process of its own, with its arguments, environment, output and exit code.
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
    """Run a command line, the program's name first, as :func:`subprocess.run` does."""
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
    """Start the process that has everything loaded; it ends with us."""
    return subprocess.Popen(
        # -P: as for the installed script, our folder is no place of modules
        [sys.executable, "-P", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # The width is read when the console is made.
        env=os.environ | {"COLUMNS": "200"},
    )


def _fork_for_each_command() -> None:
    """Serve the commands that come by standard input; return in the process that is to run one."""
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
    """Take the arguments, environment and files of a command."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.alarm(TIME_LIMIT)
    another = asked["environment"].get("PYTHONPATH")
    if another != os.environ.get("PYTHONPATH"):
        _forget_our_package()
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


def _forget_our_package() -> None:
    """Load what the command uses of ours again, from another working tree; libraries stay."""
    for name in list(sys.modules):
        if name.partition(".")[0] == ingest.__name__:
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

    # Ctrl-C ends the command, and the tests, which close our standard input then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for module in pkgutil.walk_packages(ingest.__path__, "ingest."):
        importlib.import_module(module.name)
    gc.freeze()
    _fork_for_each_command()
    code = _main()
    # What Python does at its end, but for taking all that was loaded to pieces.
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
