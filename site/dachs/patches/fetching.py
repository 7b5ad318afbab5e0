"""Fetches a file from a public server, without reaching anything that is not public.

This runs in the Python of DaCHS, of which it uses nothing.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
import urllib.parse

_REDIRECTIONS = 3
_REDIRECTED = (301, 302, 303, 307, 308)
_CHUNK = 1 << 16  # bytes
# These networks carry IPv4 addresses, which may be private.
_TRANSLATED = tuple(
    map(ipaddress.ip_network, ("64:ff9b::/32", "2001::/32", "2002::/16", "::/96", "fec0::/10"))
)


class FetchError(Exception):
    """A file could not be fetched; the message is for the log, and not for clients."""


def fetch(url, max_bytes, timeout):
    """Return the content of a file on a public server.

    The name of the server is resolved once, all its addresses have to be public, and the
    connection goes to one of them. The same holds for each redirection.

    Parameters
    ----------
    url : str
        The address, with the scheme http or https.
    max_bytes : int
        The largest file.
    timeout : float
        The longest time for everything except the resolution of names, in seconds.

    Returns
    -------
    bytes
        The content.

    Raises
    ------
    FetchError
        If there is no such file, or it is too large, or it takes too long, or an address is not
        public.
    """
    deadline = time.monotonic() + timeout
    for _ in range(_REDIRECTIONS + 1):
        try:
            url, content = _request(url, max_bytes, deadline)
        except (OSError, ValueError, http.client.HTTPException) as problem:
            raise FetchError(f"{url}: {problem!r}") from problem
        if url is None:
            return content
    raise FetchError(f"{url}: more than {_REDIRECTIONS} redirections")


def public_address(host, port):
    """Return an address of `host` to connect to.

    Raises
    ------
    ValueError
        If one of its addresses is not public, or belongs to this machine.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(entry[4][0].partition("%")[0]) for entry in found]
    for address in addresses:
        if not _is_public(address):
            raise ValueError(f"{address} is not a public address")
    return str(addresses[0])


def _is_public(address):
    if address.version == 6 and any(address in network for network in _TRANSLATED):
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    with socket.socket(family) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return True
    return False  # an address of this machine


def _request(url, max_bytes, deadline):
    """Return the URL to go on with, or None and the content."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("not a URL of HTTP without credentials")
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    link = socket.create_connection((public_address(parts.hostname, port), port), timeout=left)
    # Ends the exchange at the deadline even if the server sends a byte now and then.
    clock = threading.Timer(max(0.0, deadline - time.monotonic()), _cut, [link])
    clock.daemon = True
    clock.start()
    try:
        if secure:
            link = ssl.create_default_context().wrap_socket(link, server_hostname=parts.hostname)
        connection = http.client.HTTPConnection(parts.hostname, port)
        connection.sock = link
        path = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        connection.request("GET", path, headers={"Accept-Encoding": "identity"})
        reply = connection.getresponse()
        if reply.status in _REDIRECTED:
            return urllib.parse.urljoin(url, reply.headers["Location"] or ""), b""
        if reply.status != http.client.OK:
            raise ValueError(f"status {reply.status}")
        content = bytearray()
        while chunk := reply.read(_CHUNK):
            content += chunk
            if len(content) > max_bytes:
                raise ValueError(f"more than {max_bytes} bytes")
        if time.monotonic() > deadline:
            raise TimeoutError
        return None, bytes(content)
    finally:
        clock.cancel()
        link.close()


def _cut(link):
    """Shut a connection down, so that whoever waits for it goes on."""
    with contextlib.suppress(OSError):  # closed already
        link.shutdown(socket.SHUT_RDWR)
