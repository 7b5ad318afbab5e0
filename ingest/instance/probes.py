"""Whether the services of an instance really work: requests like those of its users."""

from __future__ import annotations

import http.client
import time
import urllib.parse
from collections.abc import Callable

import psycopg2

from ingest.core.errors import InstanceError
from ingest.instance.layout import InstanceState
from ingest.instance.postgres import Cluster

_TAP = "/__system__/tap/run/tap"
_QUERY = {
    "LANG": "ADQL",
    "FORMAT": "csv",
    "QUERY": "SELECT TOP 1 table_name FROM tap_schema.tables",
}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_HEADERS = {"User-Agent": "km3vo-probe"}
"""By which the server knows that it need not count a request."""
_STATIC = "/robots.txt"
"""What the server answers by itself, without a thread or the database."""
_TIMEOUT = 30.0  # s
_JOB_TIMEOUT = 60.0  # s


class _Wrong(Exception):
    """The server gives another answer than expected."""


_FAILURES = (OSError, http.client.HTTPException, psycopg2.Error, InstanceError, _Wrong)


def web_server_answers(state: InstanceState, timeout: float = 3.0) -> bool:
    """Return whether the web server answers at all, whatever its services do."""
    try:
        _request(state, "GET", _STATIC, timeout=timeout)
    except (OSError, http.client.HTTPException):
        return False
    return True


def problem(cluster: Cluster, state: InstanceState) -> str | None:
    """Send a TAP query and a cone search, and return the first problem, or None.

    Parameters
    ----------
    cluster : Cluster
        The database, which knows the cone searches.
    state : InstanceState
        Port and address of the server.
    """
    return tap_problem(state) or cone_problem(cluster, state)


def tap_problem(state: InstanceState) -> str | None:
    """Send a synchronous TAP query; return the problem, or None."""
    return _problem("a TAP query", lambda: _query(state))


def cone_problem(cluster: Cluster, state: InstanceState) -> str | None:
    """Use one of the cone searches; return the problem, or None, also if there is no search."""
    return _problem("a cone search", lambda: _cone(cluster, state))


def job_problem(state: InstanceState) -> str | None:
    """Run an asynchronous TAP job, which takes a few seconds; return the problem, or None."""
    return _problem("an asynchronous TAP job", lambda: _job(state))


def _problem(what: str, attempt: Callable[[], None]) -> str | None:
    try:
        attempt()
    except _FAILURES as error:
        return f"{what} fails: {error}"
    return None


def _query(state: InstanceState) -> None:
    answer = _request(state, "GET", f"{_TAP}/sync?{urllib.parse.urlencode(_QUERY)}")
    _expect(answer.startswith("table_name") and answer.count("\n") == 2, answer)


def _cone(cluster: Cluster, state: InstanceState) -> None:
    with cluster.connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT i.sourcerd, i.resid FROM dc.interfaces AS i"
            " JOIN dc.resources AS r USING (sourcerd, resid)"
            " WHERE i.renderer = 'scs.xml' AND NOT r.deleted ORDER BY 1, 2 LIMIT 1"
        )
        found = cursor.fetchone()
    if found is not None:
        path = "/".join(found)
        answer = _request(state, "GET", f"/{path}/scs.xml?RA=0&DEC=0&SR=0.01&MAXREC=1")
        _expect("<TABLE" in answer, answer)


def _job(state: InstanceState) -> None:
    """Run an asynchronous job, and delete it."""
    # The service answers with the address of the job, which may be that of a proxy.
    address = _request(state, "POST", f"{_TAP}/async", urllib.parse.urlencode(_QUERY))
    job = urllib.parse.urlsplit(address).path
    try:
        _request(state, "POST", f"{job}/phase", "PHASE=RUN")
        phase, deadline = "", time.monotonic() + _JOB_TIMEOUT
        while time.monotonic() < deadline and phase in ("", "PENDING", "QUEUED", "EXECUTING"):
            time.sleep(0.5)
            phase = _request(state, "GET", f"{job}/phase").strip()
        _expect(phase == "COMPLETED", f"after {_JOB_TIMEOUT:.0f} s its phase is {phase}")
    finally:
        _request(state, "DELETE", job)


def _request(
    state: InstanceState, method: str, path: str, form: str | None = None, timeout: float = _TIMEOUT
) -> str:
    """Return the body of a response, or the address that it redirects to."""
    connection = http.client.HTTPConnection(state.host, state.web_port, timeout=timeout)
    try:
        connection.request(method, path, form, _HEADERS | (_FORM if form else {}))
        response = connection.getresponse()
        body = response.read().decode(errors="replace")
    finally:
        connection.close()
    if response.status >= 500:
        raise _Wrong(f"status {response.status}, {_excerpt(body)}")
    return response.getheader("Location") or body


def _expect(condition: bool, answer: str) -> None:
    if not condition:
        raise _Wrong(_excerpt(answer))


def _excerpt(text: str) -> str:
    return " ".join(text.split())[:200]
