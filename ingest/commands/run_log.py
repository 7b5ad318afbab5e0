"""A log file per run, below the instance's ``logs``.

What a run did to the instance is recorded there with times, including the output of DaCHS. A run
that changes nothing, such as ``km3vo instance status``, leaves no file.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ingest.core import privileges
from ingest.core.files import open_to_append
from ingest.instance import current_layout

NEWEST: Final = 200
"""The number of log files to retain; older ones are deleted."""
_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class RunLog(logging.Handler):
    """Writes the records of a run to a file, once there are some and the instance exists.

    Attributes
    ----------
    path : pathlib.Path or None
        The file; None until it is created.
    """

    def __init__(self, heading: str) -> None:
        super().__init__()
        self.path: Path | None = None
        self._waiting = [heading]
        formatter = logging.Formatter(_FORMAT, "%Y-%m-%dT%H:%M:%SZ")
        formatter.converter = time.gmtime
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or hold it back until the instance's directory for logs exists."""
        self._waiting.append(self.format(record))
        try:
            # a record may come from where the caller's files are read
            with privileges.account():
                if self.path is None:
                    self.path = _create()
                if self.path is not None:
                    with open_to_append(self.path) as stream:
                        stream.writelines(f"{line}\n".encode() for line in self._waiting)
                    self._waiting.clear()
        except OSError:  # a full disk is reported by the step that needs the space
            self._waiting.clear()


@contextmanager
def recorded() -> Iterator[RunLog]:
    """Record a run of the command line; yield its log."""
    begin = time.monotonic()
    log = RunLog(f"{_now():%Y-%m-%dT%H:%M:%SZ} {' '.join(sys.argv)}")
    logger = logging.getLogger("ingest")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(log)
    try:
        yield log
    finally:
        if log.path is not None:
            logger.info("the run took %.1f s", time.monotonic() - begin)
        logger.removeHandler(log)


def print_records() -> None:
    """Print all records to standard error, too."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    logging.getLogger("ingest").addHandler(handler)


def _create() -> Path | None:
    """Return a new, empty log file; None where there is no instance, or none was asked for."""
    if not privileges.is_acting():
        return None
    directory = current_layout().logs
    if not directory.is_dir():
        return None
    path = directory / f"km3vo-{_now():%Y%m%dT%H%M%SZ}-{os.getpid()}.log"
    # the directory belongs to the servers' account: follow no link in it
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    os.close(os.open(path, flags, 0o640))
    for old in sorted(directory.glob("km3vo-*.log"))[:-NEWEST]:
        old.unlink(missing_ok=True)
    return path


def _now() -> datetime:
    return datetime.now(UTC)
