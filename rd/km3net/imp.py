"""Several ``dachs`` commands in one process, with ``dachs imp`` in one transaction.

DaCHS takes longer to start than to import a sample, so commands that follow each other are
run together: give them as arguments, with a comma between one command and the next. The first
one that fails ends the process with its exit code.

``dachs imp`` commits after each data element, and when it takes a table out of ObsCore: where
the second element fails, the first one's new table is online beside the second one's old, and
the release is gone from ObsCore. Here all of them are online, or none. This runs in the Python
of DaCHS.
"""

import itertools
import sys

from gavo import api, base
from gavo.rsc import data
from gavo.user import cli


def make_data(dd, connection, **more):
    """Fill the tables of a data element and leave the commit to the end of ``dachs imp``."""
    connection.commit = lambda: None
    try:
        return data.makeData(dd, connection=connection, **more)
    finally:
        del connection.commit


def run(command):
    """Run one ``dachs`` command, and end the process if it fails."""
    # Each command by itself would read the descriptors anew, with what is in the database now.
    base.caches.clearCaches()
    sys.argv = ["dachs", *command]
    try:
        cli.main()
    except SystemExit as end:
        if end.code:
            raise


if __name__ == "__main__":
    api.makeData = make_data
    for is_comma, words in itertools.groupby(sys.argv[1:], lambda word: word == ","):
        if not is_comma:
            run(list(words))
