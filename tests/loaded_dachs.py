"""Commands of DaCHS in processes that have its libraries loaded already; see ``loaded.py``.

DaCHS is imported by each command: what it is depends on the configuration of the instance. The
libraries that it uses do not, and importing them takes most of its time. This process loads
those that the first command has loaded, and forks for each command.

This runs in the Python of DaCHS, as the account of the instances.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading

_OTHERS = ("gavo", "matplotlib", "twisted.internet.reactor", "__main__")
"""What depends on the instance, and what must not exist before a fork."""


def _serve(requests, learned):
    """Fork for each request; return only in a process that is to run a command."""
    os.set_blocking(learned[0], False)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that no zombies are left
    while True:
        _, descriptors, *_ = socket.recv_fds(requests, 1, 3)
        if not descriptors:
            sys.exit()  # the tests have ended
        with contextlib.suppress(BlockingIOError):
            _load(os.read(learned[0], 1_000_000).decode().split())
        if os.fork() == 0:
            requests.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return descriptors
        for one in descriptors:
            os.close(one)


def _load(names):
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    gc.freeze()


def _watch(caller):
    """Fork; return in the new process, which is killed when the caller ends.

    The old one sends its exit code.
    """
    command = os.fork()
    if command == 0:
        return
    ended = os.pidfd_open(command)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    poll.register(caller, select.POLLIN | select.POLLHUP)
    if ended not in dict(poll.poll()):
        os.kill(command, signal.SIGKILL)
    _, status = os.waitpid(command, 0)
    with contextlib.suppress(BrokenPipeError):
        caller.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _become(asked, out, err):
    """Adopt the arguments, environment and files of a command."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.umask(asked["umask"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir("/")
    for number, opened in enumerate((os.open(os.devnull, os.O_RDONLY), out, err)):
        os.dup2(opened, number)
        os.close(opened)
    sys.argv[:] = asked["words"]
    sys.path[0] = os.path.dirname(sys.argv[0])


def _run():
    """Run the program; return its exit code."""
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as request:
        if isinstance(request.code, str):
            print(request.code, file=sys.stderr)
            return 1
        return request.code or 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def _libraries():
    """Return the names of the loaded modules that do not depend on the instance."""
    place = sys.path[0]
    return [
        name
        for name, module in list(sys.modules.items())
        if not name.startswith(_OTHERS)
        and not (getattr(module, "__file__", None) or "").startswith(place)
    ]


if __name__ == "__main__":
    learned = os.pipe()
    started = len(sys.modules)
    descriptors = _serve(socket.socket(fileno=0), learned)
    caller = socket.socket(fileno=descriptors[0])
    asked = json.loads(caller.makefile().readline())
    is_first = len(sys.modules) < started + 200
    _watch(caller)
    caller.close()
    _become(asked, *descriptors[1:])
    code = _run()
    # What Python does on exit, except for tearing down all loaded modules.
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    if is_first:
        os.write(learned[1], " ".join(_libraries()).encode())
    os._exit(code)
