"""The configuration of the gateway at which browsers log in, made from ``site/gateway.conf``."""

from __future__ import annotations

import re
import urllib.parse
from pathlib import Path

from ingest.core.errors import InputError
from ingest.instance.proxy import fill
from ingest.instance.site import Site

_UNSAFE = re.compile(r"[\s\"'\\%$]")
"""What has a meaning in Apache's configuration, and is in no path or address here."""


def gateway_configuration(site: Site, directory: Path, user: str) -> str:
    """Return the configuration of Apache with mod_auth_openidc.

    Parameters
    ----------
    site : Site
        The settings.
    directory : pathlib.Path
        Where it keeps its files and its log.
    user : str
        The account of its workers if root starts it; otherwise empty.

    Raises
    ------
    InputError
        If settings are missing, or a path cannot be written into the configuration.
    """
    login = site.login
    missing = [
        name
        for name, value in (
            ("url in [site]", site.site.url),
            ("issuers", login.issuers),
            ("client", login.client),
            ("client_secret_file", login.client_secret_file),
        )
        if not value
    ]
    if missing:
        raise InputError(
            "the gateway has no settings",
            value=", ".join(missing),
            expected="the client that you registered at the first of the issuers",
            remedy="set them in the file that KM3VO_SITE names; docs/operations.md, Logins",
        )
    for path in (str(directory), login.client_secret_file):
        if _UNSAFE.search(path) or not Path(path).is_absolute():
            raise InputError(
                "Apache needs absolute paths without spaces, quotes and other special characters",
                value=path,
                remedy="choose another place",
            )
    values = {
        "port": str(login.gateway_port),
        "directory": str(directory),
        "error_log": f"{directory}/gateway.log",
        "user": user,
        "metadata": f"{login.issuers[0].rstrip('/')}/.well-known/openid-configuration",
        "client": login.client,
        "secret_file": login.client_secret_file,
        "url": site.site.url,
        "url_pattern": re.escape(site.site.url),
        "scopes": " ".join(login.scopes),
        "audience": urllib.parse.quote(login.audience[0], safe=""),
    }
    return fill("gateway.conf", values)
