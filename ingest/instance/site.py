"""The configuration of a data centre: one file of facts, and what DaCHS wants made of it."""

from __future__ import annotations

import os
from pathlib import Path
from string import Template
from typing import Annotated, Any
from xml.sax.saxutils import escape

from pydantic import Field

from ingest.configuration import StrictModel, read_toml, validate
from ingest.instance.layout import CHECKOUT

SITE_FILES = CHECKOUT / "site"
"""The facts (``site.toml``) and the templates of DaCHS' configuration files."""
SITE_VARIABLE = "KM3VO_SITE"

Line = Annotated[str, Field(min_length=1, pattern=r"^[^\r\n]*$")]
"""One line of text: a line break would start another setting in DaCHS' files."""


class SiteSection(StrictModel):
    """The server."""

    name: Line
    description: Line
    url: Annotated[str, Field(pattern=r"^(https?://[^\s/]+)?$")]
    bind_address: Annotated[str, Field(pattern=r"^[0-9A-Fa-f.:]+$")]
    cors_origins: Annotated[str, Field(pattern=r"^[^\r\n]*$")]


class AuthoritySection(StrictModel):
    """The naming authority in the VO registry."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]{2,}$")]
    title: Line
    short_name: Annotated[str, Field(min_length=1, max_length=12, pattern=r"^[^\r\n]*$")]
    description: Line
    reference_url: Annotated[str, Field(pattern=r"^https?://\S+$")]
    created: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]


class PublisherSection(StrictModel):
    """Who publishes."""

    name: Line


class ContactSection(StrictModel):
    """Whom an astronomer writes to."""

    name: Line
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
    address: Line


class Site(StrictModel):
    """All facts about a data centre; see ``site/site.toml`` for what each one is for."""

    site: SiteSection
    authority: AuthoritySection
    publisher: PublisherSection
    contact: ContactSection


def load_site() -> Site:
    """Return the site's facts: the project's own, overridden by the file ``KM3VO_SITE`` names.

    Raises
    ------
    ingest.errors.ManifestError
        If a file cannot be read or a fact is not usable.
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
    """Return DaCHS' configuration file `name` with the site's facts filled in.

    Parameters
    ----------
    site : Site
        The facts.
    name : str
        A template in ``site/``.
    **more
        Facts of the instance, such as its port.
    """
    facts = {
        f"{section}_{key}": value
        for section, values in site.model_dump().items()
        for key, value in values.items()
    }
    facts |= {"bind_address": site.site.bind_address, "cors_origins": site.site.cors_origins}
    facts |= {key: str(value) for key, value in more.items()}
    if name.endswith(".rd"):
        facts = {key: escape(value) for key, value in facts.items()}
    if name == "gavo.rc":
        # DaCHS reads this file with an ini parser, to which % means interpolation.
        facts = {key: value.replace("%", "%%") for key, value in facts.items()}
    template = Template((SITE_FILES / name).read_text("utf-8"))
    return template.substitute(facts)
