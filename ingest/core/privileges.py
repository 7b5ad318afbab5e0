"""What a command that root calls may do: below ``var/`` only what the servers' account may do.

The account, and whoever takes it over, can replace anything below ``var/`` by links, pipes or
forged files. A command therefore acts as the account from the moment when it first asks for the
instance: :func:`act_as`. What the account may not do, it cannot make root do either. The few
places that need the rights of the caller, for files that the account may be unable to read or
write (the checkout, delivered files, documents for the caller), say so: :func:`caller`. Nothing
below ``var/`` may be opened there, and no code from ``var/`` may ever be imported.

docs/decisions/013-privileges.md gives the reasons, and the alternatives.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import ctypes
import functools
import io
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

from ingest.core.checkout import CHECKOUT

PRIVATE_UMASK: Final = 0o077
"""Only the account can read what a command creates below ``var/``."""

_libc: Final = ctypes.CDLL(None)


@dataclass(frozen=True)
class _Caller:
    """Who called the command, and the account it acts as."""

    umask: int
    uid: int
    gid: int
    account_uid: int
    account_gid: int

    @property
    def is_other(self) -> bool:
        return self.account_uid != self.uid


_acting: _Caller | None = None


def act_as(uid: int, gid: int, with_cache: bool = True) -> None:
    """Act as an account from now on, with a private umask; a second call does nothing.

    The real, the effective and the file system's ids become those of the account, and the
    additional groups are given up, in all threads. Only the saved ids remain those of root, for
    :func:`caller`. So signals reach the account's processes only, and programs that are started
    have the account's rights and no way back.

    Parameters
    ----------
    uid, gid : int
        The account; the ids of this process if it is not root's.
    with_cache : bool, optional
        Whether libraries get a directory for what they keep, until this process ends.
    """
    global _acting
    if _acting is not None:
        return
    _acting = _Caller(os.umask(PRIVATE_UMASK), os.geteuid(), os.getegid(), uid, gid)
    if not _acting.is_other:
        return
    os.setgroups([])
    os.setresgid(gid, gid, _acting.gid)
    os.setresuid(uid, uid, _acting.uid)
    _import_as_caller()
    if with_cache:
        _provide_cache()
    if not code_is_readable():
        _read_software_as_caller()
    if threading.current_thread() is threading.main_thread():
        before = signal.getsignal(signal.SIGINT)
        if callable(before):
            signal.signal(signal.SIGINT, _acting_as_account_again(before))


def is_acting() -> bool:
    """Return whether :func:`act_as` was called: the command works on an instance."""
    return _acting is not None


def caller_uid() -> int:
    """Return the user who called the command."""
    return os.geteuid() if _acting is None else _acting.uid


def code_is_readable() -> bool:
    """Return whether the account can read the code of this project, to start it by itself."""
    # access() asks for the real user, which is the account
    return os.access(__file__, os.R_OK) and os.access(sys.executable, os.X_OK)


@contextmanager
def caller() -> Iterator[None]:
    """Access files with the rights of the caller, in this thread only.

    For named files outside ``var/``. Signals and programs started here still have the rights of
    the account. Not to be left open across a ``yield``.
    """
    with _access_as_caller(True):
        yield


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Open a delivered file with the rights of the caller if the account cannot read it."""
    # access() asks for the real user, which is the account
    with contextlib.nullcontext() if os.access(path, os.R_OK) else caller():
        yield


@contextmanager
def account() -> Iterator[None]:
    """Access files as the account, also inside :func:`caller`."""
    with _access_as_caller(False):
        yield


@contextmanager
def caller_umask() -> Iterator[None]:
    """Create files with the permissions that the caller prefers; for the whole process."""
    if _acting is None:
        yield
        return
    private = os.umask(_acting.umask)
    try:
        yield
    finally:
        os.umask(private)


@contextmanager
def caller_process() -> Iterator[None]:
    """Give the whole process all rights of the caller, to start a program that needs them.

    Only for a program of this project that gives them up itself, see :func:`give_up`. No other
    thread may access files meanwhile.
    """
    if _acting is None or not _acting.is_other:
        yield
        return
    os.setresuid(_acting.uid, _acting.uid, _acting.uid)
    os.setresgid(_acting.gid, _acting.gid, _acting.gid)
    try:
        yield
    finally:
        os.setresgid(_acting.account_gid, _acting.account_gid, _acting.gid)
        os.setresuid(_acting.account_uid, _acting.account_uid, _acting.uid)


def give_up(uid: int, gid: int) -> None:
    """Give up the rights of root for good, if this process has them."""
    if os.geteuid() != 0 or uid == 0:
        return
    os.umask(PRIVATE_UMASK)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


@contextmanager
def _access_as_caller(wanted: bool) -> Iterator[None]:
    if _acting is None or not _acting.is_other:
        yield
        return
    # setfsuid returns the former id, and accepts -1 to ask for it
    before = _libc.setfsuid(-1) == _acting.uid
    try:
        _set_access(_acting, wanted)
        yield
    finally:
        _set_access(_acting, before)


def _set_access(acting: _Caller, as_caller: bool) -> None:
    """Set the ids with which this thread accesses files; Linux has them for each thread."""
    uid, gid = (acting.uid, acting.gid) if as_caller else (acting.account_uid, acting.account_gid)
    _libc.setfsgid(gid)
    _libc.setfsuid(uid)
    if _libc.setfsuid(-1) != uid or _libc.setfsgid(-1) != gid:
        raise PermissionError("the identity of this process cannot be changed")


def _acting_as_account_again(handler: Any) -> Any:
    """Return a handler that first leaves :func:`caller`: what Ctrl-C ends is cleaned up.

    The account can send this signal, too, at the moment that suits it.
    """

    def handle(number: int, frame: FrameType | None) -> Any:
        if _acting is not None:
            _set_access(_acting, as_caller=False)
        return handler(number, frame)

    return handle


def _read_software_as_caller() -> None:
    """Read the files of a private checkout with the rights of the caller.

    Libraries open their fonts, schemas and tables when they need them, with these functions.
    Nobody but the caller can change anything in this directory; an instance is never below it.
    """
    private = f"{CHECKOUT}{os.sep}"

    def retried(function: Any) -> Any:
        @functools.wraps(function)
        def call(*arguments: Any, **options: Any) -> Any:
            try:
                return function(*arguments, **options)
            except PermissionError:
                path = arguments[0] if arguments else None
                if not isinstance(path, str | os.PathLike):
                    raise
                if not os.path.abspath(os.fsdecode(path)).startswith(private):
                    raise
                with caller():
                    return function(*arguments, **options)

        return call

    changed: tuple[tuple[Any, str], ...]
    changed = ((builtins, "open"), (io, "open"), (os, "stat"), (os, "listdir"), (os, "scandir"))
    for module, name in changed:
        setattr(module, name, retried(getattr(module, name)))


def _provide_cache() -> None:
    """Give matplotlib, also that of worker processes, a directory that the account may use."""
    os.environ["MPLCONFIGDIR"] = tempfile.mkdtemp(prefix="km3vo-")
    atexit.register(shutil.rmtree, os.environ["MPLCONFIGDIR"], ignore_errors=True)


def _import_as_caller() -> None:
    """Import modules with the rights of the caller: the checkout may be private.

    Modules are loaded when they are needed, by this project and by its libraries. All imports of
    modules that are not loaded yet pass through this function of Python's import system.
    """
    system: Any = sys.modules["_frozen_importlib"]
    original = system._find_and_load

    def find_and_load(name: str, import_: Any) -> Any:
        with caller():
            return original(name, import_)

    system._find_and_load = find_and_load
