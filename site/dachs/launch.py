"""Run one or several ``dachs`` commands in one process, with our patches of DaCHS.

DaCHS takes longer to start than to import a sample, so successive commands run in
the same process: give them as arguments, separated by commas. The first one that fails ends the
process with its exit code; with ``--each`` as first argument all are run, and a line with the
control character "record separator", the exit code and the time in s follows the output of each,
which includes its messages on standard error. This runs in the Python of DaCHS.

With ``--together``, all commands form one transaction of the database, see ``transaction.py``,
and may include these of our own:

``set-aside SCHEMA…``
    Make the tables of these schemas again without touching the old ones.
``expect TABLE ROWS``
    Fail unless the table has this number of rows.
``leave-out FOLDER``
    Delete a folder of the inputs directory.
``exchange STAGED SERVED PROCESSES``
    Commit, then exchange the inputs directory, see ``exchange.py``. Also possible alone.
"""

import itertools
import os
import shutil
import sys
import time

import functions  # noqa: F401  (declares them)
import pages
import patches
from exchange import exchange
from gavo import base
from gavo.user import cli


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


def main(words):
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
        code = exchange(*command[1:]) if command[0] == "exchange" else run(command)
        if mode == "--each":
            print(f"\n\x1e{code} {time.monotonic() - start:.3f}", flush=True)
        elif code:
            return code
    return 0


if __name__ == "__main__":
    patches.apply()
    pages.install()
    sys.exit(main(sys.argv[1:]))
