"""What the checks look at; nothing here changes anything or waits for long."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from ingest.alerts.archive import Archive
from ingest.core.errors import IngestError
from ingest.core.files import open_regular
from ingest.instance import Cluster, InstanceState, Layout, Site, current_layout, load_site

T = TypeVar("T")
TIMEOUT = 10.0  # s
_TAIL = 1 << 20


class Severity(StrEnum):
    """How serious a finding is."""

    OK = "ok"
    FAULT = "FAULT"
    ADVICE = "advice"
    """Not wrong, but should be changed before it becomes a fault."""
    UNKNOWN = "not checked"
    """Something else has to be repaired first."""


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes
    ----------
    check : str
        What was looked at.
    severity : Severity
        How serious it is.
    finding : str
        What was found.
    explanation : str
        What this means for those who use the instance.
    remedy : str
        The command to type.
    """

    check: str
    severity: Severity
    finding: str = ""
    explanation: str = ""
    remedy: str = ""


class Fault(Exception):
    """What a check raises if it finds a fault: the finding, its explanation and the remedy."""

    severity = Severity.FAULT

    def __init__(self, finding: str, explanation: str, remedy: str) -> None:
        super().__init__(finding)
        self.explanation = explanation
        self.remedy = remedy


class Advice(Fault):
    """A fault in the making."""

    severity = Severity.ADVICE


class Unknown(Exception):
    """What a check raises if something that it needs is missing; another check reports that."""


@dataclass
class Patient:
    """An instance that may be broken in any way."""

    _connections: list[Any] = field(default_factory=list)

    @cached_property
    def layout(self) -> Layout:
        """The directories; unknown without the servers' account."""
        return _known(current_layout)

    @cached_property
    def site(self) -> Site:
        """The settings of the site."""
        return _known(load_site)

    @cached_property
    def state(self) -> InstanceState:
        """The state of the instance."""
        state = InstanceState.read(self.layout)
        if state is None:
            raise Unknown("there is no instance, or its state cannot be read")
        return state

    @cached_property
    def cluster(self) -> Cluster:
        """The database cluster, if it exists."""
        cluster = Cluster(self.layout)
        if not cluster.is_created:
            raise Unknown("there is no database")
        return cluster

    @cached_property
    def cursor(self) -> Any:
        """A cursor of the database, which reads only and waits for no lock."""
        if not _known(lambda: self.cluster.is_running):
            raise Unknown("the database does not run")
        manager = self.cluster.connect(self.state.postgres_port)
        connection = _known(manager.__enter__)
        self._connections.append(manager)
        connection.set_session(readonly=True, autocommit=True)
        cursor = connection.cursor()
        cursor.execute(f"SET statement_timeout = {int(TIMEOUT * 1000)}")
        return cursor

    def rows(self, query: str, values: Any = None) -> list[tuple[Any, ...]]:
        """Return the answer of the database."""
        self.cursor.execute(query, values)
        return list(self.cursor.fetchall())

    @cached_property
    def archive(self) -> Archive:
        """The archive of alerts, if it has an index."""
        archive = Archive(self.layout.archive, self.layout.account)
        if not archive.index.path.exists():
            raise Unknown("there is no archive of alerts")
        return archive

    def close(self) -> None:
        """Close the connection to the database."""
        for manager in self._connections:
            manager.__exit__(None, None, None)


def tail(path: Path) -> str:
    """Return the end of a log; empty if there is none. Follows no link, and waits for no pipe."""
    try:
        with open_regular(path) as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL))
            return stream.read(_TAIL).decode(errors="replace")
    except OSError:
        return ""


def _known(get: Callable[[], T]) -> T:
    try:
        return get()
    except IngestError as error:
        raise Unknown(error.problem) from None
