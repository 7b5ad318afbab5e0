"""The ``dachs`` commands of one process, see ``launch.py``: one after the other, or as one."""

import itertools
import os
import shutil
import sys
import time

import periods
from exchange import exchange
from gavo import base
from gavo.user import cli


def _load_period(*words):
    try:
        periods.load(*words)
    except base.Error as error:
        print(f"*** Error: {error}", file=sys.stderr)
        return 1
    return 0


OWN = {"exchange": exchange, "load-period": _load_period}
"""Commands that are not DaCHS'."""


def run(command):
    """Run one ``dachs`` command, which reads the descriptors afresh; return its exit code."""
    base.caches.clearCaches()
    return _run(command)


def run_next(command):
    """Run one ``dachs`` command of several, which reads DaCHS' own descriptors only once."""
    for name in list(base.caches.getRD.cacheCopy):
        # that of TAP lists the published tables
        if not name.startswith("__system__/") or name == "__system__/tap":
            base.caches.clearForName(name)
    return _run(command)


def _run(command):
    sys.argv = ["dachs", *command]
    try:
        cli.main()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return end.code or 0
    return 0


def run_together(commands):
    """Run commands in one transaction; return the exit code of the process."""
    # not at the top: the server does not need it
    from transaction import Transaction

    transaction = Transaction()
    staged = []
    for name, *words in commands:
        if name == "set-aside":
            transaction.set_aside(*words)
        elif name == "expect":
            transaction.expect(*words)
        elif name == "leave-out":
            shutil.rmtree(os.path.join(base.getConfig("inputsDir"), *words))
        elif name == "exchange":
            staged = words
        elif code := run_next([name, *words]):
            return code
    transaction.commit()
    if staged:
        exchange(*staged)
    transaction.tidy()
    return 0


def run_all(words):
    """Run the commands in `words`; return the exit code of the process."""
    mode = words[0] if words[:1] in (["--each"], ["--together"]) else None
    groups = itertools.groupby(words[mode is not None :], lambda word: word == ",")
    commands = [list(command) for is_comma, command in groups if not is_comma]
    if mode == "--together":
        return run_together(commands)
    if mode == "--each":
        sys.stdout.reconfigure(line_buffering=True)
        os.dup2(sys.stdout.fileno(), sys.stderr.fileno())
    for command in commands:
        start = time.monotonic()
        code = OWN[command[0]](*command[1:]) if command[0] in OWN else run(command)
        if mode == "--each":
            print(f"\n\x1e{code} {time.monotonic() - start:.3f}", flush=True)
        elif code:
            return code
    return 0
