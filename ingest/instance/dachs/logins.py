"""The members of the collaboration who may log in, as DaCHS' users.

DaCHS' own command for users takes the password as an argument, which other users of the machine
can read; so their rows are written here, as DaCHS writes them.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from typing import Final

from ingest.core.errors import InputError
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster

GROUP: Final = "collaboration"
"""DaCHS' group of the users who may see what is not public."""
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_ADMINISTRATOR: Final = "gavoadmin"
"""DaCHS' own user, which is in no table."""
_SHORTEST: Final = 14
"""Characters; DaCHS' hashes are quick to compute."""
_LONGEST: Final = 64
"""Characters; DaCHS does not look at longer passwords."""


def set_member(name: str, password: str, layout: Layout, state: InstanceState) -> bool:
    """Add a member, or replace the password of one.

    Parameters
    ----------
    name, password : str
        What the member enters to log in.
    layout, state : Layout, InstanceState
        The instance, locked; its database must be running.

    Returns
    -------
    bool
        Whether the member is new.

    Raises
    ------
    ingest.core.errors.InputError
        If the name or the password cannot be used.
    """
    if not _NAME.fullmatch(name) or name == _ADMINISTRATOR:
        raise InputError(
            "this cannot be the name of a member",
            value=name,
            expected="up to 64 lower-case letters, digits and . _ @ -, but not gavoadmin",
            remedy="choose another one, such as the name of the mail address",
        )
    if not _SHORTEST <= len(password) <= _LONGEST or not password.isprintable():
        raise InputError(
            "this cannot be a password",
            expected=f"{_SHORTEST} to {_LONGEST} characters on one line",
            remedy="take one from a password manager, or: openssl rand -base64 18",
        )
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "INSERT INTO dc.users (username, password, remarks) VALUES (%s, %s, '')"
            " ON CONFLICT (username) DO UPDATE SET password = excluded.password"
            " RETURNING xmax = 0",
            [name, _hashed(password)],
        )
        is_new = bool(cursor.fetchone()[0])
        cursor.execute(
            "INSERT INTO dc.groups (username, groupname)"
            " SELECT %(name)s, %(group)s WHERE NOT EXISTS"
            " (SELECT FROM dc.groups WHERE username = %(name)s AND groupname = %(group)s)",
            {"name": name, "group": GROUP},
        )
        connection.commit()
    return is_new


def remove_member(name: str, layout: Layout, state: InstanceState) -> None:
    """Remove a member, who cannot log in any more.

    Raises
    ------
    ingest.core.errors.InputError
        If there is no such member.
    """
    known = members(layout, state)
    if name not in known:
        raise InputError(
            "there is no such member",
            value=name,
            expected=f"one of {', '.join(known)}" if known else None,
            remedy="correct the name; km3vo access list prints them",
        )
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute("DELETE FROM dc.groups WHERE username = %s", [name])
        cursor.execute("DELETE FROM dc.users WHERE username = %s", [name])
        connection.commit()


def members(layout: Layout, state: InstanceState) -> list[str]:
    """Return the names of the members, in alphabetical order."""
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT DISTINCT username FROM dc.groups WHERE groupname = %s ORDER BY 1", [GROUP]
        )
        return [str(row[0]) for row in cursor.fetchall()]


def _hashed(password: str) -> str:
    """Return a password as DaCHS stores it, see ``gavo.protocols.creds``."""
    salt = os.urandom(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=4, r=8, p=1)
    return "scrypt:" + base64.b64encode(salt + digest).decode()
