"""Run one or several ``dachs`` commands in one process, with our patches of DaCHS.

DaCHS takes longer to start than to import a sample, so successive commands run in
the same process: give them as arguments, separated by commas. The first one that fails ends the
process with its exit code; with ``--each`` as first argument all are run, and a line with the
control character "record separator" and the exit code follows the output of each, which includes
its messages on standard error. This runs in the Python of DaCHS.
"""

import itertools
import os
import sys

import patches
from gavo import base
from gavo.user import cli


def run(command):
    """Run one ``dachs`` command; return its exit code."""
    # Each command has to read the descriptors afresh, as it would in a process of its own.
    base.caches.clearCaches()
    sys.argv = ["dachs", *command]
    try:
        cli.main()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return end.code or 0
    return 0


def main(words):
    """Run the commands in `words`; return the exit code of the process."""
    each = words[:1] == ["--each"]
    if each:
        sys.stdout.reconfigure(line_buffering=True)
        os.dup2(sys.stdout.fileno(), sys.stderr.fileno())
    for is_comma, command in itertools.groupby(words[each:], lambda word: word == ","):
        if is_comma:
            continue
        code = run(list(command))
        if each:
            print(f"\n\x1e{code}", flush=True)
        elif code:
            return code
    return 0


if __name__ == "__main__":
    patches.apply()
    sys.exit(main(sys.argv[1:]))
