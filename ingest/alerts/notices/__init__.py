"""Notices: the typed model, the parsers of their formats, and the profiles of the streams."""

from ingest.alerts.notices.circulars import Circular
from ingest.alerts.notices.containment import FROM_MAP, Regions, containment_radii, scaled_radius
from ingest.alerts.notices.event_names import names_of_notice, normalised
from ingest.alerts.notices.field_parser import MAX_INTEGER, hertz_per_unit
from ingest.alerts.notices.gcn import KM3NET_STREAM, decode_fits, is_km3net, ivorn_of
from ingest.alerts.notices.model import Notice, NoticeType, PacketError, Parameter, Position, Role
from ingest.alerts.notices.parsing import parse, parse_packet
from ingest.alerts.notices.profiles import load_profiles, path_of_topic

__all__ = [
    "FROM_MAP",
    "KM3NET_STREAM",
    "MAX_INTEGER",
    "Circular",
    "Notice",
    "NoticeType",
    "PacketError",
    "Parameter",
    "Position",
    "Regions",
    "Role",
    "containment_radii",
    "decode_fits",
    "hertz_per_unit",
    "is_km3net",
    "ivorn_of",
    "load_profiles",
    "names_of_notice",
    "normalised",
    "parse",
    "parse_packet",
    "path_of_topic",
    "scaled_radius",
]
