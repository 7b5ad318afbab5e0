"""The client that sent a request.

This runs in the Python of DaCHS.
"""

import functools
import ipaddress


def client_of(request):
    """Return a name for the client that sent a request.

    Limits per client count requests by this name. It is the address of the client, and for IPv6
    the network of 64 bits that one subscriber has. Behind a proxy it is the last address in
    ``X-Forwarded-For``, which the proxy wrote. The header is ignored in requests from elsewhere
    than the ``sources`` of ``[proxy]``, which could pretend to come from anywhere.

    Parameters
    ----------
    request : twisted.web.http.Request
        The request.

    Returns
    -------
    str
        The client's address or network.
    """
    return _name(_peer(*_seen(request)))


def client_at(host, forwarded):
    """Return the same from the address of the connection, and the last ``X-Forwarded-For``."""
    return _name(_peer(host, forwarded))


def is_public(request):
    """Return whether a request came from the public network."""
    peer = _peer(*_seen(request))
    return peer is not None and peer.is_global


def _seen(request):
    forwarded = request.requestHeaders.getRawHeaders("x-forwarded-for") or [""]
    return request.getClientAddress().host, forwarded[-1]


def _peer(host, forwarded):
    peer = _address(host)
    if peer is None or any(peer in network for network in _sources()):
        peer = _address(forwarded.rpartition(",")[2].strip()) or peer
    return peer


@functools.cache
def _sources():
    """Return the networks from which proxies connect."""
    # imported late, because tests use this module without the others
    from .settings import settings

    return [ipaddress.ip_network(one) for one in settings("proxy")["sources"]]


def public_client(host):
    """Return the name of a client that connects from a public address; None for other hosts."""
    peer = _address(host)
    return _name(peer) if peer is not None and peer.is_global else None


def _name(peer):
    if peer is not None and peer.version == 6:
        return str(ipaddress.ip_network((peer, 64), strict=False))
    return str(peer)


def _address(text):
    """Return an address, with IPv4 addresses in IPv6 notation as IPv4; None if it is not one."""
    try:
        address = ipaddress.ip_address(text)
    except (TypeError, ValueError):
        return None
    return getattr(address, "ipv4_mapped", None) or address
