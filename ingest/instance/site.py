"""The settings of a data centre, and the configuration files made from them."""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from string import Template
from typing import Annotated, Any, Literal, Self
from xml.sax.saxutils import escape

from pydantic import AfterValidator, Field, model_validator

from ingest.core import privileges
from ingest.core.checkout import CHECKOUT
from ingest.core.configuration import Port, StrictModel, read_toml, validate

SITE_FILES = CHECKOUT / "site"
"""The settings (``site.toml``) and the templates of the configuration files."""
SITE_VARIABLE = "KM3VO_SITE"


def _is_line(text: str) -> str:
    # In DaCHS' files a line break starts another setting, and a backslash joins two lines.
    if not text or not text.isprintable() or text.endswith("\\"):
        raise ValueError("one line of printable text that does not end with a backslash")
    return text


Line = Annotated[str, AfterValidator(_is_line)]


def _is_address(text: str) -> str:
    return str(ipaddress.ip_address(text))


def _is_expression(text: str) -> str:
    try:
        re.compile(_is_line(text) if text else text)
    except re.error as error:
        raise ValueError(f"a regular expression ({error})") from None
    return text


_Count = Annotated[int, Field(gt=0)]


class SiteSection(StrictModel):
    """The server."""

    name: Line
    description: Line
    url: Annotated[str, Field(pattern=r"^(https?://[^\s/]+)?$")]
    bind_address: Annotated[str, AfterValidator(_is_address)]
    cors_origins: Annotated[str, AfterValidator(_is_expression)]


class ServerSection(StrictModel):
    """The processes of the server."""

    workers: Annotated[int, Field(ge=1, le=64)]
    drain_time: Annotated[int, Field(gt=0, le=3600)]


class AuthoritySection(StrictModel):
    """The naming authority in the VO registry."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]{2,}$")]
    title: Line
    short_name: Annotated[str, Field(max_length=12, pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]*$")]
    description: Line
    reference_url: Annotated[str, Field(pattern=r"^https?://\S+$")]
    created: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]


class PublisherSection(StrictModel):
    """The publisher of all resources."""

    name: Line


class ContactSection(StrictModel):
    """The contact for astronomers."""

    name: Line
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+[A-Za-z]$")]
    address: Line


class DatabaseSection(StrictModel):
    """The database server, if it is not the private one of the instance."""

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:_-]*$")]
    port: Port
    superuser: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]
    password_file: Annotated[str, Field(pattern=r"^(/\S*)?$")]
    sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
    root_certificate: Annotated[str, Field(pattern=r"^(/\S*)?$")]
    replica: Annotated[str, Field(pattern=r"^(([A-Za-z0-9._-]+|\[[0-9a-f:]+\]):\d{1,5})?$")]
    replica_lag: _Count

    @model_validator(mode="after")
    def _has_a_primary(self) -> Self:
        if self.replica and not self.host:
            raise ValueError("no replica without a host, which is its primary")
        return self


class RegistrySection(StrictModel):
    """The registries of the Virtual Observatory."""

    regtap: Annotated[str, Field(pattern=r"^https?://\S+$")]
    registry_of_registries: Annotated[str, Field(pattern=r"^https?://\S+$")]


class AlertsSection(StrictModel):
    """The public stream of the collaboration's alerts."""

    stream: Annotated[str, Field(pattern=r"^[a-z][a-z0-9+.-]*://[^\s<>\"]+$")]
    page: Annotated[str, Field(pattern=r"^https?://[^\s<>\"]+$")]


class ObscoreSection(StrictModel):
    """The words of ObsCore that standards do not agree on."""

    event_list: Literal["hea-event-list", "event-list", "event"]


_Repository = Annotated[str, Field(pattern=r"^https?://[^\s]+[^/\s]$")]


class DepositSection(StrictModel):
    """The repositories for data sets, and the prefixes of the collaboration's DOIs."""

    doi_prefixes: tuple[Annotated[str, Field(pattern=r"^10\.\d{4,9}$")], ...]
    datacite: _Repository
    datacite_prefix: Annotated[str, Field(pattern=r"^(10\.\d{4,9})?$")]
    zenodo: _Repository
    dataverse: _Repository
    dataverse_collection: Annotated[str, Field(pattern=r"^[A-Za-z0-9_:-]+$")]


class JobsSection(StrictModel):
    """Bounds of asynchronous jobs."""

    max_duration: _Count
    lifetime: _Count
    max_lifetime: _Count
    max_running: _Count
    max_running_per_client: _Count
    max_jobs: _Count
    max_jobs_per_client: _Count
    max_disk: _Count
    max_result: _Count
    url_uploads: bool


class LimitsSection(StrictModel):
    """What requests may use."""

    database_process: Annotated[int, Field(ge=400)]
    query_backend: Annotated[int, Field(ge=400)]
    query_process: Annotated[int, Field(ge=500)]
    server_process: Annotated[int, Field(ge=1000)]
    shared_buffers: _Count
    work_memory: _Count
    temporary_files: _Count
    database_connections: Annotated[int, Field(ge=50)]
    sync_running: _Count
    sync_queue: _Count
    sync_per_client: _Count
    sync_wait: _Count
    sync_time: _Count
    sync_total: _Count
    sync_cost: Annotated[float, Field(gt=0)]
    async_cost: Annotated[float, Field(gt=0)]
    service_threads: _Count
    service_queue: _Count
    service_per_client: _Count
    service_time: _Count
    sync_upload: _Count
    async_upload: _Count
    upload_rows: _Count
    upload_columns: _Count
    map_upload: _Count
    body: _Count
    header_time: _Count
    body_time: _Count
    read_time: _Count
    idle_time: _Count
    connections: _Count
    connections_per_client: _Count


class MetricsSection(StrictModel):
    """Where Prometheus reads metrics."""

    port: Annotated[int, Field(ge=1024, le=65535)]
    address: Annotated[str, AfterValidator(_is_address)]


def _is_network(text: str) -> str:
    return str(ipaddress.ip_network(text, strict=False))


_Network = Annotated[str, AfterValidator(_is_network)]
_Path = Annotated[str, Field(pattern=r"^(/[^\s\"'\\;{}$#]+)?$")]
_Port = Annotated[int, Field(ge=0, le=65535)]


class ProxySection(StrictModel):
    """nginx in front of the server."""

    address: Annotated[str, AfterValidator(lambda text: _is_address(text) if text else text)]
    port: Annotated[int, Field(ge=1, le=65535)]
    certificate: _Path
    key: _Path
    redirect_port: _Port
    hsts: Annotated[int, Field(ge=0)]
    balancers: tuple[_Network, ...]
    sources: tuple[_Network, ...]
    requests_per_second: _Count
    burst: _Count
    cache_size: _Count


class WebSection(StrictModel):
    """The web pages."""

    survey: Annotated[str, Field(pattern=r"^(https?://[^\s\"';,]+)?$")]


class LoginSection(StrictModel):
    """Logins by tokens of identity providers."""

    issuers: tuple[
        Annotated[
            str,
            Field(pattern=r"^(https://|http://(localhost|127\.0\.0\.1)[:/])[^\s?#\"\\@]+$"),
        ],
        ...,
    ]
    audience: tuple[Line, ...]
    group_claims: tuple[Line, ...]
    groups: dict[Line, Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]]
    leeway: Annotated[int, Field(ge=0, le=300)]
    client: Annotated[str, Field(pattern=r"^[\w.:/@-]*$")]
    client_secret_file: str
    scopes: tuple[Annotated[str, Field(pattern=r"^[\w.:/-]+$")], ...]
    gateway_port: _Port

    @model_validator(mode="after")
    def _is_complete(self) -> LoginSection:
        if self.issuers and not (self.audience and self.group_claims and self.groups):
            raise ValueError("with issuers: also audience, group_claims and groups")
        if "admin" in self.groups.values():
            raise ValueError("no group of administrators, because no token makes anybody one")
        return self


class Site(StrictModel):
    """All settings of a data centre; ``site/site.toml`` explains each one."""

    site: SiteSection
    server: ServerSection
    authority: AuthoritySection
    publisher: PublisherSection
    contact: ContactSection
    registry: RegistrySection
    alerts: AlertsSection
    obscore: ObscoreSection
    deposit: DepositSection
    jobs: JobsSection
    limits: LimitsSection
    metrics: MetricsSection
    proxy: ProxySection
    web: WebSection
    database: DatabaseSection
    login: LoginSection


def load_site() -> Site:
    """Return the settings in ``site/site.toml``, overridden by the file that ``KM3VO_SITE`` names.

    Raises
    ------
    ingest.core.errors.ManifestError
        If a file cannot be read, or a setting is not valid.
    """
    path = SITE_FILES / "site.toml"
    content = read_toml(path)
    if override := os.environ.get(SITE_VARIABLE):
        path = Path(override)
        for table, values in read_toml(path).items():
            if isinstance(values, dict) and isinstance(content.get(table), dict):
                content[table] |= values
            else:
                content[table] = values
    return validate(content, Site, path)


def render(site: Site, name: str, **more: Any) -> str:
    """Return a configuration file with the settings of the site filled in.

    Parameters
    ----------
    site : Site
        The settings.
    name : str
        A template in ``site/``.
    **more
        Settings of the instance, such as its port.

    Returns
    -------
    str
        The text, with values escaped as the format of the file requires.
    """
    values = {
        f"{section}_{key}": str(value)
        for section, settings in site.model_dump(exclude={"deposit"}).items()
        for key, value in settings.items()
    }
    values |= {"bind_address": site.site.bind_address, "cors_origins": site.site.cors_origins}
    values |= {key: str(value) for key, value in more.items()}
    if name.endswith(".rd"):
        values = {key: escape(value) for key, value in values.items()}
    if name == "gavo.rc":
        # DaCHS reads this file with configparser, which interpolates %(name)s.
        values = {key: value.replace("%", "%%") for key, value in values.items()}
    with privileges.caller():
        template = Template((SITE_FILES / name).read_text("utf-8"))
    return template.substitute(values)
