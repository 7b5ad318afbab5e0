"""The configuration of nginx in front of the server, made from ``site/nginx.conf``."""

from __future__ import annotations

import ipaddress
import re
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingest.core import privileges
from ingest.core.errors import InputError
from ingest.instance.site import SITE_FILES, Site

_BLOCK: Final = re.compile(r"^@if (\w+)\n(.*?)^@end\n", re.DOTALL | re.MULTILINE)
_VALUE: Final = re.compile(r"@\{(\w+)\}")
_UNSAFE: Final = re.compile(r"[\s\"'\\;{}$#]")
"""What has a meaning in nginx' configuration, and is not in a path."""
_HOST: Final = re.compile(r"[A-Za-z0-9._:-]+")
_AUTHORITY: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d+)?")
_ACCOUNT: Final = re.compile(r"(?:[a-z_][a-z0-9_-]*)?")
_ALWAYS: Final = ("localhost", "127.0.0.1", "[::1]")
"""Names by which programs on the same machine look whether the server works."""
_MARGIN: Final = 60  # s


@dataclass(frozen=True)
class Places:
    """Where nginx keeps its files, and where it finds the server.

    Attributes
    ----------
    cache : str
        The directory of the cache and of temporary files.
    logs : str
        The directory of the logs; "-" for standard output and standard error.
    pid : str
        The file with the number of its process; a socket is next to it.
    user : str
        The account of its workers if root starts it; otherwise empty.
    host : str
        The address of the server.
    port : int
        The port of the first worker.
    workers : int
        The number of workers, which have successive ports.
    generation : str
        The link that the server renames whenever a release changes. If it is empty, only what
        never changes is kept in the cache.
    """

    cache: str
    logs: str
    pid: str
    user: str
    host: str
    port: int
    workers: int
    generation: str


def configuration(site: Site, places: Places) -> str:
    """Return the configuration of nginx.

    Parameters
    ----------
    site : Site
        The settings.
    places : Places
        Where files are, and where the server is.

    Raises
    ------
    InputError
        If the settings do not fit together, or a path has a character that nginx would not read
        as part of it.
    """
    url = urllib.parse.urlsplit(site.site.url)
    _check(site, url, places)
    tls = bool(site.proxy.certificate)
    listen = _socket(site.proxy.address, site.proxy.port)
    limits = site.limits
    values = {
        "user": places.user,
        "pid": places.pid,
        "cache": places.cache,
        "error_log": "stderr" if places.logs == "-" else f'"{places.logs}/error.log"',
        "access_log": "/dev/stdout" if places.logs == "-" else f'"{places.logs}/access.log"',
        # not in the cache: nginx refuses to start if one is left there after a power cut
        "socket": f"{places.pid}.sock",
        "generation": places.generation,
        "root": places.generation or places.cache,
        "tls": "yes" if tls else "",
        "certificate": site.proxy.certificate,
        "key": site.proxy.key,
        "hsts": str(site.proxy.hsts) if tls and site.proxy.hsts else "",
        "listen": f"{listen} ssl http2" if tls else listen,
        "redirect": _socket(site.proxy.address, site.proxy.redirect_port)
        if site.proxy.redirect_port
        else "",
        "gateway": f"127.0.0.1:{site.login.gateway_port}" if site.login.client else "",
        "url": site.site.url,
        "quoted_url": urllib.parse.quote(site.site.url, safe=""),
        "host": url.netloc or "localhost",
        "names": " ".join(dict.fromkeys([*filter(None, [_name(url)]), *_ALWAYS])),
        "scheme": url.scheme or ("https" if tls else "http"),
        "workers": "\n".join(
            f"        server {_socket(places.host, places.port + one)} max_fails=3 fail_timeout=5s;"
            for one in range(places.workers)
        ),
        "upstream_idle": str(max(1, limits.idle_time // 2)),
        "trusted": "\n".join(f"    set_real_ip_from {one};" for one in site.proxy.balancers),
        "requests_per_second": str(site.proxy.requests_per_second),
        "burst": str(site.proxy.burst),
        "delay": str(site.proxy.burst // 4),
        "cache_size": str(site.proxy.cache_size),
        "longest": str(limits.sync_wait + limits.sync_total + _MARGIN),
        "header_time": str(limits.header_time),
        "read_time": str(limits.read_time),
        "connections_per_client": str(limits.connections_per_client),
        "body": str(limits.body),
        "sync_upload": str(limits.sync_upload),
        "async_upload": str(limits.async_upload),
        "map_upload": str(limits.map_upload),
    }
    return fill("nginx.conf", values)


def fill(name: str, values: dict[str, str]) -> str:
    """Return a template in ``site/``: values, and the parts whose value is not empty."""
    with privileges.caller():
        template = (SITE_FILES / name).read_text("utf-8")
    chosen = _BLOCK.sub(lambda found: found[2] if values[found[1]] else "", template)
    return _VALUE.sub(lambda found: values[found[1]], chosen)


def _check(site: Site, url: urllib.parse.SplitResult, places: Places) -> None:
    if bool(site.proxy.certificate) != bool(site.proxy.key):
        raise InputError(
            "a certificate needs a key, and a key a certificate",
            value="[proxy] of the site's file",
            remedy="set certificate and key, or neither",
        )
    if site.proxy.certificate and url.scheme != "https":
        raise InputError(
            "there is a certificate, but the public address of the server is not https",
            value=site.site.url or "url is empty",
            remedy='set url in [site], such as url = "https://vo.example.org"',
        )
    if site.proxy.redirect_port and not site.proxy.certificate:
        raise InputError(
            "a redirect from http to https needs a certificate",
            value=f"redirect_port = {site.proxy.redirect_port}",
            remedy="set redirect_port = 0, or certificate and key",
        )
    paths = (places.cache, places.pid, places.generation, site.proxy.certificate, site.proxy.key)
    for path in (*paths, places.logs if places.logs != "-" else "/"):
        if path and (_UNSAFE.search(path) or not Path(path).is_absolute()):
            raise InputError(
                "nginx needs absolute paths without spaces, quotes and other special characters",
                value=path,
                remedy="choose another place",
            )
    if url.netloc and not _AUTHORITY.fullmatch(url.netloc):
        raise InputError(
            "nginx needs a public address that is a name or an address with an optional port",
            value=site.site.url,
            remedy='correct url in [site], such as url = "https://vo.example.org"',
        )
    if not _HOST.fullmatch(places.host):
        raise InputError(
            "this is not an address or a name of a host", value=places.host, remedy="correct --host"
        )
    if not _ACCOUNT.fullmatch(places.user):
        raise InputError(
            "this is not the name of an account", value=places.user, remedy="correct --user"
        )


def _name(url: urllib.parse.SplitResult) -> str:
    name = url.hostname or ""
    return f"[{name}]" if ":" in name else name


def _socket(address: str, port: int) -> str:
    if not address:
        return str(port)
    try:
        is_six = ipaddress.ip_address(address).version == 6
    except ValueError:
        is_six = False
    return f"[{address}]:{port}" if is_six else f"{address}:{port}"
