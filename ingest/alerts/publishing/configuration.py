"""The tables ``[[sink]]`` and ``[publish]`` of ``live.toml``: who gets alerts, and which ones."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from ingest.core.configuration import Port, ServiceName, StrictModel
from ingest.core.kafka import Credentials, Options, Servers, Topic

Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9.:-]{1,253}$")]
_ADDRESS: Final = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+")
Address = Annotated[str, Field(pattern=f"^{_ADDRESS.pattern}$", max_length=254)]


class Region(StrictModel):
    """Part of the sky: a circle (`ra`, `dec`, `radius` in deg, ICRS) or `moc`, an ASCII MOC."""

    ra: Annotated[float, Field(ge=0, lt=360)] | None = None
    dec: Annotated[float, Field(ge=-90, le=90)] | None = None
    radius: Annotated[float, Field(gt=0, le=180)] | None = None
    moc: Annotated[str, Field(pattern=r"^[0-9][0-9/ ,-]*$", max_length=100_000)] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Region:
        circle = [self.ra, self.dec, self.radius]
        complete = None not in circle and self.moc is None
        if not complete and not (circle == [None] * 3 and self.moc is not None):
            raise ValueError("either ra, dec and radius, or moc")
        return self


class Filter(StrictModel):
    """Which alerts a sink gets.

    Attributes
    ----------
    streams : tuple of str
        Streams of other observatories that are relayed as they arrive, such as ``icecube/gold``;
        ``*`` stands for any characters. Alerts published here need not be listed.
    far_below : float or None
        Highest false-alarm rate in Hz; alerts without one pass.
    region : Region or None
        The 90 % region of the alert must overlap it.
    tests : bool
        Whether a sink that is live gets tests as well.
    retractions : bool
        Whether it gets the retractions of alerts that it got.
    hours : float
        Older alerts of others are not relayed, for example after a long interruption.
    """

    streams: tuple[str, ...] = ()
    far_below: Annotated[float, Field(gt=0)] | None = None
    region: Region | None = None
    tests: bool = False
    retractions: bool = True
    hours: Annotated[float, Field(gt=0)] = 24.0


class _Sink(StrictModel):
    """What all sinks have.

    Attributes
    ----------
    name : str
        Its name, in tables and metrics.
    live : bool
        Whether it gets real alerts. Unless this is set, it gets tests, and nothing else.
    filter : Filter
        Which alerts it gets.
    """

    name: ServiceName
    live: bool = False
    filter: Filter = Filter()


class _BrokerSink(_Sink):
    @model_validator(mode="after")
    def _only_ours(self) -> _BrokerSink:
        if self.filter.streams:
            raise ValueError("no streams: only alerts published here are sent to brokers")
        if self.live and self.filter.tests:
            raise ValueError("no tests: a live topic gets real alerts only")
        return self


class KafkaSink(_BrokerSink):
    """``[[sink]]`` with ``kind = "kafka"``: a topic of a broker, for alerts published here.

    Attributes
    ----------
    servers : tuple of str
        Addresses of brokers.
    topic : str
        The topic.
    format : str
        ``json`` or ``voevent``.
    credentials, options
        As for a source.
    """

    kind: Literal["kafka"]
    servers: Servers
    topic: Topic
    format: Literal["json", "voevent"] = "json"
    credentials: Credentials = "none"
    options: Options = Field(default_factory=dict)


class VtpSink(_BrokerSink):
    """``[[sink]]`` with ``kind = "vtp"``: a VOEvent broker that takes packets of authors."""

    kind: Literal["vtp"]
    host: Host
    port: Port = 8098


class EmailSink(_Sink):
    """``[[sink]]`` with ``kind = "email"``: a mailing list.

    Attributes
    ----------
    host, port, security
        The server that accepts the mail: ``none``, ``starttls`` or ``tls``.
    sender : str
        Address of the sender.
    to : tuple of str
        Addresses of the recipients.
    credentials : str
        ``password`` if the server asks for a user's name and password.
    """

    kind: Literal["email"]
    host: Host
    port: Port = 25
    security: Literal["none", "starttls", "tls"] = "none"
    sender: Address
    to: Annotated[tuple[Address, ...], Field(min_length=1)]
    credentials: Literal["none", "password"] = "none"

    @model_validator(mode="after")
    def _secret(self) -> EmailSink:
        local = self.host in ("localhost", "127.0.0.1", "::1")
        if self.credentials == "password" and self.security == "none" and not local:
            raise ValueError("security = starttls or tls: a password must not be sent in the clear")
        return self


class WebhookSink(_Sink):
    """``[[sink]]`` with ``kind = "webhook"``: a channel of Rocket.Chat, Mattermost or Slack.

    Its address is a credential: ``url`` of the service with the name of the sink.
    """

    kind: Literal["webhook"]


Sink = Annotated[KafkaSink | VtpSink | EmailSink | WebhookSink, Field(discriminator="kind")]


class Publish(StrictModel):
    """``[publish]``: how alerts are published.

    Attributes
    ----------
    same_event : float
        Difference of trigger times in s up to which two pipelines found the same event.
    wait : float
        Time in s that ``km3vo alerts publish`` waits for the recipients.
    """

    same_event: Annotated[float, Field(ge=0, le=3600)] = 1.0
    wait: Annotated[float, Field(gt=0, le=3600)] = 30.0


class Sinks(StrictModel):
    """The part of ``live.toml`` about publication."""

    sink: tuple[Sink, ...] = ()
    publish: Publish = Publish()
