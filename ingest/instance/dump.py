"""The whole database as a dump, and a database made from it.

Roles are not in a dump: an instance that is made from one has roles, and passwords, of its own.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from ingest.core.errors import InstanceError
from ingest.instance.postgres import DATABASE, Cluster

_CREATED_BEFORE: Final = re.compile(
    r"; \d+ \d+ ((COMMENT - )?(EXTENSION|SCHEMA - public)|ACL pg_catalog|OPERATOR public)\b"
)
"""Entries of a dump that are left out. PostgreSQL may refuse Debian's script of an extension, and a
newer one does not have all functions and catalogs of an older one; ``roles.py`` revokes them. DaCHS
makes operators that an older pgSphere does not have; in a newer one its extension has them."""
_FUNCTION: Final = re.compile(r"; \d+ \d+ FUNCTION public (.+) \S+$")
_FUNCTIONS_OF_OPERATORS: Final = """
SELECT proname || '(' || oidvectortypes(proargtypes) || ')' FROM pg_proc
WHERE oid IN (SELECT oprcode FROM pg_operator)
    OR EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid
        AND deptype = 'e')
"""
"""Functions that operators or extensions need, which cannot be replaced; as dumps call them."""


@contextmanager
def dump_database(cluster: Cluster, port: int) -> Iterator[IO[bytes]]:
    """Yield the database of one moment, as ``pg_dump`` writes it.

    Raises
    ------
    InstanceError
        If it fails, at the end of the block.
    """
    command: list[str | Path] = [
        *(cluster.programs / "pg_dump", "--format=custom", f"--dbname={DATABASE}"),
        *cluster.client(port),
    ]
    with tempfile.TemporaryFile("w+") as problems:
        with cluster.account.piped(
            command, env=cluster.client_environment, stderr=problems
        ) as process:
            assert process.stdout is not None
            yield process.stdout
        if process.returncode:
            raise _error("the database could not be dumped", problems)


def load_database(cluster: Cluster, port: int, dump: IO[bytes]) -> None:
    """Replace everything in a database, which was set up before, by a dump.

    Raises
    ------
    InstanceError
        If it fails.
    """
    restore = cluster.programs / "pg_restore"
    account = cluster.account
    with tempfile.TemporaryFile("w+") as problems:
        with account.piped([restore, "--list"], stdin=dump, stderr=problems) as process:
            assert process.stdout is not None
            content = process.stdout.read().decode()
        if process.returncode:
            raise _error("the dump cannot be read", problems)
    with cluster.connect(port) as connection:
        cursor = connection.cursor()
        cursor.execute("SET search_path = ''")  # names of types have their schemas then
        cursor.execute(_FUNCTIONS_OF_OPERATORS)
        wanted = _wanted(content, {name for (name,) in cursor.fetchall()})
    listed = cluster.layout.scratch / "restore.list"
    account.run(["tee", listed], home=Path("/"), text_input="\n".join(wanted))
    with cluster.connect(port) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace"
            " WHERE nspname !~ '^pg_' AND nspname NOT IN ('public', 'information_schema')"
        )
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)
        connection.commit()
    dump.seek(0)
    command: list[str | Path] = [
        *(restore, "--clean", "--if-exists", "--exit-on-error", f"--dbname={DATABASE}"),
        *(*cluster.client(port), f"--use-list={listed}"),
    ]
    with tempfile.TemporaryFile("w+") as problems:
        env = cluster.client_environment
        with account.piped(command, env=env, stdin=dump, stderr=problems) as process:
            pass
        if process.returncode:
            raise _error("the database could not be restored", problems)
    with cluster.connect(port) as connection:
        connection.autocommit = True
        connection.cursor().execute("ANALYZE")


def _wanted(content: str, present: set[str]) -> list[str]:
    """Return the entries of a dump without what the database has already."""
    lines = [line for line in content.splitlines() if not _CREATED_BEFORE.search(line)]
    return [
        line for line in lines if not ((found := _FUNCTION.search(line)) and found[1] in present)
    ]


def _error(problem: str, problems: IO[str]) -> InstanceError:
    problems.seek(0)
    text = problems.read(2000).strip()
    full = "No space left" in text
    remedy = "free some disk space, then try again" if full else "see the message above"
    return InstanceError(problem, value=text or None, remedy=remedy)
