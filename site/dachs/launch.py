"""Run one or several ``dachs`` commands in one process, with our patches of DaCHS.

DaCHS takes longer to start than to import a sample, so successive commands run in
the same process: give them as arguments, separated by commas. The first one that fails ends the
process with its exit code; with ``--each`` as first argument all are run, and a line with the
control character "record separator", the exit code and the time in s follows the output of each,
which includes its messages on standard error. With ``--wait`` alone, the arguments are read when
DaCHS is loaded, from a line of standard input, a list in JSON; see ``early.py`` in ``ingest``. This
runs in the Python of DaCHS.

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
``load-period RELEASE TABLE ROWS BEGIN END PATH…``
    Make the table of a period, see ``periods.py``. Only alone, as it is a transaction of its own.
"""

import gc
import json
import os
import sys


def main(words):
    """Run the commands in `words` with our patches; return the exit code of the process."""
    # descriptors become many objects that stay
    gc.set_threshold(100_000, 50, 100)
    # DaCHS needs the database when it is imported, so its patches do, too.
    if words[:1] == ["init"]:
        words = _create_database(words)
    import functions  # noqa: F401  (declares them)
    import pages
    import patches
    from commands import run_all

    patches.apply()
    pages.install()
    if words == ["--wait"]:
        words = json.loads(sys.stdin.readline() or "[]")
    return run_all(words)


def _create_database(words):
    """Run ``dachs init``, which creates what the patches need; return the words after it."""
    from gavo.user import cli

    end = words.index(",") if "," in words else len(words)
    sys.argv = ["dachs", *words[:end]]
    try:
        cli.main()
    except SystemExit as done:
        if done.code:
            raise
    os.environ.pop("GAVO_INIT_RUNNING", None)
    return words[end + 1 :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
