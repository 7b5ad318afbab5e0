"""The keys of identity providers, with which tokens are checked.

Keys are fetched when a token asks for them, never while a request is being answered, and kept. A
provider that is away for less than a day is not missed.

This runs in the Python of DaCHS, of which it uses nothing.
"""

import http.client
import json
import threading
import time
import urllib.parse
import urllib.request

import jwt

ALGORITHMS = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "P-256": ("ES256",),
    "P-384": ("ES384",),
    "P-521": ("ES512",),
    "Ed25519": ("EdDSA",),
}
"""By type of a public key or its curve: the signatures that are accepted; no others, such as
``none`` and those with a shared secret."""
_FRESH = 15 * 60
"""For how many seconds keys are not asked for again."""
_KEPT = 24 * 3600
"""For how many seconds they are used if the provider does not answer."""
_PAUSE = 10
"""Seconds between two attempts, so that tokens with invented keys are no load for a provider."""
_TIMEOUT = 10
"""Seconds for an answer of a provider."""
_LARGEST = 256 * 1024
"""Bytes of an answer of a provider."""
_MOST_KEYS = 64
_SHORTEST_RSA = 2048
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class IssuerError(Exception):
    """The keys of a provider could not be fetched; the message is for the log."""


class Issuer:
    """An identity provider.

    Parameters
    ----------
    url : str
        Its name, from which the address of its description follows.
    """

    def __init__(self, url):
        self.url = url
        self._keys = {}
        self._fetched = self._tried = float("-inf")
        self._lock = threading.Lock()

    def key(self, kid):
        """Return a key and the algorithms for which it is; None if there is no such key.

        Parameters
        ----------
        kid : str or None
            The name of the key; a provider with one key need not name it.
        """
        if time.monotonic() - self._fetched > _KEPT:
            return None
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid)

    @property
    def is_known(self):
        """Whether there are keys at all."""
        return bool(self._keys) and time.monotonic() - self._fetched <= _KEPT

    @property
    def is_due(self):
        """Whether the keys should be asked for again, although they may still be used."""
        return time.monotonic() - self._fetched > _FRESH and self.may_be_asked

    @property
    def may_be_asked(self):
        """Whether the last attempt was long enough ago."""
        return time.monotonic() - self._tried > _PAUSE

    def fetch(self):
        """Ask for the keys, which takes a while; those that are known stay if this fails.

        Raises
        ------
        IssuerError
            If they could not be fetched.
        """
        with self._lock:
            if not self.may_be_asked:
                return
            try:
                self._keys = _keys(self.url)
                self._fetched = time.monotonic()
            finally:
                self._tried = time.monotonic()


def _keys(issuer):
    described = _document(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if described.get("issuer") != issuer:
        raise IssuerError(f"{issuer} calls itself {described.get('issuer')!r:.200}")
    address = described.get("jwks_uri")
    if not isinstance(address, str):
        raise IssuerError(f"{issuer} does not say where its keys are")
    listed = _document(address).get("keys")
    if not isinstance(listed, list):
        raise IssuerError(f"{address} has no list of keys")
    keys = {}
    for one in listed[:_MOST_KEYS]:
        if isinstance(one, dict) and (usable := _usable(one)):
            keys[one.get("kid")] = usable
    if not keys:
        raise IssuerError(f"{address} has no key that can be used")
    return keys


def _usable(one):
    """Return a key and its algorithms; None if tokens cannot be signed with it."""
    kind = one.get("kty") if one.get("kty") == "RSA" else one.get("crv")
    algorithms = ALGORITHMS.get(kind) if isinstance(kind, str) else None
    if not algorithms or one.get("use", "sig") != "sig":
        return None
    if "alg" in one:
        algorithms = tuple(name for name in algorithms if name == one["alg"])
    if not algorithms or not isinstance(one.get("kid"), (str, type(None))):
        return None
    try:
        key = jwt.PyJWK(one, algorithms[0]).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    # private keys have no place in such a list
    if not hasattr(key, "verify") or (kind == "RSA" and key.key_size < _SHORTEST_RSA):
        return None
    return key, algorithms


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def _document(address):
    """Return a JSON object of a provider."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme != "https" and (parts.scheme != "http" or parts.hostname not in _LOOPBACK):
        raise IssuerError(f"{address:.200} is not an address with https")
    deadline = time.monotonic() + _TIMEOUT
    try:
        opener = urllib.request.build_opener(_NoRedirection)
        asked = urllib.request.Request(address, headers={"Accept": "application/json"})
        with opener.open(asked, timeout=_TIMEOUT) as reply:
            content = b""
            while part := reply.read1(_LARGEST):
                content += part
                if len(content) > _LARGEST or time.monotonic() > deadline:
                    raise IssuerError(f"{address} sends too much, or too slowly")
        found = json.loads(content)
    except (OSError, ValueError, RecursionError, http.client.HTTPException) as problem:
        raise IssuerError(f"{address}: {problem!r:.300}") from problem
    if not isinstance(found, dict):
        raise IssuerError(f"{address} is no JSON object")
    return found
