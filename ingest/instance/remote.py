"""A PostgreSQL server that others start, stop and configure, for this instance alone.

Nothing here changes the server beyond its database ``gavo`` and the roles of DaCHS.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ingest.core import privileges
from ingest.core.errors import IngestError, InputError, InstanceError
from ingest.core.files import atomic_write, read_regular
from ingest.instance.layout import Layout
from ingest.instance.postgres import (
    CERTIFICATE,
    EXTENSIONS,
    PROGRAMS,
    Cluster,
    RefusedError,
)
from ingest.instance.server_settings import differences
from ingest.instance.site import DatabaseSection, Site, load_site

OLDEST: Final = 15
"""The oldest version of PostgreSQL that we have tested."""
WAIT: Final = 60.0  # s
"""How long a start waits for a server that does not answer."""
_CONNECT_TIME: Final = 5  # s
_REFUSALS: Final = (
    (
        "password authentication failed",
        "the database refuses the superuser's password",
        "correct the content of [database] password_file, or the password at the server:"
        " ALTER ROLE … PASSWORD",
    ),
    (
        "no pg_hba.conf entry",
        "the database does not admit this machine",
        "add a line to pg_hba.conf of the server, such as: hostssl all all ADDRESS scram-sha-256",
    ),
    (
        "root certificate",
        "the certificate of the database cannot be verified",
        "name the authority's certificate in [database] root_certificate",
    ),
    (
        "certificate verify failed",
        "the certificate of the database is not valid",
        "renew it, or name its authority in [database] root_certificate",
    ),
    (
        "server certificate for",
        "the certificate of the database is for another name",
        "set [database] host to the name in the certificate",
    ),
    (
        "does not support SSL",
        "the database does not encrypt the connection",
        "set ssl = on at the server; or, on the same machine only, [database] sslmode = 'disable'",
    ),
    ("too many clients", "the database has no connection left", "see max_connections"),
    ("reserved for", "the database has no connection left", "see max_connections"),
    ("does not exist", "the database or its superuser does not exist", "see the message above"),
)
"""What servers say, what we say, and the remedy. All other failures may pass by themselves."""

logger = logging.getLogger(__name__)


class RemoteCluster(Cluster):
    """The database of an instance on a server that ``[database]`` names; see :class:`.Cluster`."""

    is_remote = True

    def __init__(self, layout: Layout, settings: DatabaseSection | None = None) -> None:
        super().__init__(layout)
        self.database = settings or load_site().database
        self.certificate = layout.var / CERTIFICATE

    @property
    def name(self) -> str:
        """What messages call the server."""
        return f"the database at {self.database.host}:{self.database.port}"

    @property
    def superuser(self) -> str:
        """The name of the superuser."""
        return self.database.superuser

    def address(self, port: int) -> dict[str, str | int]:
        """Return where the server is; the port is that of the settings, not `port`."""
        address: dict[str, str | int] = {
            "host": self.database.host,
            "port": self.database.port,
            "sslmode": self.database.sslmode,
            "connect_timeout": _CONNECT_TIME,
            # a server that lost its power says nothing
            "keepalives_idle": 30,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        }
        # By default the library looks in the home of root, which calls us, but not as root.
        address["sslrootcert"] = str(self.certificate)
        address["sslcert"] = str(self.certificate.with_name("no-client.pem"))
        return address

    @property
    def client_environment(self) -> dict[str, str]:
        """The environment of PostgreSQL's programs."""
        more = {"PGSSLMODE": self.database.sslmode, "PGCONNECT_TIMEOUT": str(_CONNECT_TIME)}
        if self.database.root_certificate:
            more["PGSSLROOTCERT"] = str(self.certificate)
        return super().client_environment | more

    @property
    def is_created(self) -> bool:
        """Whether the instance has met the server."""
        return self.password_file.exists()

    @property
    def is_running(self) -> bool:
        """Whether the server accepts a connection."""
        return self.is_created and self.problem() is None

    @property
    def port(self) -> int:
        """The port of the server."""
        return self.database.port

    @property
    def pid(self) -> int:
        """There is no process of the server that we could know."""
        raise InstanceError("the server of the database runs elsewhere", where=self.name)

    def stop(self) -> None:
        """Do nothing: the server is not ours to stop."""

    def problem(self) -> str | None:
        """Return why the server does not accept a connection; None if it does."""
        try:
            with self.connect(0, "postgres"):
                return None
        except (IngestError, OSError) as error:
            return error.problem if isinstance(error, IngestError) else str(error)

    def unreachable(self, reason: str, port: int) -> InstanceError:
        """Return the error for a connection that failed."""
        for words, problem, remedy in _REFUSALS:
            if words in reason and "starting up" not in reason:
                return RefusedError(problem, where=self.name, value=reason, remedy=remedy)
        return InstanceError(
            "the database cannot be reached",
            where=self.name,
            value=reason,
            remedy="start it, or correct [database] in the file that KM3VO_SITE names",
        )

    # -- start -------------------------------------------------------------------------------

    def meet(self, site: Site, wait: float = WAIT) -> None:
        """Wait for the server, and check that it is one that the instance can use.

        Parameters
        ----------
        site : Site
            The settings of the site.
        wait : float, optional
            How long to wait, in s, for a server that does not answer.

        Raises
        ------
        RefusedError
            If it refuses us, or is not suitable.
        InstanceError
            If it does not answer.
        """
        self._take_secrets()
        deadline = time.monotonic() + wait
        while True:
            try:
                with self.connect(0, "postgres") as connection:
                    self._check(connection.cursor(), site)
                    return
            except RefusedError:
                raise
            except InstanceError as error:
                if time.monotonic() > deadline:
                    raise
                logger.info("waiting for %s: %s", self.name, error.value)
                time.sleep(1)

    def _take_secrets(self) -> None:
        """Copy the password and the authority's certificate to where the servers find them."""
        if not self.database.password_file:
            raise InputError(
                "[database] names a host, but no file with its superuser's password",
                expected="password_file, the path of a file with the password alone",
                remedy="add the line to the file that KM3VO_SITE names",
            )
        password = _read(self.database.password_file, "password_file").strip()
        if not password or b"\n" in password or b"\0" in password:
            raise InputError(
                "the file with the superuser's password does not contain a password",
                file=self.database.password_file,
                expected="one line",
                remedy="write the password into it",
            )
        wanted = {self.password_file: password}
        if self.database.root_certificate:
            wanted[self.certificate] = _read(self.database.root_certificate, "root_certificate")
        for path, content in wanted.items():
            if not path.exists() or read_regular(path) != content:
                with atomic_write(path) as stream:
                    stream.write(content)
                path.chmod(0o600)
                self.account.chown(path)

    def _check(self, cursor: Any, site: Site) -> None:
        """Raise RefusedError if the server cannot be used; log what should be better."""
        cursor.execute(
            "SELECT current_setting('server_version_num')::int, current_setting('server_version'),"
            " pg_is_in_recovery(), (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
        )
        number, version, is_standby, is_superuser = cursor.fetchone()
        if number // 10000 < OLDEST:
            raise RefusedError(
                "the version of the database server is too old",
                where=self.name,
                value=version,
                expected=f"PostgreSQL {OLDEST} or later",
                remedy="upgrade it: docs/operations.md",
            )
        if is_standby:
            raise RefusedError(
                "the database is a standby, which can only be read",
                where=self.name,
                remedy="name the primary in [database] host; to make this one the primary:"
                " SELECT pg_promote()",
            )
        if not is_superuser:
            raise RefusedError(
                f"the role {self.superuser} is not a superuser of the database server",
                where=self.name,
                remedy=f"as another superuser: ALTER ROLE {self.superuser} SUPERUSER",
            )
        cursor.execute("SELECT name FROM pg_available_extensions")
        available = {name for (name,) in cursor.fetchall()}
        if missing := sorted(set(EXTENSIONS) - available):
            major = number // 10000
            raise RefusedError(
                f"the database server has no extension {' and '.join(missing)}",
                where=self.name,
                remedy=f"on its machine: apt-get install postgresql-{major}-q3c"
                f" postgresql-{major}-pgsphere; or use our image km3vo-postgres, docker/README.md",
            )
        for one in differences(cursor, site):
            if one.is_required:
                raise RefusedError(
                    f"the setting {one.name} of the database server is not suitable",
                    where=self.name,
                    value=one.found,
                    expected=f"{one.wanted}: {one.reason}",
                    remedy="km3vo instance postgres-settings prints all settings; include them in"
                    " the server's postgresql.conf, and restart it",
                )
            logger.warning("%s: %s = %s, not %s", self.name, one.name, one.found, one.wanted)

    # -- versions ----------------------------------------------------------------------------

    @property
    def major(self) -> str:
        """The major version of the server."""
        with self.connect(0, "postgres") as connection:
            return str(connection.server_version // 10000)

    @property
    def next_major(self) -> str:
        """The same: a database is restored on this server."""
        return self.major

    @property
    def programs(self) -> Path:
        """The folder with a ``pg_dump`` that is not older than the server.

        Raises
        ------
        InstanceError
            If none is installed.
        """
        major = int(self.major)
        for path in sorted(_installed()):
            if path[0] >= major:
                return path[1]
        raise InstanceError(
            f"no programs of PostgreSQL {major} or later are installed, which a dump needs",
            where=str(PROGRAMS),
            remedy=f"apt-get install postgresql-client-{major}",
        )


def _installed() -> Iterator[tuple[int, Path]]:
    for path in PROGRAMS.glob("*/bin/pg_dump"):
        if re.fullmatch(r"\d+", path.parts[-3]):
            yield int(path.parts[-3]), path.parent


def _read(name: str, key: str) -> bytes:
    try:
        with privileges.caller():
            return Path(name).read_bytes()
    except OSError as error:
        raise InputError(
            f"the file cannot be read ({error.strerror})",
            file=name,
            where=f"[database] {key}",
            remedy="check its name, and the permission to read it",
        ) from None
