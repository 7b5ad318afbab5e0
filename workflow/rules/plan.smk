# The plan, which "km3vo workflow plan" has written into the working directory.

import fcntl
import os
import shlex
import sys

from snakemake.common import __version__ as snakemake_version

PLAN = json.loads(Path("plan.json").read_text())
KM3VO = config["km3vo"] or PLAN["program"]
JOBS = PLAN["jobs"]
# what fetches files from other machines, by the storage plugins
FETCH = shlex.join(
    [
        sys.executable,
        str(Path(workflow.basedir) / "scripts" / "fetch.py"),
        *(f"--storage-{name}={value}" for name, value in config["storage"].items()),
    ]
)


def hold():
    """Hold the directory while this process lives: two workflows must not share it."""
    if "KM3VO_WORK_HELD" in os.environ:
        return
    # kept open, and closed only with the process
    descriptor = os.open("lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise WorkflowError(
            f"another workflow works on this release: {Path('lock').read_text()}"
        )
