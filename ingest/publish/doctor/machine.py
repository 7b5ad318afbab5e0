"""Checks of the machine: packages, account, directories, disk and clock."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import distributions
from typing import Final

from packaging.markers import Marker
from packaging.utils import canonicalize_name

from ingest.core.checkout import CHECKOUT
from ingest.instance import Account, current_layout, load_site
from ingest.instance.dachs import Dachs
from ingest.instance.private import newest_major
from ingest.publish.doctor.patient import Advice, Fault, Patient, Unknown

_PACKAGES: Final = ("python3-gavo", "python3-healpy", "postgresql", "stilts")
_LOCKED: Final = re.compile(r"(?m)^([\w.-]+)==([\w.]+)(?: ; ([^\\\n]+))?")
_PRIVATE: Final = ("dachs", "postgres", "reports", "logs", "superuser.password", "dachs/gavo.rc")


def _packages(patient: Patient) -> None:
    done = subprocess.run(
        ["dpkg-query", "-W", "-f=${Package} ${db:Status-Status}\n", *_PACKAGES],
        capture_output=True,
        text=True,
        check=False,
    )
    present = {line.split()[0] for line in done.stdout.splitlines() if line.endswith(" installed")}
    if missing := [name for name in _PACKAGES if name not in present]:
        raise Fault(
            f"not installed: {', '.join(missing)}",
            "Servers or commands need these Debian packages.",
            "make setup",
        )
    if not load_site().database.host:
        newest_major()  # raises if no PostgreSQL has the extensions


def _environment(patient: Patient) -> None:
    present = {canonicalize_name(one.metadata["Name"]): one.version for one in distributions()}
    different = []
    for name, version, marker in _LOCKED.findall((CHECKOUT / "constraints.txt").read_text("utf-8")):
        found = present.get(canonicalize_name(name))
        if found != version and (not marker or Marker(marker.strip()).evaluate()):
            different.append(f"{name} {found or 'missing'}, not {version}")
    if different:
        raise Fault(
            f"{len(different)} Python packages differ from constraints.txt: {different[0]}",
            "The commands were tested with other versions; .venv is older than the checkout.",
            "make setup",
        )


def _account(patient: Patient) -> None:
    Account.current()


def _site(patient: Patient) -> None:
    site = load_site().site
    listens_everywhere = site.bind_address not in ("127.0.0.1", "::1")
    local = not site.url or re.match(r"https?://(localhost|127\.|\[::1\])", site.url)
    if local and listens_everywhere:
        raise Fault(
            f"the server listens on {site.bind_address}, but its address is"
            f" {site.url or 'http://localhost'}",
            "Answers and registry records contain an address that nobody else can reach.",
            "set [site] url in the file that KM3VO_SITE names, then make up",
        )


def _directory(patient: Patient) -> None:
    layout = current_layout()
    if not layout.var.is_dir():
        raise Fault(
            f"{layout.path} does not exist",
            "The instance was not created yet, or its disk is not mounted.",
            "make up",
        )
    owner = layout.var.stat().st_uid
    if owner != layout.account.uid:
        raise Fault(
            f"{layout.var} belongs to user {owner}, not to {layout.account.name}",
            "The servers cannot write their files.",
            f"chown {layout.account.name}: {layout.var}",
        )
    if not layout.account.can_enter(layout.var):
        raise Fault(
            f"{layout.account.name} cannot enter {layout.var}",
            "A directory above is closed, so that the servers cannot reach their files.",
            f"namei -l {layout.var}",
        )


def _permissions(patient: Patient) -> None:
    var = patient.layout.var
    for name in _PRIVATE:
        path = var / name
        if not os.path.lexists(path):
            continue
        status = path.lstat()
        if path.is_symlink():
            raise Fault(
                f"{path} is a link",
                "Files of the instance would be written elsewhere.",
                f"ls -l {path}",
            )
        if status.st_mode & 0o007 or (name != "logs" and status.st_mode & 0o077):
            raise Fault(
                f"{path} can be read by others (mode {status.st_mode & 0o777:o})",
                "Other users of this machine can read passwords or data of users.",
                f"chmod go-rwx {path}",
            )
        if status.st_uid != patient.layout.account.uid:
            raise Fault(
                f"{path} belongs to user {status.st_uid}, not to {patient.layout.account.name}",
                "The servers cannot use it.",
                f"chown -R {patient.layout.account.name}: {path}",
            )


def _disk(patient: Patient) -> None:
    for place in {patient.layout.var, patient.layout.archive}:
        if not place.exists():
            continue
        usage = shutil.disk_usage(place)
        free = usage.free / usage.total
        if usage.free < 200 << 20 or free < 0.01:
            raise Fault(
                f"{usage.free >> 20} MiB are free at {place}",
                "Imports and queries with large answers fail; PostgreSQL may stop.",
                f"du -xh --max-depth=2 {place} | sort -h | tail",
            )
        if free < 0.05:
            raise Advice(
                f"{free:.0%} of the disk at {place} is free",
                "It will be full soon.",
                f"du -xh --max-depth=2 {place} | sort -h | tail",
            )


def _inodes(patient: Patient) -> None:
    for place in {patient.layout.var, patient.layout.archive}:
        if place.exists():
            status = os.statvfs(place)
            if status.f_files and status.f_favail < max(1000, status.f_files // 100):
                raise Fault(
                    f"{status.f_favail} more files can be created at {place}",
                    "Each packet is a file; new ones cannot be archived.",
                    f"df --inodes {place}; move the archive: KM3VO_ARCHIVE",
                )


def _clock(patient: Patient) -> None:
    if not patient.layout.var.is_dir():
        raise Unknown("there is no instance")
    now = time.time()
    newest = max((path.lstat().st_mtime for path in patient.layout.var.iterdir()), default=0.0)
    last = (CHECKOUT / "constraints.txt").stat().st_mtime
    if max(newest, last) > now + 300:
        raise Fault(
            f"it is {datetime.now(UTC):%Y-%m-%d %H:%M} UTC by the clock of this machine, which is"
            f" {(max(newest, last) - now) / 3600:.1f} h before files that exist",
            "Times of receipt of alerts and dates of registry records are wrong.",
            "timedatectl set-ntp true",
        )


def _port(patient: Patient) -> None:
    state = patient.state
    family = socket.AF_INET6 if ":" in state.host else socket.AF_INET
    for worker in Dachs(patient.layout).workers:
        port = state.of_worker(worker.number).web_port
        if worker.process.path.exists():
            continue
        with socket.socket(family) as probe:
            probe.settimeout(2)
            if probe.connect_ex((state.host, port)) == 0:
                raise Fault(
                    f"another program answers at port {port}",
                    "The server cannot start.",
                    f"ss -ltnp 'sport = :{port}'; or choose another port: make up PORT=…",
                )


CHECKS: Final = (
    ("Debian packages", _packages),
    ("Python packages", _environment),
    ("servers' account", _account),
    ("site settings", _site),
    ("directory", _directory),
    ("permissions", _permissions),
    ("disk space", _disk),
    ("number of files", _inodes),
    ("clock", _clock),
    ("port", _port),
)
