"""Clients that limits tell apart."""

from __future__ import annotations

import importlib.util
import ipaddress

import pytest

from ingest.core.checkout import CHECKOUT


@pytest.fixture(scope="module")
def clients():
    """Return the module; it runs in DaCHS' Python, and uses nothing of DaCHS."""
    path = CHECKOUT / "site" / "dachs" / "patches" / "clients.py"
    spec = importlib.util.spec_from_file_location("clients", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module._sources = lambda: [
        ipaddress.ip_network(one) for one in ("127.0.0.0/8", "172.20.0.0/16", "fd00:5::/64")
    ]
    return module


def test_all_addresses_of_an_ipv6_subscriber_are_one_client(clients) -> None:
    # a subscriber gets a network of 64 bits (RFC 6177)
    first, second, other = (
        clients.public_client(f"2a00:1450:4001:{place}")
        for place in ("812::200e", "812:ffff:1:2:3", "813::200e")
    )
    assert first == second
    assert first != other


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.1.2.3", "::1", "fd00::1", "::ffff:10.0.0.1", None]
)
def test_a_proxy_on_a_private_address_is_no_single_client(clients, host) -> None:
    assert clients.public_client(host) is None


@pytest.mark.parametrize(
    ("host", "forwarded", "client"),
    [
        ("127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("172.20.0.2", "198.51.100.7", "198.51.100.7"),
        ("::ffff:172.20.0.2", "198.51.100.7", "198.51.100.7"),
        ("fd00:5::2", "2a00:1450:4001:812::200e", "2a00:1450:4001:812::/64"),
        # what comes before the last address was written by the client
        ("127.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        # not the proxy, though on a private address
        ("10.1.2.3", "198.51.100.7", "10.1.2.3"),
        ("172.21.0.2", "198.51.100.7", "172.21.0.2"),
        ("203.0.113.9", "198.51.100.7", "203.0.113.9"),
        # a proxy that says nothing, or nonsense: all its visitors are one client
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "unknown", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.7, unknown", "127.0.0.1"),
    ],
)
def test_only_a_proxy_says_who_the_client_is(clients, host, forwarded, client) -> None:
    assert clients.client_at(host, forwarded) == client
