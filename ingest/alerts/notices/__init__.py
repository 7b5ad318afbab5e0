"""Notices: the typed model, the formats it is read from, and the profiles of the streams."""

from ingest.alerts.notices.containment import FROM_MAP, Regions, radii
from ingest.alerts.notices.fields import LARGEST
from ingest.alerts.notices.model import Notice, NoticeType, PacketError, Parameter, Position, Role
from ingest.alerts.notices.parsing import parse

__all__ = [
    "FROM_MAP",
    "LARGEST",
    "Notice",
    "NoticeType",
    "PacketError",
    "Parameter",
    "Position",
    "Regions",
    "Role",
    "parse",
    "radii",
]
