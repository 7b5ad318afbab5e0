"""The files of the alert archive, and the notices they belong to.

Runs inside DaCHS, under Debian's Python.
"""

import os
import re

from gavo import base

_SHA256 = re.compile("[0-9a-f]{64}")
COLUMNS = "notice_id, ivorn, version, media_format, sha256, packet_size, sky_map"


def root():
    """Return the archive's directory: KM3VO_ARCHIVE, or ``alerts`` beside DaCHS' root."""
    configured = os.environ.get("KM3VO_ARCHIVE")
    return configured or os.path.join(
        os.path.dirname(str(base.getConfig("rootDir")).rstrip("/")), "alerts"
    )


def path(kind, notice):
    """Return the path of a file that belongs to a notice, or None if there is no such file.

    Parameters
    ----------
    kind : str
        packet, map or preview.
    notice : dict
        The notice's row with the columns `COLUMNS`.
    """
    name = notice["sky_map"] if kind == "map" else notice["sha256"]
    # Only a checksum may become part of a path.
    if name is None or not _SHA256.fullmatch(name):
        return None
    suffix = {"packet": "", "map": ".fits", "preview": ".png"}[kind]
    found = os.path.join(root(), kind + "s", name[:2], name + suffix)
    return found if os.path.isfile(found) else None


def media_type(kind, notice):
    """Return the media type of a file that belongs to a notice."""
    if kind == "packet":
        return "application/json" if "json" in notice["media_format"] else "application/xml"
    return {"map": "application/fits", "preview": "image/png"}[kind]


def find(notice_id=None, ivorn=None, version=None, sha256=None):
    """Return the row of a notice with the columns `COLUMNS`, or None if there is no such notice.

    Parameters
    ----------
    notice_id : int, optional
        Its number in the archive.
    ivorn : str, optional
        Its identifier.
    version : int, optional
        Version of the packet with this identifier; the newest one if omitted.
    sha256 : str, optional
        The checksum of its packet.
    """
    asked = {"notice_id": notice_id, "ivorn": ivorn, "version": version, "sha256": sha256}
    asked = {name: value for name, value in asked.items() if value is not None}
    conditions = " AND ".join(f"{name} = %({name})s" for name in asked)
    with base.getTableConn() as connection:
        rows = connection.queryToDicts(
            f"SELECT {COLUMNS} FROM alerts.notices WHERE {conditions}"
            " ORDER BY version DESC LIMIT 1",
            asked,
        )
        return next(iter(list(rows)), None)


def withheld(notice_id=None, ivorn=None, version=None, sha256=None):
    """Return the row of a withheld packet in alerts.withheld, or None.

    Parameters are those of `find`; the versions of an identifier are not distinguished.
    """
    asked = {"notice_id": notice_id, "ivorn": ivorn, "sha256": sha256}
    asked = {name: value for name, value in asked.items() if value is not None}
    conditions = " AND ".join(f"{name} = %({name})s" for name in asked)
    with base.getTableConn() as connection:
        rows = connection.queryToDicts(
            f"SELECT notice_id, sha256, reason FROM alerts.withheld WHERE {conditions}"
            " ORDER BY notice_id DESC LIMIT 1",
            asked,
        )
        return next(iter(list(rows)), None)


def find_or_reason(**asked):
    """Return the row of a notice, else that of a withheld packet, which has a reason, else None."""
    return find(**asked) or withheld(**asked)


def find_seal(seal_id=None, seal_day=None):
    """Return the number of the seal with a number, or of the last one of a day, or None."""
    column, value = ("seal_id", seal_id) if seal_day is None else ("seal_day", seal_day)
    with base.getTableConn() as connection:
        rows = connection.queryToDicts(
            f"SELECT max(seal_id) AS seal_id FROM alerts.seals WHERE {column} = %(value)s",
            {"value": value},
        )
        return next(iter(rows))["seal_id"]


def seal_path(seal_id):
    """Return the path of the file of a seal."""
    return os.path.join(root(), "seals", f"{seal_id:d}.txt")
