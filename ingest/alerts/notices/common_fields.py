"""What the parsers of VOEvents and of notices in JSON have in common."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

from ingest.alerts.notices.field_parser import FieldParser
from ingest.alerts.notices.model import Counterpart, InvolvedEvent, Position, Role
from ingest.alerts.notices.profiles import Profile

MAX_DEPTH: Final = 64
"""Maximum number of levels of nesting in a packet."""
MAX_PARAMETERS: Final = 100_000
"""Maximum number of parameters of a packet."""
MAX_SIZE: Final = 1 << 26
"""Maximum number of characters in the paths of all parameters, which repeat the names of groups."""

Texts = Mapping[str, str | None]
"""Values of a group of Params or of a JSON object, by their names in lower case."""

_WITH_SYSTEMATIC: Final = re.compile(
    r"stat\w*\.?\s*(?:\+|and|plus|&)\s*(?:the\s+)?sys|systematics? (?:error )?included", re.I
)
_WITHOUT_SYSTEMATIC: Final = re.compile(r"stat\w*\.?[ -]only|no systematic", re.I)
_ONE_PYTHON_ITEM: Final = re.compile(r"\{'[^']*': '(.*)'\}", re.S)
_TEST_IDENTIFIER: Final = re.compile(r"[MT]S?\d{5,6}[a-z]*\d*", re.ASCII)


def errors_included(description: str) -> tuple[bool | None, bool | None]:
    """Return whether a radius includes statistical and systematic errors, by its description."""
    if _WITHOUT_SYSTEMATIC.search(description):
        return True, False
    if _WITH_SYSTEMATIC.search(description):
        return True, True
    return None, None


def is_test_superevent(identifier: str | None) -> bool:
    """Return whether this is GraceDB's identifier of a test (T) or of mock data (M)."""
    return bool(identifier) and _TEST_IDENTIFIER.fullmatch(identifier or "") is not None


def position(
    parser: FieldParser,
    where: tuple[str, str],
    direction: tuple[str | None, str | None],
    radius: float | None,
    circles: dict[float, float],
    containment: float | None,
    errors: tuple[bool | None, bool | None],
) -> Position | None:
    """Return the position of a source with its error circle.

    Parameters
    ----------
    parser : FieldParser
        Collects the remarks.
    where : tuple of str
        Places of right ascension and declination, for remarks.
    direction : tuple of str or None
        Texts of right ascension and declination in deg.
    radius : float or None
        Radius of the error circle in deg.
    circles : dict
        Further radii in deg by their containment.
    containment : float or None
        Containment of `radius`, unless one of the circles has the same radius.
    errors : tuple of bool or None
        Whether the statistical and systematic errors are included.

    Returns
    -------
    Position or None
        None without a valid direction, and for (0, 0) without a radius, which is GCN's
        placeholder for a missing position; a real source at (0, 0) has a radius.
    """
    ra = parser.right_ascension(where[0], direction[0])
    dec = parser.declination(where[1], direction[1])
    if ra is None or dec is None:
        if (ra is None) != (dec is None):
            parser.remark(f"{where[0]}: one coordinate without the other is ignored")
        return None
    if radius is None and circles:
        containment = 0.9 if 0.9 in circles else max(circles)
        radius = circles[containment]
    elif radius is not None:
        same = [p for p, r in circles.items() if math.isclose(r, radius, rel_tol=1e-4)]
        if same and containment not in same:
            containment = max(same)
    if ra == 0 and dec == 0 and radius is None:
        parser.remark(f"{where[0]}: (0, 0) without an error radius is interpreted as no position")
        return None
    if radius is None:
        containment, errors = None, (None, None)
    elif containment is not None:
        circles = {containment: radius, **circles}
    return Position(
        ra=ra,
        dec=dec,
        radius=radius,
        containment=containment,
        radius_50=circles.get(0.5),
        radius_90=circles.get(0.9),
        statistical=errors[0],
        systematic=errors[1],
    )


def involved_event(
    parser: FieldParser, where: str, texts: Texts, number: int, containment: float | None
) -> InvolvedEvent:
    """Return a detector event of an alert from its group of values; energies are in GeV."""
    identifier = texts.get("id") or texts.get("event_name")
    if not identifier:
        identifier = f"event {number}"
        parser.remark(f"{where}/id: missing; {identifier!r} is used instead")
    radius = parser.radius(f"{where}/ra_dec_error", texts.get("ra_dec_error"))
    stated = parser.probability(
        f"{where}/containment_probability", texts.get("containment_probability")
    )
    return InvolvedEvent(
        event_id=identifier,
        mjd=parser.mjd(f"{where}/trigger_time", texts.get("trigger_time")),
        ra=parser.right_ascension(f"{where}/ra", texts.get("ra")),
        dec=parser.declination(f"{where}/dec", texts.get("dec")),
        radius=radius,
        containment=None if radius is None else (containment if stated is None else stated),
        cos_zenith=parser.number(
            f"{where}/cos_zenith", texts.get("cos_zenith"), "a cosine from -1 to 1", -1, 1
        ),
        topology=texts.get("prob_evt_topology") or texts.get("alert_topology"),
        energy=parser.energy(f"{where}/energy_measured", texts.get("energy_measured"), "GeV"),
    )


def counterpart(parser: FieldParser, where: str, texts: Texts) -> Counterpart:
    """Return a possible counterpart of an alert from its group of values."""
    reference = texts.get("reference")
    if reference and (match := _ONE_PYTHON_ITEM.fullmatch(reference)):
        # KM3NeT's VOEvents contain the JSON object in Python's notation
        reference = match[1]
    return Counterpart(
        name=texts.get("name") or texts.get("ref_id") or texts.get("event_name"),
        ra=parser.right_ascension(f"{where}/ra", texts.get("ra")),
        dec=parser.declination(f"{where}/dec", texts.get("dec")),
        radius=parser.radius(f"{where}/ra_dec_error", texts.get("ra_dec_error")),
        mjd=parser.mjd(f"{where}/trigger_time", texts.get("trigger_time")),
        angular_distance=parser.number(
            f"{where}/angular_distance", texts.get("angular_distance"), "an angle in deg", 0, 180
        ),
        reference=reference,
        description=texts.get("description") or texts.get("ref_type"),
    )


def energy_of(
    events: tuple[InvolvedEvent, ...], energy: float | None, profile: Profile
) -> tuple[float | None, str | None]:
    """Return the energy of an alert and its kind; for a single event, the event's energy."""
    if energy is None and len(events) == 1:
        energy = events[0].energy
    return energy, None if energy is None else profile.energy_kind


def role_of(tense: str | None, profile: Profile) -> Role:
    """Return the role that corresponds to ``alert_tense`` in GCN's schema."""
    roles = {"test": Role.TEST, "planned": Role.PREDICTION, "commanded": Role.UTILITY}
    return roles.get((tense or "").strip().lower(), profile.role)
