"""Counters that the workers of an instance keep in files, below ``var/metrics``.

Each process rewrites a file of its own every few seconds. What a process has counted that no longer
runs is added to ``totals.json`` by the next one that starts, so that all files together say what
was counted since the instance was made. A process holds a lock as long as it runs; so others know,
also in another container, whether it does.

For usage statistics, requests are also counted by day and month. Distinct clients of a day are
estimated from a sketch (HyperLogLog, Flajolet et al. 2007): 1024 numbers of which no client can be
recovered. The salt of the hashes that it is made from is replaced each day.

This needs the standard library only: it is also a module of the patches of DaCHS.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import math
import os
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

EDGES: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
"""Upper edges of the bins of durations in s; a further bin has no upper edge."""
ALL: Final = "all"
"""In usage statistics: all services together."""
_REGISTERS: Final = 1024
_MONTHS: Final = 120
"""The number of months whose statistics are kept."""
_MOST_BYTES: Final = 50_000_000
"""A file that is larger is damaged."""
_MOST_SPOOLED: Final = 1_000_000


class DamagedFileError(Exception):
    """A file of counters cannot be understood."""


# -- distinct clients --------------------------------------------------------------------------


def add_client(sketch: bytearray, digest: bytes) -> None:
    """Add a client to a sketch of 1024 registers, by a hash of 8 bytes."""
    number = int.from_bytes(digest, "big")
    place, rest = number % _REGISTERS, number // _REGISTERS
    rank = 55 - rest.bit_length()  # 54 bits are left
    if rank > sketch[place]:
        sketch[place] = rank


def new_sketch() -> bytearray:
    """Return an empty sketch."""
    return bytearray(_REGISTERS)


def written(sketch: bytes | bytearray) -> str:
    """Return a sketch as text."""
    return base64.b64encode(sketch).decode()


def clients_in(sketch: str) -> int:
    """Return the estimated number of distinct clients in a sketch; the error is about 3 %."""
    registers = base64.b64decode(sketch)
    empty = registers.count(0)
    alpha = 0.7213 / (1 + 1.079 / _REGISTERS)
    estimate = alpha * _REGISTERS**2 / sum(2.0**-one for one in registers)
    if estimate <= 2.5 * _REGISTERS and empty:
        estimate = _REGISTERS * math.log(_REGISTERS / empty)
    return round(estimate)


# -- sums --------------------------------------------------------------------------------------


def combined(one: Any, other: Any) -> Any:
    """Return the sum of what two processes counted: of numbers, lists, sketches and dictionaries.

    Raises
    ------
    DamagedFileError
        If they have different forms.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        return one | {
            key: combined(one[key], value) if key in one else value for key, value in other.items()
        }
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [combined(*pair) for pair in zip(one, other, strict=True)]
    if isinstance(one, str) and isinstance(other, str):
        try:
            registers = [base64.b64decode(text, validate=True) for text in (one, other)]
            return written(bytes(max(pair) for pair in zip(*registers, strict=True)))
        except ValueError as problem:
            raise DamagedFileError(str(problem)) from None
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one + other
    raise DamagedFileError(f"{type(one).__name__} and {type(other).__name__}")


def _counted(content: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a file that is added up; raise DamagedFileError if it makes no sense."""
    counted = {name: content.get(name, {}) for name in ("counters", "days")}
    _checked(counted)
    return counted


def _checked(value: Any) -> Any:
    """Return the value if it has only dictionaries, lists, sketches and finite numbers ≥ 0."""
    if isinstance(value, dict):
        for one in value.values():
            _checked(one)
    elif isinstance(value, list):
        for one in value:
            _checked(one)
    elif isinstance(value, str):
        combined(value, written(new_sketch()))
    elif isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e300:
        raise DamagedFileError(f"{value!r}")
    return value


# -- files -------------------------------------------------------------------------------------


class Store:
    """The files of counters of an instance.

    Parameters
    ----------
    directory : pathlib.Path
        Where they are.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._totals = directory / "totals.json"
        self._spool = directory / "rows"
        self._name = ""
        self._lock = -1

    def begin(self) -> None:
        """Create the directory, and take a name for this process, which is to write counters."""
        self.directory.mkdir(mode=0o700, exist_ok=True)
        self._name = f"{os.getpid()}-{time.time_ns()}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._lock = os.open(self.directory / f"{self._name}.lock", flags, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def write(self, content: dict[str, Any]) -> None:
        """Replace what this process has counted."""
        _replace(self.directory / f"{self._name}.json", content)

    def read(self) -> tuple[dict[str, Any], list[dict[str, Any]], int]:
        """Return all that was counted.

        Returns
        -------
        totals : dict
            The sums of all processes, ``counters``, ``days`` and ``months``, and the ``latest``
            times.
        running : list of dict
            The whole content of the files of the processes that run.
        damaged : int
            How many files could not be read.
        """
        if not self.directory.is_dir():
            return _empty(), [], 0
        with self._locked():
            totals, damaged = self._read_totals()
            done = totals.pop("folded")
            running = []
            for path in self._files():
                if path.stem in done:
                    continue
                try:
                    content = _load(path)
                    _add(totals, content)
                    if self._runs(path):
                        running.append(content)
                except DamagedFileError:
                    damaged += 1
        return totals, running, damaged

    def fold(self, days: dict[str, Any] | None = None) -> None:
        """Add up what ended processes counted, and what this one counted on days that are over."""
        with self._locked():
            totals, damaged = self._read_totals()
            if damaged:
                self._totals.replace(self._totals.with_suffix(".damaged"))
            for name in totals["folded"]:  # of a fold that was interrupted
                self._remove(name)
            totals["folded"] = []
            for path in self._files():
                if not self._runs(path):
                    with contextlib.suppress(DamagedFileError):
                        _add(totals, _load(path))
                    totals["folded"].append(path.stem)
            if days:
                totals["days"] = combined(totals["days"], days)
            _close_days(totals)
            _replace(self._totals, totals)
            for name in totals["folded"]:
                self._remove(name)
            for path in self.directory.glob("*.lock"):  # of processes that wrote nothing
                if not path.with_suffix(".json").exists() and not self._runs(path):
                    path.unlink(missing_ok=True)

    def salt(self, day: str) -> bytes:
        """Return the salt of a day, and forget those of other days."""
        path = self.directory / "salt"
        with self._locked():
            with contextlib.suppress(OSError, ValueError):
                known, _, salt = path.read_text("ascii").partition(" ")
                if known == day and len(salt) == 64:
                    return bytes.fromhex(salt)
            salt = secrets.token_hex(32)
            draft = path.with_suffix(".part")
            draft.unlink(missing_ok=True)
            draft.touch(0o600)
            draft.write_text(f"{day} {salt}", "ascii")
            draft.replace(path)
            return bytes.fromhex(salt)

    def spool(self, service: str, rows: int) -> None:
        """Note the rows of a result that another process than the server wrote."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self._spool, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_size < _MOST_SPOOLED:
                os.write(descriptor, f"{service} {rows}\n".encode("ascii"))
        finally:
            os.close(descriptor)

    def unspool(self) -> list[tuple[str, int]]:
        """Return what other processes noted: names of services, and numbers of rows."""
        try:
            if not self._spool.stat().st_size:
                return []
            descriptor = os.open(self._spool, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return []
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            text = os.read(descriptor, 2 * _MOST_SPOOLED).decode("ascii", "replace")
            os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)
        words = [line.split(" ") for line in text.splitlines()]
        return [(one[0], int(one[1])) for one in words if len(one) == 2 and one[1].isdecimal()]

    def _files(self) -> list[Path]:
        return sorted(self.directory.glob("[0-9]*-[0-9]*.json"))

    def _runs(self, path: Path) -> bool:
        """Return whether the process of a file runs: it holds its lock."""
        if path.stem == self._name:
            return True
        try:
            descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _remove(self, name: str) -> None:
        for suffix in (".json", ".lock"):
            (self.directory / f"{name}{suffix}").unlink(missing_ok=True)

    def _read_totals(self) -> tuple[dict[str, Any], int]:
        if not self._totals.exists():
            return _empty(), 0
        try:
            found = _load(self._totals)
            _checked(found.get("months"))
            names = found["folded"]
            if not all(isinstance(one, str) and one.replace("-", "").isdigit() for one in names):
                raise DamagedFileError("folded")
            return {name: found[name] for name in _empty()}, 0
        except (DamagedFileError, KeyError, TypeError):
            return _empty(), 1

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.directory / "lock", flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def today() -> str:
    """Return the day in UTC, such as ``2026-11-28``."""
    return datetime.now(UTC).date().isoformat()


def _empty() -> dict[str, Any]:
    return {"counters": {}, "days": {}, "months": {}, "latest": {}, "folded": []}


def _add(totals: dict[str, Any], content: dict[str, Any]) -> None:
    """Add the content of a file to sums."""
    counted = _counted(content)
    latest = _checked(content.get("latest", {}))
    for name in ("counters", "days"):
        totals[name] = combined(totals[name], counted[name])
    for name, moment in latest.items():
        totals["latest"][name] = max(moment, totals["latest"].get(name, 0))


def _close_days(totals: dict[str, Any]) -> None:
    """Add days to their months that no process counts any more."""
    last = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
    for day in [one for one in totals["days"] if one <= last]:
        month = totals["months"].setdefault(day[:7], {})
        for service, counted in totals["days"].pop(day).items():
            summed = counted | {"clients": clients_in(counted["clients"])}
            month[service] = combined(month[service], summed) if service in month else summed
    for month in sorted(totals["months"])[:-_MONTHS]:
        del totals["months"][month]


def _load(path: Path) -> dict[str, Any]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as stream:
            content = json.loads(stream.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError) as problem:
        raise DamagedFileError(str(problem)) from None
    if not isinstance(content, dict):
        raise DamagedFileError(path.name)
    _counted(content)
    return content


def _replace(path: Path, content: dict[str, Any]) -> None:
    draft = path.with_suffix(".part")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        # not json.dump, which is written in Python
        stream.write(json.dumps(content, separators=(",", ":")))
    draft.replace(path)
