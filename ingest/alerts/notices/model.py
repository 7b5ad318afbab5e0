"""What an alert packet says, in one typed model for all collaborations and formats.

The parsers (:mod:`ingest.alerts.notices.voevent`, :mod:`ingest.alerts.notices.gcn`) make a
:class:`Notice` from the bytes of a packet; the rows of the published tables are made from it.
What has no field of its own here is among the parameters, so nothing a packet says is lost.

Directions are ICRS degrees, times MJD in UTC, energies GeV, rates Hz, probabilities fractions.
What a packet does not say is None, never 0 or -1.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, InstanceOf, model_validator

from ingest.core.errors import InputError


class PacketError(InputError):
    """A packet cannot be understood; it goes to quarantine with the error as the reason."""


class Role(StrEnum):
    """What a packet is, as VOEvent says it."""

    OBSERVATION = "observation"
    PREDICTION = "prediction"
    UTILITY = "utility"
    TEST = "test"


class NoticeType(StrEnum):
    """Where a notice stands in the life of its alert."""

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
"""Between the years 1 and 9999, beyond which neither databases nor astropy have dates."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Parameter(NamedTuple):
    """One value of a packet under its path.

    A packet has dozens to thousands of them, as the parsers make them: a tuple is made and
    kept at a tenth of the cost of a model that checks its fields.

    Attributes
    ----------
    section : str
        The part of the packet: What, Who, WhereWhen, How, Why, Citations or VOEvent (the root
        itself); ``json`` for a notice in JSON.
    path : str
        Group names or keys from the section down, joined by ``/``. Where siblings share a
        name, they are told apart by `position` alone.
    value : str or None
        The text as it stands in the packet; None where there is none.
    unit, ucd, data_type, description : str or None
        As the packet has them.
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
        Probability that the source is within `radius`; None where the collaboration does not say.
    radius_50, radius_90 : float or None
        Radii in deg of the circles that contain the source with these probabilities, where the
        packet or its stream's rules give them.
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
    """A false alarm rate.

    Attributes
    ----------
    hertz : float
        The rate in Hz.
    value, unit : float, str or None
        As the packet has it.
    doubtful : bool
        Whether the unit in the packet cannot be right and another one was assumed.
    """

    hertz: Positive
    value: Finite
    unit: str | None = None
    doubtful: bool = False


class InvolvedEvent(_Part):
    """A single event of the detector that the alert is made of.

    Attributes
    ----------
    event_id : str
        As the collaboration names it; for KM3NeT ``km3.<det>.<run>.<frame>.<counter>``, which
        joins with the published event tables.
    mjd, ra, dec, radius, containment
        As in :class:`Notice` and :class:`Position`.
    cos_zenith : float or None
        Cosine of the zenith angle at the detector; KM3NeT's is +1 for an up-going event.
    topology : str or None
        Form of the event.
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
    """A source or another event that may belong to the alert."""

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
        Its identifier.
    kind : str
        followup, supersedes, retraction, or what else the packet says.
    """

    ivorn: str
    kind: str


class Notice(_Part):
    """One alert packet.

    Attributes
    ----------
    ivorn : str
        The packet's identifier; for a notice in JSON the one the archive makes from what
        identifies it.
    media_format : str
        ``voevent-1.1``, ``voevent-2.0``, ``voevent-2.1`` or ``gcn-json``.
    stream : str
        Short name of the stream, such as ``icecube/gold`` or ``km3net``; for streams without a
        profile the ivorn without its local part, or the path of the JSON schema.
    event_name : str or None
        Name of the astronomical event, such as ``KM3-230213A``.
    ids : tuple of str
        Further identifiers of the event in the packet.
    event_key : str or None
        The same for all notices of one alert, whatever their format; None where a packet has
        nothing but citations to say so.
    record_number : int or None
        As given.
    revision : int or None
        What the versions of one alert are ordered by.
    role : Role
        As given.
    is_test, is_injection : bool
        Whether the packet says in any way that nothing was observed.
    notice_type : NoticeType
        Where it stands, by any of the ways retractions are told.
    alert_type : str or None
        The packet's own word, such as EarlyWarning or Preliminary.
    event_mjd, notice_mjd : float or None
        When the event happened and when the notice was written.
    position : Position or None
        Where the source is.
    energy : float or None
        GeV.
    energy_kind : str or None
        What `energy` is, in words.
    far : Rate or None
        False alarm rate.
    p_value, signalness : float or None
        Probability of background alone, and of an astrophysical origin.
    topology, pipeline, instrument : str or None
        As the packet has them.
    n_events : int or None
        Number of detector events the alert is made of.
    events, counterparts, citations : tuple
        What the alert consists of and refers to.
    sky_map_urls : tuple of str
        Where sky maps are to be had.
    sky_map : bytes or None
        A sky map that came inside the packet.
    parameters : tuple of Parameter
        Everything the packet says, in its order, each value as it stands there. The content
        of `sky_map` is replaced by ``sha256:`` and its checksum.
    remarks : tuple of str
        What was noticed and done about it: doubtful units, positions that are none.
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
    parameters: tuple[InstanceOf[Parameter], ...] = ()
    remarks: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _tests_say_so(self) -> Self:
        if self.role is Role.TEST and not self.is_test:
            raise ValueError("a packet with the role test is a test")
        return self

    def without_bytes(self) -> dict[str, Any]:
        """Return the notice as plain values, for messages and comparisons."""
        return self.model_dump(mode="json", exclude={"sky_map"})
