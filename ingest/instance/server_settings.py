"""The settings of a PostgreSQL server that others manage: what to write, and what it has.

All come from ``site/postgresql.conf``, from which a private cluster has its settings, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from ingest.instance.postgres import SETTINGS_TEMPLATE
from ingest.instance.site import Site, render

_LINE: Final = re.compile(r"(?m)^(\w+) = '?([^'#\n]*?)'?\s*$")
_QUANTITY: Final = re.compile(r"(-?\d+(?:\.\d+)?)\s*([A-Za-z]*)")
_UNITS: Final = {
    **{"B": 1.0, "kB": 2.0**10, "8kB": 2.0**13, "MB": 2.0**20, "GB": 2.0**30, "TB": 2.0**40},
    **{"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0},
}
_REASONS: Final = {
    "timezone": "DaCHS stores times in UTC",
    "standard_conforming_strings": "otherwise strings of ADQL could end a literal",
    "backslash_quote": "otherwise strings of ADQL could end a literal",
    "max_connections": "or more, so that the server does not run out of connections",
    "temp_file_limit": "or less, so that no query can fill the volume",
    "client_connection_check_interval": "so that queries end whose client is gone",
}
"""The settings without which an instance must not run, and why. Others cost speed."""
_AT_LEAST: Final = ("max_connections", "max_wal_senders", "max_replication_slots", "max_wal_size")
_OF_THE_SITE: Final = ("listen_addresses", "unix_socket_directories", "wal_level")
"""What each server decides by itself."""
_REPLICATION: Final = """\
# For standbys: docs/operations.md.
wal_level = replica
max_wal_senders = 5
max_replication_slots = 5
# A standby that is away for longer than these take has to be made again; it cannot fill the disk.
max_slot_wal_keep_size = 8GB
# On a standby: the primary keeps what its queries need, and an import waits for them a minute.
hot_standby = on
hot_standby_feedback = on
max_standby_streaming_delay = 60s"""


@dataclass(frozen=True)
class Difference:
    """A setting of a server that is not as it should be.

    Attributes
    ----------
    name, found, wanted : str
        The setting, its value, and the one in our file.
    reason : str
        Why it matters; empty if it is harmless.
    """

    name: str
    found: str
    wanted: str
    reason: str

    @property
    def is_required(self) -> bool:
        """Whether the instance must not run with it."""
        return bool(self.reason)


def server_settings(site: Site) -> str:
    """Return the settings for a server that others manage, to be included in its own."""
    return render(
        site,
        SETTINGS_TEMPLATE,
        listen="*",
        sockets="# Who may connect is in pg_hba.conf.",
        replication=_REPLICATION,
    )


def differences(cursor: Any, site: Site) -> Iterator[Difference]:
    """Yield the settings of a server that differ from ours.

    Parameters
    ----------
    cursor : psycopg2.extensions.cursor
        Of a connection to the server.
    site : Site
        The settings of the site.
    """
    wanted = dict(_LINE.findall(server_settings(site)))
    cursor.execute(
        "SELECT name, setting, unit, current_setting(name) FROM pg_settings"
        " WHERE name = ANY(%s) ORDER BY name",
        [[name.lower() for name in wanted] + ["TimeZone"]],
    )
    for name, setting, unit, shown in cursor.fetchall():
        ours = wanted.get(name) or wanted[name.lower()]
        if name in _OF_THE_SITE or _suits(name, setting, unit or "", ours):
            continue
        yield Difference(name, shown, ours, _REASONS.get(name.lower(), ""))


def _suits(name: str, setting: str, unit: str, wanted: str) -> bool:
    found_size, wanted_size = _size(setting + unit.removeprefix("8")), _size(wanted)
    if found_size is None or wanted_size is None:
        return setting == wanted or (name == "TimeZone" and setting in ("UTC", "Etc/UTC"))
    if unit == "8kB":
        found_size *= 8
    if name == "temp_file_limit":
        return 0 <= found_size <= wanted_size
    if name in _AT_LEAST:
        return found_size >= wanted_size
    if name == "client_connection_check_interval":
        return 0 < found_size <= wanted_size
    return found_size == wanted_size


def _size(text: str) -> float | None:
    found = _QUANTITY.fullmatch(text)
    if found is None or (found[2] and found[2] not in _UNITS):
        return None
    return float(found[1]) * _UNITS.get(found[2], 1.0)
