"""``km3vo`` commands in processes that have its libraries loaded already.

Loading the libraries takes a second or two, much longer than most commands that a test runs. So
one process loads them all, once, and forks for each command. A test still runs the whole command
in a process of its own, with its arguments, environment, output and exit code. The same is done
for the commands of DaCHS that it runs, in ``loaded_dachs.py``; its servers are started as always.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
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


def _start_dachs() -> tuple[socket.socket, int]:
    """Start the process that runs the commands of DaCHS; return where it is asked, and its user."""
    from ingest.instance.account import Account
    from ingest.instance.dachs.program import PYTHON

    requests, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    account = Account.current()
    with there:
        subprocess.Popen(
            [PYTHON, Path(__file__).with_name("loaded_dachs.py")],
            stdin=there,
            cwd="/",
            env=account.environment(Path("/"), {"PYTHONDONTWRITEBYTECODE": "1"}),
            **account._identity(),
        )
    return requests, account.uid


def _use_dachs(requests: socket.socket, uid: int) -> None:
    """Let this process have its commands of DaCHS run there."""
    from ingest.instance.account import Account
    from ingest.instance.dachs.program import PYTHON

    with contextlib.suppress(ImportError):  # the code of a former version
        early: Any = importlib.import_module("ingest.instance.dachs.early")
        early._start = lambda layout, count: []
    run = Account.run

    def run_loaded(
        account: Account, command: Sequence[str | Path], **options: Any
    ) -> subprocess.CompletedProcess[str]:
        if account.uid != uid or command[0] != PYTHON:
            return run(account, command, **options)
        return _run_dachs(requests, account, list(map(str, command)), **options)

    Account.run = run_loaded  # type: ignore[method-assign]


def _run_dachs(
    requests: socket.socket,
    account: Any,
    command: list[str],
    home: Path,
    env: Mapping[str, str],
    timeout: float,
) -> subprocess.CompletedProcess[str]:
    """Run a command of DaCHS, as :meth:`ingest.instance.account.Account.run` does."""
    umask = os.umask(0)
    os.umask(umask)
    asked = {
        "words": command[1:],
        "environment": account.environment(home, env),
        "umask": umask,
    }
    here, there = socket.socketpair()
    with here, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with there:
            socket.send_fds(requests, [b"."], [there.fileno(), out.fileno(), err.fileno()])
        here.sendall(json.dumps(asked).encode() + b"\n")
        here.settimeout(timeout)
        try:
            code = int(here.makefile().readline())
        except TimeoutError:
            raise subprocess.TimeoutExpired(command, timeout) from None
        for file in (out, err):
            file.seek(0)
        output, complained = (file.read().decode(errors="replace") for file in (out, err))
    return subprocess.CompletedProcess(command, code, output, complained)


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
    dachs = _start_dachs()
    _fork_for_each_command()
    _use_dachs(*dachs)
    code = _main()
    # What Python does on exit, except for tearing down all loaded modules.
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
