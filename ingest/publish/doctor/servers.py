"""Checks of the database and the server, with real queries."""

from __future__ import annotations

import time
from typing import Any, Final

import httpx
from lxml import etree

from ingest.core.xml import parse_xml
from ingest.instance import Cluster
from ingest.instance.dachs import Dachs
from ingest.publish.doctor.patient import TIMEOUT, Fault, Patient, Unknown

_TAP: Final = "/__system__/tap/run/tap"
_JOB_TIMEOUT: Final = 60.0  # s; the process of a job has to start
_QUERY: Final = {"LANG": "ADQL", "QUERY": "SELECT TOP 1 table_name FROM tap_schema.tables"}
_PHASE: Final = "{http://www.ivoa.net/xml/UWS/v1.0}phase"


def _state(patient: Patient) -> None:
    path = patient.layout.state_file
    if not path.exists():
        if Cluster(patient.layout).is_created:
            raise Fault(
                f"{path} is missing",
                "Nothing knows the ports of the existing database.",
                "km3vo restore DIRECTORY --replace; or km3vo instance reset && make import",
            )
        raise Unknown("there is no instance; make up creates it")
    try:
        complete = patient.state.complete
    except Unknown:
        raise Fault(
            f"{path} cannot be read",
            "Nothing knows the ports of the database.",
            "km3vo restore DIRECTORY --replace; or km3vo instance reset && make import",
        ) from None
    if not complete:
        raise Fault("the database was not set up completely", "It was interrupted.", "make up")


def _database(patient: Patient) -> None:
    if not patient.cluster.is_running:
        raise Fault(
            "the database does not run",
            "Nothing can be queried.",
            f"make up; the reason is in {patient.layout.logs / 'postgresql.log'}",
        )
    try:
        ((recovering,),) = patient.rows("SELECT pg_is_in_recovery()")
    except Unknown as reason:
        raise Fault(
            f"the database accepts no connection: {reason}",
            "It is recovering from a crash, has no connection left, or is damaged.",
            f"tail {patient.layout.logs / 'postgresql.log'}; if it does not recover: make down,"
            " make up",
        ) from None
    if recovering:
        raise Fault("the database is recovering from a crash", "Wait.", "make up")


def _extensions(patient: Patient) -> None:
    found = dict(patient.rows("SELECT extname, extversion FROM pg_extension"))
    available = set(patient.rows("SELECT name, version FROM pg_available_extension_versions"))
    for name in ("q3c", "pg_sphere"):
        if name not in found:
            raise Fault(
                f"the extension {name} is missing in the database",
                "Positions on the sky cannot be queried.",
                "km3vo restore DIRECTORY --replace; or km3vo instance reset && make import",
            )
        if (name, found[name]) not in available:
            raise Fault(
                f"the files of {name} {found[name]} are not installed",
                "Its Debian package was removed or replaced.",
                "make setup",
            )
    patient.rows("SELECT q3c_dist(1, 1, 2, 2), spoint(0, 0) @ scircle '<(0, 0), 1>'")


def _dachs_version(patient: Patient) -> None:
    installed = Dachs(patient.layout).version()
    if patient.state.dachs_version != installed:
        raise Fault(
            f"DaCHS {installed} is installed, the database is that of"
            f" {patient.state.dachs_version or 'none'}",
            "The tables of DaCHS have to be upgraded.",
            "make down && make up",
        )


def _server(patient: Patient) -> None:
    state, dachs = patient.state, Dachs(patient.layout)
    log = dachs.log
    if not dachs.is_running:
        raise Fault(
            "the server does not run", "Nothing can be queried.", f"make up; the reason is in {log}"
        )
    if not dachs.answers(state, TIMEOUT):
        raise Fault(
            f"the server does not answer at {state.local_url} within {TIMEOUT:.0f} s",
            "It is overloaded, or has lost its database.",
            f"tail {log}; then make down && make up",
        )


def _client(patient: Patient) -> httpx.Client:
    if not Dachs(patient.layout).is_running:
        raise Unknown("the server does not run")
    url = patient.state.local_url
    return httpx.Client(base_url=url, timeout=TIMEOUT, trust_env=False, follow_redirects=True)


def _refuse(answer: httpx.Response, what: str) -> None:
    if not answer.is_success or b'value="ERROR"' in answer.content:
        text = " ".join(etree.HTML(answer.content or b"-").itertext())
        raise Fault(
            f"{what} fails: {answer.status_code} {' '.join(text.split())[:200]}",
            "The server runs, but cannot answer queries.",
            "make down && make up",
        )


def _tap(patient: Patient) -> None:
    with _client(patient) as client:
        _refuse(_sent(client, "POST", f"{_TAP}/sync", data=_QUERY), "a TAP query")


def _cone(patient: Patient) -> None:
    if not (patient.layout.inputs / "km3net").is_dir():
        raise Unknown("no release is online")
    with _client(patient) as client:
        path = "/km3net/nu/cone/scs.xml?RA=0&DEC=0&SR=0.1"
        _refuse(_sent(client, "GET", path), "a cone search")


def _job(patient: Patient) -> None:
    """Run an asynchronous job, and delete it again."""
    with _client(patient) as client:
        made = _sent(client, "POST", f"{_TAP}/async", data=_QUERY)
        _refuse(made, "an asynchronous job")
        job = made.url.path
        _refuse(_sent(client, "POST", f"{job}/phase", data={"PHASE": "RUN"}), "a job's start")
        deadline = time.monotonic() + _JOB_TIMEOUT
        phase = ""
        try:
            while time.monotonic() < deadline:
                phase = parse_xml(_sent(client, "GET", job).content).findtext(_PHASE, "")
                if phase in ("COMPLETED", "ERROR", "ABORTED"):
                    break
                time.sleep(0.2)
        finally:
            client.delete(job, follow_redirects=False)
    if phase != "COMPLETED":
        raise Fault(
            f"an asynchronous job is {phase or 'without phase'} after {_JOB_TIMEOUT:.0f} s",
            "Clients such as TOPCAT and pyvo wait for ever.",
            "make down && make up",
        )


def _sent(client: httpx.Client, method: str, path: str, **more: Any) -> httpx.Response:
    try:
        return client.request(method, path, **more)
    except httpx.HTTPError as error:
        raise Fault(
            f"no answer: {type(error).__name__}",
            "The server runs, but cannot answer queries.",
            "make down && make up",
        ) from None


CHECKS: Final = (
    ("state of the instance", _state),
    ("database", _database),
    ("extensions of the database", _extensions),
    ("DaCHS' version", _dachs_version),
    ("server", _server),
    ("TAP", _tap),
    ("cone search", _cone),
    ("asynchronous TAP", _job),
)
