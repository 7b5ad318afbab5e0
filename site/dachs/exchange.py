"""The exchange of the directory that is served for another one, in one step."""

import contextlib
import ctypes
import errno
import os
import signal

_CURRENT_DIRECTORY = -100  # AT_FDCWD in fcntl.h
_EXCHANGE = 2  # RENAME_EXCHANGE in linux/fs.h
_UNSUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.EXDEV)


def exchange(staged, served, server):
    """Exchange two directories, and make the server read its descriptors again.

    Parameters
    ----------
    staged, served : str
        The directories.
    server : str
        The file with the number of the server's process and its start time. It is read only now,
        because the server may have been restarted meanwhile.
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
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
        with open(server) as stream:
            pid, started = stream.read().split()
        with open(f"/proc/{int(pid)}/stat") as stream:
            if stream.read().rpartition(")")[2].split()[19] == started:
                os.kill(int(pid), signal.SIGHUP)
