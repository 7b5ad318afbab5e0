"""Run one or several ``dachs`` commands in one process, with our patches of DaCHS.

DaCHS takes longer to start than to import a sample, so successive commands run in
the same process: give them as arguments, separated by commas. The first one that fails ends the
process with its exit code. This runs in the Python of DaCHS.
"""

import itertools
import sys

import patches
from gavo import base
from gavo.user import cli


def run(command):
    """Run one ``dachs`` command, and end the process if it fails."""
    # Each command has to read the descriptors afresh, as it would in a process of its own.
    base.caches.clearCaches()
    sys.argv = ["dachs", *command]
    try:
        cli.main()
    except SystemExit as end:
        if end.code:
            raise


if __name__ == "__main__":
    patches.apply()
    for is_comma, words in itertools.groupby(sys.argv[1:], lambda word: word == ","):
        if not is_comma:
            run(list(words))
