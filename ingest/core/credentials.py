"""Passwords and tokens for other services: from the environment or a private file, never shown."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path
from typing import Any, Final

from ingest.core import privileges
from ingest.core.errors import InputError
from ingest.core.files import open_regular

FILE_VARIABLE: Final = "KM3VO_CREDENTIALS"
"""Names a TOML file, readable by its owner only, with a table for each service."""
_LARGEST: Final = 1 << 16


def variable(service: str, key: str) -> str:
    """Return the name of the environment variable of a credential, such as KM3VO_ZENODO_TOKEN."""
    return f"KM3VO_{service}_{key}".upper()


def credential(service: str, key: str, source: str) -> str:
    """Return a credential; the environment comes before the file.

    Parameters
    ----------
    service, key : str
        Such as ``zenodo`` and ``token``.
    source : str
        Where a person gets it, for the error message.

    Raises
    ------
    ingest.core.errors.InputError
        If there is none, or others can read the file.
    """
    name = variable(service, key)
    value = os.environ.get(name, "").strip() or _from_file(service, key)
    if not value:
        raise InputError(
            f"there is no {key} for {service}",
            where=name,
            expected=source,
            remedy=f"export {name}=…, or write {key} = … below [{service}] into the file that"
            f" {FILE_VARIABLE} names",
        )
    if not (value.isascii() and value.isprintable()):
        raise InputError(
            f"the {key} for {service} is not valid",
            where=name,
            expected=f"printable ASCII: {source}",
            remedy="copy it again",
        )
    return value


def _from_file(service: str, key: str) -> str:
    name = os.environ.get(FILE_VARIABLE, "").strip()
    if not name:
        return ""
    path = Path(name)
    content = _read(path)
    table = content.get(service, {})
    value = table.get(key, "") if isinstance(table, dict) else ""
    if not isinstance(value, str):
        raise _unusable(path, "is not valid", f'{key} = "…" below [{service}]')
    return value.strip()


def _read(path: Path) -> dict[str, Any]:
    try:
        with privileges.caller(), open_regular(path) as stream:
            found = os.fstat(stream.fileno())
            text = stream.read(_LARGEST)
    except OSError as error:
        reason = f"cannot be read ({error.strerror})"
        raise _unusable(path, reason, "a file of yours, and no link") from None
    if found.st_mode & 0o077 or found.st_uid != privileges.caller_uid():
        raise InputError(
            "others can read the credentials",
            file=path,
            value=f"mode {stat.S_IMODE(found.st_mode):o}, of user {found.st_uid}",
            expected=f"mode 600, of user {privileges.caller_uid()}",
            remedy=f"chmod 600 {path}",
        )
    try:
        return tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):  # whose messages may quote the file
        raise _unusable(path, "is not valid TOML", '[service] headings, key = "value"') from None


def _unusable(path: Path, reason: str, expected: str) -> InputError:
    return InputError(
        f"the file of credentials {reason}",
        file=path,
        expected=expected,
        remedy=f"correct it, or set {FILE_VARIABLE} to another file",
    )
