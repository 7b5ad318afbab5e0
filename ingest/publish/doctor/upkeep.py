"""Checks of what gets worse with time: logs, backups, certificates, tables of the Earth."""

from __future__ import annotations

import json
import re
import socket
import ssl
import urllib.parse
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from ingest.core import privileges
from ingest.publish.backup import RECORD
from ingest.publish.doctor.patient import Advice, Fault, Patient, Unknown, tail

_MANY_ERRORS: Final = 20
_BACKUP_AGE: Final = timedelta(days=8)
_IERS_AGE: Final = timedelta(days=300)
_CERTIFICATE: Final = timedelta(days=30)
_DACHS_TIME: Final = re.compile(r"^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)")
_POSTGRES: Final = re.compile(r"^([\d-]+) ([\d:]+)[.\d]* UTC \[\d+\] \S*\s?(?:PANIC|FATAL):\s+(.*)")
_HARMLESS: Final = re.compile(
    "terminating connection due to administrator|starting up|shutting down"
    "|not yet accepting connections|in recovery mode"
)


def _logs(patient: Patient) -> None:
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    errors: list[tuple[str, Path]] = []
    path = patient.layout.logs / "postgresql.log"
    for line in tail(path).splitlines():
        found = _POSTGRES.match(line)
        if found and not _HARMLESS.search(line) and _moment(found[1], found[2]) > hour_ago:
            errors.append((found[3], path))
    path = patient.layout.dachs / "logs" / "dcErrors"
    for line in tail(path).splitlines():
        if (found := _DACHS_TIME.match(line)) and _moment(found[1], found[2]) > hour_ago:
            errors.append((line, path))
    if len(errors) > _MANY_ERRORS:
        text, path = errors[-1]
        raise Fault(
            f"{len(errors)} errors in the last hour, the last one: {text[:150]}",
            "Users get errors instead of answers.",
            f"tail {path}; make check",
        )


def _backup(patient: Patient) -> None:
    if not patient.state.complete:
        raise Unknown("there is nothing to save yet")
    text = tail(patient.layout.var / RECORD)
    if not text:
        finding = "no backup of this instance was made"
        explanation = "Alerts and the registry's records cannot be recreated."
        if patient.site.site.url:
            raise Fault(finding, explanation, "km3vo backup DIRECTORY")
        raise Advice(finding, explanation, "km3vo backup DIRECTORY")
    try:
        record = json.loads(text)
        made, place = datetime.fromisoformat(record["made"]), str(record["path"])
        age = datetime.now(UTC) - made
    except (ValueError, KeyError, TypeError):
        raise Fault(
            f"the record of the last backup, {patient.layout.var / RECORD}, is damaged",
            "Its age is unknown.",
            "km3vo backup DIRECTORY",
        ) from None
    if age > _BACKUP_AGE:
        raise Fault(
            f"the last backup, {place}, is {age.days} days old",
            "Whatever was archived since then would be lost.",
            f"km3vo backup {Path(place).parent}; let the system call it every day",
        )
    with privileges.caller():
        is_there = Path(place).exists()
    if not is_there:
        raise Advice(
            f"the last backup, {place}, is not there",
            "It was deleted or moved, or its disk is not mounted.",
            "km3vo backup DIRECTORY",
        )


def _certificate(patient: Patient) -> None:
    url = urllib.parse.urlsplit(patient.site.site.url)
    if url.scheme != "https" or not url.hostname:
        return
    try:
        with (
            socket.create_connection((url.hostname, url.port or 443), 5) as connection,
            ssl.create_default_context().wrap_socket(
                connection, server_hostname=url.hostname
            ) as secure,
        ):
            certificate = secure.getpeercert() or {}
    except ssl.SSLError as error:
        reason = getattr(error, "verify_message", "") or error.reason
        raise Fault(
            f"the certificate of {url.netloc} is refused: {reason}",
            "Clients refuse to connect.",
            "renew it in the web server in front",
        ) from None
    except OSError as error:
        raise Fault(
            f"{url.netloc} cannot be reached: {error}",
            "Nobody can reach the public address, or this machine cannot.",
            "see the web server in front, and the firewall",
        ) from None
    ends = parsedate_to_datetime(str(certificate["notAfter"]))
    if ends - datetime.now(UTC) < _CERTIFICATE:
        raise Advice(
            f"the certificate of {url.netloc} ends on {ends:%Y-%m-%d}",
            "Clients will refuse to connect.",
            "renew it in the web server in front",
        )


def _earth(patient: Patient) -> None:
    year, month, day = version("astropy-iers-data").split(".")[1:4]
    age = datetime.now(UTC) - datetime(int(year), int(month), int(day), tzinfo=UTC)
    if age > _IERS_AGE:
        raise Fault(
            f"the tables of the Earth's rotation are {age.days} days old",
            "They predict one year; positions of later events in the sky would be wrong.",
            "make lock UPGRADE=1 && make setup",
        )


def _moment(date: str, time: str) -> datetime:
    return datetime.fromisoformat(f"{date}T{time}+00:00")


CHECKS: Final = (
    ("logs", _logs),
    ("backup", _backup),
    ("certificate", _certificate),
    ("Earth's rotation", _earth),
)
