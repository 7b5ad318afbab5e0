"""The file ``live.toml``: the streams to which the listener subscribes."""

from __future__ import annotations

import os
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, IPvAnyAddress, IPvAnyNetwork, field_validator, model_validator

from ingest.alerts.publishing import Sinks
from ingest.core.configuration import Port, ServiceName, StrictModel, load
from ingest.core.errors import ManifestError
from ingest.core.kafka import Credentials, Options, Servers, Topic
from ingest.instance import SITE_FILES

CONFIG_VARIABLE: Final = "KM3VO_LIVE"
"""Names another ``live.toml``."""
IVOID = Annotated[str, Field(pattern=r"^ivo://[A-Za-z0-9][A-Za-z0-9._~-]{2,}(/[A-Za-z0-9._~-]+)*$")]
"""An IVOA identifier without a local part."""
_SCIMMA: Final[dict[str, str | int | float | bool]] = {
    "security.protocol": "sasl_ssl",
    "sasl.mechanisms": "SCRAM-SHA-512",
}
_HOST_AND_PORT: Final = (
    r"^[A-Za-z0-9.\[\]:-]{1,255}:"
    r"([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$"
)
LOOPBACK: Final[tuple[IPvAnyNetwork, ...]] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


class _Topics(StrictModel):
    """Topics of brokers that speak Kafka.

    Attributes
    ----------
    name : str
        Name of the source, in tables and metrics.
    servers, topics : tuple of str
        Addresses of brokers, and the topics to subscribe to.
    group : str
        Under this name the broker keeps our offsets; a new group begins with the oldest message.
    credentials : str
        ``oauth`` for a client's id and secret, ``password`` for a user's name and password, or
        ``none``; see :mod:`ingest.core.credentials` for where they come from.
    heartbeat : str or None
        A topic whose messages only show that the broker works; they are not archived.
    heartbeat_timeout : float
        Time in s without one after which the source counts as silent.
    options : dict
        Further options of librdkafka.
    """

    name: ServiceName
    servers: Servers
    topics: Annotated[tuple[Topic, ...], Field(min_length=1)]
    group: Annotated[str, Field(min_length=1, max_length=200)]
    credentials: Credentials = "none"
    heartbeat: Topic | None = None
    heartbeat_timeout: Annotated[float, Field(gt=0)] = 30.0
    options: Options = Field(default_factory=dict)


class Kafka(_Topics):
    """``[[source]]`` with ``kind = "kafka"``."""

    kind: Literal["kafka"]


class Hop(_Topics):
    """``[[source]]`` with ``kind = "hop"``: streams of SCiMMA.

    Attributes
    ----------
    tests : bool
        Whether messages that their senders marked as tests are received. They are not marked in
        their content, so they would look like real ones.
    """

    kind: Literal["hop"]
    servers: Servers = ("kafka.scimma.org",)
    credentials: Credentials = "password"
    options: Options = Field(default_factory=lambda: dict(_SCIMMA))
    tests: bool = False


class Directory(StrictModel):
    """``[[source]]`` with ``kind = "directory"``.

    Attributes
    ----------
    name : str
        Name of the source.
    path : pathlib.Path
        A directory to watch. Writers rename files into it when they are complete; names that
        start with a dot are left alone. Files that have been received move to ``done/`` below it.
    interval : float
        Time in s between two looks.
    """

    kind: Literal["directory"]
    name: ServiceName
    path: Path
    interval: Annotated[float, Field(ge=0.01, le=3600)] = 0.2

    @field_validator("path")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        if not path.is_absolute():
            raise ValueError("an absolute path")
        return path


class VTP(StrictModel):
    """``[[source]]`` with ``kind = "vtp"``: a broker to subscribe to, or a receiver for authors.

    Attributes
    ----------
    name : str
        Name of the source.
    ivoid : str
        The identifier by which we answer.
    broker : str or None
        Host and port of a broker, to subscribe to it.
    silence : float
        Time in s without any message of the broker after which it is connected again.
    port : int or None
        The port on which authors submit to us.
    address : ipaddress.IPv4Address or ipaddress.IPv6Address
        The address of this machine on which they do.
    authors : dict of str to tuple of networks
        Who may submit, and from where. The names are shown as the origin of packets.
    """

    kind: Literal["vtp"]
    name: ServiceName
    ivoid: IVOID
    broker: Annotated[str, Field(pattern=_HOST_AND_PORT)] | None = None
    silence: Annotated[float, Field(ge=0.1, le=3600)] = 120.0
    port: Port | None = None
    address: IPvAnyAddress = IPv4Address("127.0.0.1")
    authors: Annotated[dict[ServiceName, tuple[IPvAnyNetwork, ...]], Field(min_length=1)] = Field(
        default_factory=lambda: {"local": LOOPBACK}
    )

    @model_validator(mode="after")
    def _one_role(self) -> VTP:
        if (self.broker is None) == (self.port is None):
            raise ValueError("either broker, to subscribe to it, or port, for authors")
        if self.port is None and self.model_fields_set & {"address", "authors"}:
            raise ValueError("address and authors only with port")
        return self


class Broadcaster(StrictModel):
    """``[broadcaster]``: the broker that sends our alerts to subscribers of VOEvents.

    Attributes
    ----------
    ivoid : str
        The identifier of the broker.
    port : int
        The port for subscribers.
    address : ipaddress.IPv4Address or ipaddress.IPv6Address
        The address of this machine on which they connect.
    subscribers : tuple of networks
        From where they may.
    submission_port : int
        The port on which this machine submits VOEvents, on 127.0.0.1 only.
    """

    ivoid: IVOID
    port: Port = 8099
    address: IPvAnyAddress = IPv4Address("127.0.0.1")
    subscribers: Annotated[tuple[IPvAnyNetwork, ...], Field(min_length=1)] = LOOPBACK
    submission_port: Port = 8098


class Metrics(StrictModel):
    """``[metrics]``: where Prometheus finds them, on this machine only; port 0 for nowhere."""

    port: Annotated[int, Field(ge=0, le=65535)] = 0


class LiveConfig(Sinks):
    """The content of ``live.toml``."""

    source: Annotated[
        tuple[Annotated[Kafka | Hop | Directory | VTP, Field(discriminator="kind")], ...],
        Field(min_length=1),
    ]
    metrics: Metrics = Metrics()
    broadcaster: Broadcaster | None = None

    @model_validator(mode="after")
    def _different(self) -> LiveConfig:
        names = [one.name for one in (*self.source, *self.sink)]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"different names of sources and sinks; {min(twice)} occurs twice")
        if reserved := {"matches", "outbox", "publish", "seals", "gaps"} & set(names):
            raise ValueError(f"another name than {min(reserved)}, which something else has")
        return self


def load_live(path: Path | None = None) -> LiveConfig:
    """Return the configuration of the listener.

    Parameters
    ----------
    path : pathlib.Path, optional
        The file. Default: the one that :data:`CONFIG_VARIABLE` names, or ``site/live.toml``.

    Raises
    ------
    ManifestError
        If it cannot be read or is not valid.
    """
    path = path or Path(os.environ.get(CONFIG_VARIABLE) or SITE_FILES / "live.toml")
    try:
        return load(path, LiveConfig)
    except ManifestError as error:
        if error.where and "options" in error.where:
            error.value = None  # it may contain a password
        raise
