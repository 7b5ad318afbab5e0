"""Files between the servers' account and the caller, without trust in the account.

The account reads and writes its own files, with ``tar`` in a process of its own; the caller
reads and writes the backup. Only bytes pass between them. A link that the account placed among
its files therefore leads to nothing that the account could not read itself, and is not saved.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, Final

from ingest.core import privileges
from ingest.core.errors import InstanceError
from ingest.core.files import open_regular
from ingest.instance import Account

_BLOCK: Final = 1 << 20


def read_files(
    account: Account,
    directory: Path,
    names: Iterable[str],
    left_out: list[str],
    excluded: Iterable[str] = (),
) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the files below a directory of the account, each with its path and content.

    Parameters
    ----------
    account : Account
        Who reads them.
    directory : pathlib.Path
        The directory.
    names : iterable of str
        Files and directories in it; those that do not exist are left out.
    left_out : list of str
        Receives the paths of what is neither a file nor a directory.
    excluded : iterable of str, optional
        Patterns of names to leave out.

    Raises
    ------
    InstanceError
        If the account cannot read them.
    """
    with tempfile.TemporaryFile() as wanted, tempfile.TemporaryFile() as problems:
        found = [name for name in names if os.path.lexists(directory / name)]
        if not found:
            return
        wanted.write(b"".join(os.fsencode(name) + b"\0" for name in found))
        wanted.seek(0)
        command = [
            *("tar", "--create", "--file=-", "--format=posix", f"--directory={directory}"),
            *(f"--exclude={pattern}" for pattern in excluded),
            *("--null", "--verbatim-files-from", "--files-from=-"),
        ]
        with account.piped(command, stdin=wanted, stderr=problems) as process:
            assert process.stdout is not None
            try:
                with tarfile.open(fileobj=process.stdout, mode="r|", bufsize=_BLOCK) as archive:
                    for member in archive:
                        content = archive.extractfile(member) if member.isreg() else None
                        if content is not None:
                            yield _checked(member.name), content
                        elif not member.isdir():
                            left_out.append(str(directory / member.name))
            except tarfile.TarError as error:
                process.wait()
                raise _failed(directory, problems, str(error)) from None
            while process.stdout.read(_BLOCK):  # it fills its last record
                pass
        # 1: a file changed, or disappeared, while it was read
        if process.returncode not in (0, 1):
            raise _failed(directory, problems, f"exit code {process.returncode}")


@contextmanager
def written_files(account: Account, directory: Path) -> Iterator[Callable[[str, Path], None]]:
    """Yield a function that writes a file of the caller into a directory of the account.

    It takes the path below the directory, and the file. All files are readable by the
    account only.

    Raises
    ------
    InstanceError
        If the account cannot write them, for example because the disk is full.
    """
    command = [
        *("tar", "--extract", "--file=-", "--no-same-owner", "--no-same-permissions"),
        *("--unlink-first", f"--directory={directory}"),
    ]
    with tempfile.TemporaryFile() as problems:
        process = None
        try:
            with (
                account.piped(
                    command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=problems
                ) as process,
                tarfile.open(fileobj=process.stdin, mode="w|", bufsize=_BLOCK) as archive,
            ):

                def add(name: str, source: Path) -> None:
                    with _opened(source) as stream:
                        member = tarfile.TarInfo(name)
                        status = os.fstat(stream.fileno())
                        member.size, member.mode = status.st_size, stat.S_IRUSR | stat.S_IWUSR
                        member.mtime = int(status.st_mtime)
                        archive.addfile(member, stream)

                yield add
        except BrokenPipeError:
            raise _failed(directory, problems, "it ended early") from None
        if process.returncode:
            raise _failed(directory, problems, f"exit code {process.returncode}")


@privileges.caller()
def _opened(path: Path) -> BinaryIO:
    return open_regular(path)


@privileges.caller()
def store(content: IO[bytes], path: Path) -> str:
    """Write a new file that only the caller can read; return its checksum."""
    for parent in reversed(path.parents):
        parent.mkdir(mode=0o700, exist_ok=True)
    digest = hashlib.sha256()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as stream:
        while block := content.read(_BLOCK):
            digest.update(block)
            stream.write(block)
    return digest.hexdigest()


def _checked(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not name.isprintable():
        raise InstanceError(
            "the instance contains a file with a name that is not saved",
            value=name,
            expected="a relative path of printable characters",
            remedy="delete or rename the file",
        )
    return str(path)


def _failed(directory: Path, problems: IO[bytes], error: str) -> InstanceError:
    problems.seek(0)
    text = problems.read(2000).decode(errors="replace").strip() or error
    full = "No space left" in text or "quota" in text
    return InstanceError(
        "the files of the instance cannot be copied",
        file=directory,
        value=text,
        remedy="free some space, then run the command again"
        if full
        else "check owner and permissions: km3vo doctor",
    )
