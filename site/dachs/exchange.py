"""The exchange of the directory that is served for another one, in one step."""

import contextlib
import ctypes
import errno
import os
import signal
from pathlib import Path

_CURRENT_DIRECTORY = -100  # AT_FDCWD in fcntl.h
_EXCHANGE = 2  # RENAME_EXCHANGE in linux/fs.h
_UNSUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.EXDEV)


def exchange(staged, served, processes):
    """Exchange two directories, and make the server read its descriptors again.

    Parameters
    ----------
    staged, served : str
        The directories.
    processes : str
        The directory of the files with the number of each worker and its start
        time. They are read only now, because the server may have been restarted meanwhile.
    """
    library = ctypes.CDLL(None, use_errno=True)
    paths = os.fsencode(staged), os.fsencode(served)
    failed = library.renameat2(
        _CURRENT_DIRECTORY, paths[0], _CURRENT_DIRECTORY, paths[1], _EXCHANGE
    )
    if failed:
        number = ctypes.get_errno()
        if number not in _UNSUPPORTED:
            raise OSError(number, os.strerror(number), staged)
        # Some network file systems cannot do it in one step.
        aside = staged + ".aside"
        os.rename(served, aside)
        os.rename(staged, served)
        os.rename(aside, staged)
    for path in Path(processes).glob("server*.pid"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
            pid, started = path.read_text().split()
            stat = Path("/proc", str(int(pid)), "stat").read_text()
            if stat.rpartition(")")[2].split()[19] == started:
                os.kill(int(pid), signal.SIGHUP)
