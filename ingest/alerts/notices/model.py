"""The typed model of an alert packet, the same for all collaborations and formats.

The parsers (:mod:`ingest.alerts.notices.voevent`, :mod:`ingest.alerts.notices.gcn`) convert the
content of a packet to a :class:`Notice`, from which the rows of the published tables are made.
The parameters of a notice hold every value of the packet, also those without a field here.

Directions are in ICRS degrees, times MJD in UTC, energies in GeV, rates in Hz, and probabilities
from 0 to 1. A value that the packet does not give is None, never 0 or -1.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, SkipValidation, model_validator

from ingest.core.errors import InputError


class PacketError(InputError):
    """A packet cannot be parsed; it goes to quarantine with this error as the reason."""


class Role(StrEnum):
    """Role of a packet, as defined by VOEvent."""

    OBSERVATION = "observation"
    PREDICTION = "prediction"
    UTILITY = "utility"
    TEST = "test"


class NoticeType(StrEnum):
    """Kind of a notice within its alert."""

    INITIAL = "initial"
    UPDATE = "update"
    RETRACTION = "retraction"


Degrees360 = Annotated[float, Field(ge=0, lt=360, allow_inf_nan=False)]
Declination = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Radius = Annotated[float, Field(ge=0, le=180, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Positive = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Mjd = Annotated[float, Field(ge=-678_941.0, lt=2_973_484.0, allow_inf_nan=False)]
"""Within the years 1 to 9999, the range of dates of PostgreSQL clients and astropy."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Parameter(NamedTuple):
    """One value of a packet and its path.

    A packet has dozens to thousands of them. Only the parsers create them, so they need no
    validation, and a named tuple takes a tenth of the time and memory of a validated model.

    Attributes
    ----------
    section : str
        The part of the packet: What, Who, WhereWhen, How, Why, Citations or VOEvent (the root
        element itself); ``json`` for a notice in JSON.
    path : str
        Group names or keys below the section, joined by ``/``. Values with the same path are
        distinguished only by their order.
    value : str or None
        The text exactly as in the packet; None if the element or key has no value.
    unit, ucd, data_type, description : str or None
        As in the packet.
    """

    section: str
    path: str
    value: str | None
    unit: str | None = None
    ucd: str | None = None
    data_type: str | None = None
    description: str | None = None


class Position(_Part):
    """A direction on the sky with its error circle.

    Attributes
    ----------
    ra, dec : float
        ICRS, deg.
    radius : float or None
        Radius of the error circle in deg.
    containment : float or None
        Probability that the source is within `radius`; None if the collaboration does not
        state it.
    radius_50, radius_90 : float or None
        Radii in deg at 50 % and 90 % containment, if the packet or the profile of its stream
        gives them.
    statistical, systematic : bool or None
        Whether `radius` includes the statistical and the systematic error.
    """

    ra: Degrees360
    dec: Declination
    radius: Radius | None = None
    containment: Fraction | None = None
    radius_50: Radius | None = None
    radius_90: Radius | None = None
    statistical: bool | None = None
    systematic: bool | None = None


class Rate(_Part):
    """A false-alarm rate.

    Attributes
    ----------
    hertz : float
        The rate in Hz.
    value, unit : float, str or None
        As in the packet.
    doubtful : bool
        Whether the unit in the packet cannot be correct and Hz was assumed instead.
    """

    hertz: Positive
    value: Finite
    unit: str | None = None
    doubtful: bool = False


class InvolvedEvent(_Part):
    """A single detector event of an alert.

    Attributes
    ----------
    event_id : str
        The collaboration's identifier; for KM3NeT ``km3.<det>.<run>.<frame>.<counter>``, as in
        the published event tables.
    mjd, ra, dec, radius, containment
        As in :class:`Notice` and :class:`Position`.
    cos_zenith : float or None
        Cosine of the zenith angle at the detector; in KM3NeT's notices +1 is up-going.
    topology : str or None
        Track, shower or another class of the event.
    energy : float or None
        Measured energy in GeV.
    """

    event_id: str
    mjd: Mjd | None = None
    ra: Degrees360 | None = None
    dec: Declination | None = None
    radius: Radius | None = None
    containment: Fraction | None = None
    cos_zenith: Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)] | None = None
    topology: str | None = None
    energy: Positive | None = None


class Counterpart(_Part):
    """A source or another event that may be related to the alert."""

    name: str | None = None
    ra: Degrees360 | None = None
    dec: Declination | None = None
    radius: Radius | None = None
    mjd: Mjd | None = None
    angular_distance: Radius | None = None
    reference: str | None = None
    description: str | None = None


class Citation(_Part):
    """Another packet that this one refers to.

    Attributes
    ----------
    ivorn : str
        Identifier of the cited packet.
    kind : str
        followup, supersedes, retraction, or another word of the packet.
    """

    ivorn: str
    kind: str


class Notice(_Part):
    """One alert packet.

    Attributes
    ----------
    ivorn : str
        The packet's identifier; for a notice in JSON see :func:`.gcn.identity.ivorn_of`.
    media_format : str
        ``voevent-1.1``, ``voevent-2.0``, ``voevent-2.1``, ``gcn-json`` or ``gcn-avro``.
    stream : str
        Short name of the stream, such as ``icecube/gold`` or ``km3net``; for a stream without
        a profile the ivorn without its local part, or the path of the JSON schema.
    event_name : str or None
        Name of the astronomical event, such as ``KM3-230213A``.
    ids : tuple of str
        Further identifiers of the event in the packet.
    event_key : str or None
        The same for all notices of one alert, in all formats; None for a packet that names
        its alert only by citations, or not at all.
    record_number : int or None
        As in the packet.
    revision : int or None
        Number that orders the versions of one alert.
    role : Role
        As in the packet.
    is_test, is_injection : bool
        Whether the packet declares in any way that it is a test or a simulated signal.
    notice_type : NoticeType
        Initial notice, update or retraction, by any of the ways in which packets express it.
    alert_type : str or None
        The packet's own word, such as EarlyWarning or Preliminary.
    event_mjd, notice_mjd : float or None
        Times of the event and of the notice.
    position : Position or None
        Direction of the source.
    energy : float or None
        Energy in GeV.
    energy_kind : str or None
        Description of `energy`, such as "most probable neutrino energy".
    far : Rate or None
        False-alarm rate.
    p_value, signalness : float or None
        Probability that background alone is at least as significant, and probability of an
        astrophysical origin.
    topology, pipeline, instrument : str or None
        As in the packet.
    n_events : int or None
        Number of detector events in the alert.
    events, counterparts, citations : tuple
        Detector events, possible counterparts and cited packets.
    sky_map_urls : tuple of str
        Addresses of sky maps.
    sky_map : bytes or None
        The sky map inside the packet.
    parameters : tuple of Parameter
        All values of the packet in their order. The content of `sky_map` is replaced by
        ``sha256:`` and its checksum.
    remarks : tuple of str
        What the parser noticed, such as doubtful units and invalid values, and how it treated
        them.
    """

    ivorn: str = Field(min_length=1)
    media_format: str
    stream: str = Field(min_length=1)
    event_name: str | None = None
    ids: tuple[str, ...] = ()
    event_key: str | None = None
    record_number: int | None = None
    revision: int | None = None
    role: Role = Role.OBSERVATION
    is_test: bool = False
    is_injection: bool = False
    notice_type: NoticeType = NoticeType.INITIAL
    alert_type: str | None = None
    event_mjd: Mjd | None = None
    notice_mjd: Mjd | None = None
    position: Position | None = None
    energy: Positive | None = None
    energy_kind: str | None = None
    far: Rate | None = None
    p_value: Fraction | None = None
    signalness: Fraction | None = None
    topology: str | None = None
    pipeline: str | None = None
    instrument: str | None = None
    n_events: Annotated[int, Field(ge=0)] | None = None
    events: tuple[InvolvedEvent, ...] = ()
    counterparts: tuple[Counterpart, ...] = ()
    citations: tuple[Citation, ...] = ()
    sky_map_urls: tuple[str, ...] = ()
    sky_map: bytes | None = None
    parameters: SkipValidation[tuple[Parameter, ...]] = ()
    remarks: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _role_and_is_test_agree(self) -> Self:
        if self.role is Role.TEST and not self.is_test:
            raise ValueError("a packet with role test must have is_test set")
        return self
