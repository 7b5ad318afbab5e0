"""Checks of the database and the server, with real queries."""

from __future__ import annotations

import time
from typing import Final

from ingest.instance import Cluster, InstanceState, cone_problem, job_problem, tap_problem
from ingest.instance.dachs import Dachs
from ingest.instance.remote import RemoteCluster
from ingest.instance.replica import look_at_replica
from ingest.instance.server_settings import differences
from ingest.publish.doctor.patient import TIMEOUT, Advice, Fault, Patient, Unknown

_CLOCKS: Final = 5.0  # s


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
            f"start {patient.cluster.name}, and see its log"
            if patient.cluster.is_remote
            else f"make up; the reason is in {patient.layout.logs / 'postgresql.log'}",
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
    for worker in dachs.workers:
        name = f"worker {worker.number} of the server" if state.workers > 1 else "the server"
        if not worker.is_running:
            raise Fault(
                f"{name} does not run",
                "Nothing can be queried." if state.workers == 1 else "Queries take longer.",
                f"make up; the reason is in {worker.log}",
            )
        if not worker.answers(state, TIMEOUT):
            url = state.of_worker(worker.number).local_url
            raise Fault(
                f"{name} does not answer at {url} within {TIMEOUT:.0f} s",
                "It is overloaded, or has lost its database.",
                f"tail {worker.log}; then km3vo instance restart",
            )


def _tap(patient: Patient) -> None:
    _refuse(tap_problem(_serving(patient)))


def _cone(patient: Patient) -> None:
    _refuse(cone_problem(patient.cluster, _serving(patient)))


def _job(patient: Patient) -> None:
    _refuse(job_problem(_serving(patient)))


def _serving(patient: Patient) -> InstanceState:
    if not Dachs(patient.layout).is_running:
        raise Unknown("the server does not run")
    return patient.state


def _refuse(problem: str | None) -> None:
    if problem is not None:
        raise Fault(
            problem, "The server runs, but cannot answer all queries.", "make down && make up"
        )


def _clock(patient: Patient) -> None:
    before = time.time()
    ((there,),) = patient.rows("SELECT extract(epoch FROM clock_timestamp())")
    after = time.time()
    apart = max(before - float(there), float(there) - after)
    if apart > _CLOCKS:
        raise Advice(
            f"the clocks of the database and of this machine are {apart:.0f} s apart",
            "Times of jobs and of rows are wrong, and so may be the days of embargoes.",
            "synchronise both with NTP, for example: apt-get install chrony",
        )


def _suitable(patient: Patient) -> None:
    if not patient.cluster.is_remote:  # it is started with them
        return
    found = list(differences(patient.cursor, patient.site))
    if needed := [one for one in found if one.is_required]:
        raise Fault(
            "; ".join(f"{one.name} = {one.found}, not {one.wanted}" for one in needed),
            f"It matters: {needed[0].reason}.",
            "km3vo instance postgres-settings prints the settings for the server",
        )
    if found:
        raise Advice(
            "; ".join(f"{one.name} = {one.found}, not {one.wanted}" for one in found),
            "Queries or imports may be slower.",
            "km3vo instance postgres-settings prints the settings for the server",
        )


def _replica(patient: Patient) -> None:
    cluster = patient.cluster
    found = look_at_replica(cluster) if isinstance(cluster, RemoteCluster) else None
    if found is not None and found.problem:
        raise Advice(
            found.problem,
            "Asynchronous queries run on the primary meanwhile.",
            "docs/operations.md, Read replica",
        )


CHECKS: Final = (
    ("state of the instance", _state),
    ("database", _database),
    ("settings of the database", _suitable),
    ("clock of the database", _clock),
    ("read replica", _replica),
    ("extensions of the database", _extensions),
    ("DaCHS' version", _dachs_version),
    ("server", _server),
    ("TAP", _tap),
    ("cone search", _cone),
    ("asynchronous TAP", _job),
)
