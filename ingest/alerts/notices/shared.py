"""Parts of a notice that VOEvents and notices in JSON have in common."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

from ingest.alerts.notices.fields import Reader
from ingest.alerts.notices.model import Counterpart, InvolvedEvent, Position, Role
from ingest.alerts.notices.profiles import Profile

Texts = Mapping[str, str | None]
"""Values of one group of Params or one JSON object by their names in lower case."""

_WITH_SYSTEMATIC: Final = re.compile(
    r"stat\w*\.?\s*(?:\+|and|plus|&)\s*(?:the\s+)?sys|systematics? (?:error )?included", re.I
)
_WITHOUT_SYSTEMATIC: Final = re.compile(r"stat\w*\.?[ -]only|no systematic", re.I)
_ONE_PYTHON_ITEM: Final = re.compile(r"\{'[^']*': '(.*)'\}", re.S)
_TEST_IDENTIFIER: Final = re.compile(r"[MT]S?\d{5,6}[a-z]*\d*", re.ASCII)


def errors_included(words: str) -> tuple[bool | None, bool | None]:
    """Return whether an error includes the statistical and the systematic one, by its words."""
    if _WITHOUT_SYSTEMATIC.search(words):
        return True, False
    if _WITH_SYSTEMATIC.search(words):
        return True, True
    return None, None


def is_test_superevent(identifier: str | None) -> bool:
    """Return whether GraceDB made this identifier for a test (T) or mock data (M)."""
    return bool(identifier) and _TEST_IDENTIFIER.fullmatch(identifier or "") is not None


def position(
    reader: Reader,
    where: tuple[str, str],
    direction: tuple[str | None, str | None],
    radius: float | None,
    circles: dict[float, float],
    containment: float | None,
    errors: tuple[bool | None, bool | None],
    *,
    whole_sky: bool = False,
) -> Position | None:
    """Return a direction with its circle, or None where the packet has none.

    Parameters
    ----------
    reader : Reader
        Collects the remarks.
    where : tuple of str
        Places of right ascension and declination, for remarks.
    direction : tuple of str or None
        Right ascension and declination in deg, as they stand.
    radius : float or None
        Radius in deg.
    circles : dict
        Further radii in deg by their containment.
    containment : float or None
        Of `radius`, if none of the circles has the same radius.
    errors : tuple of bool or None
        Whether the statistical and systematic errors are included.
    whole_sky : bool
        Whether a radius of 180 deg or more was given.

    Notes
    -----
    (0, 0) without a radius, or with one that covers the sky, is what GCN writes where there
    is no position. A source there has a radius; so no real position is lost.
    """
    ra = reader.right_ascension(where[0], direction[0])
    dec = reader.declination(where[1], direction[1])
    if ra is None or dec is None:
        if (ra is None) != (dec is None):
            reader.remark(f"{where[0]}: one coordinate alone is no position")
        return None
    if radius is None and circles:
        containment = 0.9 if 0.9 in circles else max(circles)
        radius = circles[containment]
    elif radius is not None:
        same = [p for p, r in circles.items() if math.isclose(r, radius, rel_tol=1e-4)]
        if same and containment not in same:
            containment = max(same)
    if ra == 0 and dec == 0 and (radius is None or whole_sky):
        reader.remark(f"{where[0]}: (0, 0) without an error radius is taken as no position")
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
    reader: Reader, where: str, texts: Texts, number: int, containment: float | None
) -> InvolvedEvent:
    """Return one of the detector's events that an alert is made of; energies are in GeV."""
    identifier = texts.get("id") or texts.get("event_name")
    if not identifier:
        identifier = f"event {number}"
        reader.remark(f"{where}/id: missing; the event is called {identifier!r}")
    radius = reader.radius(f"{where}/ra_dec_error", texts.get("ra_dec_error"))
    said = reader.fraction(f"{where}/containment_probability", texts.get("containment_probability"))
    return InvolvedEvent(
        event_id=identifier,
        mjd=reader.time(f"{where}/trigger_time", texts.get("trigger_time")),
        ra=reader.right_ascension(f"{where}/ra", texts.get("ra")),
        dec=reader.declination(f"{where}/dec", texts.get("dec")),
        radius=radius,
        containment=None if radius is None else (containment if said is None else said),
        cos_zenith=reader.number(
            f"{where}/cos_zenith", texts.get("cos_zenith"), "a cosine from -1 to 1", -1, 1
        ),
        topology=texts.get("prob_evt_topology") or texts.get("alert_topology"),
        energy=reader.energy(f"{where}/energy_measured", texts.get("energy_measured"), "GeV"),
    )


def counterpart(reader: Reader, where: str, texts: Texts) -> Counterpart:
    """Return a source or another event that may belong to the alert."""
    reference = texts.get("reference")
    if reference and (match := _ONE_PYTHON_ITEM.fullmatch(reference)):
        # KM3NeT's VOEvents print the JSON object as Python would
        reference = match[1]
    return Counterpart(
        name=texts.get("name") or texts.get("ref_id") or texts.get("event_name"),
        ra=reader.right_ascension(f"{where}/ra", texts.get("ra")),
        dec=reader.declination(f"{where}/dec", texts.get("dec")),
        radius=reader.radius(f"{where}/ra_dec_error", texts.get("ra_dec_error")),
        mjd=reader.time(f"{where}/trigger_time", texts.get("trigger_time")),
        angular_distance=reader.number(
            f"{where}/angular_distance", texts.get("angular_distance"), "an angle in deg", 0, 180
        ),
        reference=reference,
        description=texts.get("description") or texts.get("ref_type"),
    )


def energy_of(
    events: tuple[InvolvedEvent, ...], energy: float | None, profile: Profile
) -> tuple[float | None, str | None]:
    """Return the energy of an alert and what it is; that of its event if there is but one."""
    if energy is None and len(events) == 1:
        energy = events[0].energy
    return energy, None if energy is None else profile.energy_kind


def role_of(tense: str | None, profile: Profile) -> Role:
    """Return the role for the ``alert_tense`` of GCN's schema."""
    roles = {"test": Role.TEST, "planned": Role.PREDICTION, "commanded": Role.UTILITY}
    return roles.get((tense or "").strip().lower(), profile.role)
