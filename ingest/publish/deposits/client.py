"""What the clients of all repositories share: requests, refusals, and further attempts."""

from __future__ import annotations

import ipaddress
import time
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any, Final, Self, TypeVar

import httpx

from ingest import __version__
from ingest.core.errors import IngestError, InputError, ManifestError
from ingest.core.http import certificates

PAUSES: Final = (1.0, 3.0, 9.0)
"""Waiting times between the attempts, in s."""
_LONGEST_PAUSE: Final = 120.0
"""How long we wait at most, in s, if a repository asks for it."""
_TRANSIENT: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
"""Status codes after which the same request may succeed: locked, busy, server error."""
Result = TypeVar("Result")


class TransientError(Exception):
    """A failure after which the request may be sent again.

    Parameters
    ----------
    reason : str
        What happened.
    wait : float
        For how long, in s, the repository wants us to wait.
    status : int
        The status of its answer.
    """

    def __init__(self, reason: str, wait: float = 0.0, status: int = 0) -> None:
        super().__init__(reason)
        self.wait, self.status = wait, status


class RefusedError(InputError):
    """The repository refuses a request, with a status."""

    status = 0


class Client:
    """A connection to a repository.

    Parameters
    ----------
    name : str
        The repository's name, for messages.
    url : str
        Its address.
    remedies : mapping
        What to do after a refusal, by status.
    timeout : float
        How long to wait for a response, in s.
    headers, auth
        The credentials.

    Raises
    ------
    ingest.core.errors.ManifestError
        If the credentials would be sent without encryption.
    """

    def __init__(
        self,
        name: str,
        url: str,
        remedies: Mapping[int, str],
        timeout: float,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
    ) -> None:
        self.name, self.url, self._remedies = name, url.rstrip("/"), remedies
        if not self.url.startswith("https://") and not is_local(self.url):
            raise ManifestError(
                "the credentials would be sent without encryption",
                where=f"[deposit] {name.lower()}",
                value=url,
                expected="an address that begins with https://",
                remedy="correct the site's file",
            )
        # following a redirect could send the credentials to another server
        self._http = httpx.Client(
            headers={"User-Agent": f"km3net-vo/{__version__}", **(headers or {})},
            auth=auth,
            timeout=timeout,
            verify=certificates(True),
            follow_redirects=False,
        )

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def send(self, method: str, path: str, **more: Any) -> Any:
        """Return the JSON of the response to a request.

        Parameters
        ----------
        method, path : str
            The request; the path is relative to the address, or an address on the same server.
        **more
            For :meth:`httpx.Client.request`.

        Raises
        ------
        RefusedError
            If the request was refused.
        TransientError, httpx.TransportError
            If it may be sent again.
        """
        reply = self._http.request(method, self._address(path), **more)
        if reply.status_code in _TRANSIENT:
            reason = f"it answers {reply.status_code}: {message(reply)}"
            raise TransientError(reason, _requested_pause(reply), reply.status_code)
        if not reply.is_success:
            refusal = RefusedError(
                f"{self.name} refuses the request",
                where=f"{method} {reply.url.copy_with(query=None)}",
                value=f"{reply.status_code} {message(reply)}".strip(),
                remedy=self._remedies.get(
                    reply.status_code, "correct what it reports, and try again"
                ),
            )
            refusal.status = reply.status_code
            raise refusal
        try:
            return reply.json()
        except ValueError:
            raise undocumented() from None

    def find(self, path: str, **more: Any) -> Any | None:
        """Return the JSON at `path`; None if it does not exist. See :meth:`send`."""
        try:
            return self.send("GET", path, **more)
        except RefusedError as refusal:
            if refusal.status == 404:
                return None
            raise

    def _address(self, path: str) -> str:
        address = urllib.parse.urljoin(f"{self.url}/", path)
        if not address.startswith(f"{self.url}/"):
            # it came in an answer: the credentials are for this server only
            raise TransientError(f"it refers to another server, {address}")
        return address


class Account:
    """An account at a repository; leaving the context closes its connection."""

    client: Client

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()


def repeat(attempt: Callable[[], Result], pauses: tuple[float, ...], client: Client) -> Result:
    """Return the result of `attempt`, which is repeated after transient failures.

    Raises
    ------
    ingest.core.errors.IngestError
        If all attempts fail, or the repository asks for a longer pause.
    """
    for pause in (*pauses, None):
        try:
            return attempt()
        except (TransientError, httpx.TransportError) as reason:
            wait = getattr(reason, "wait", 0.0)
            if pause is None or wait > _LONGEST_PAUSE:
                later = f"in {wait:.0f} s" if wait > _LONGEST_PAUSE else "later"
                raise IngestError(
                    f"{client.name} did not do what was requested",
                    where=client.url,
                    value=str(reason) or type(reason).__name__,
                    remedy=f"try again {later}: what exists by then is found, and not made twice",
                ) from None
            time.sleep(max(pause, wait))
    raise AssertionError


def undocumented() -> TransientError:
    """Return the error for a response that is not what the API documents."""
    return TransientError("its answer is not what its API documents")


def is_local(url: str) -> bool:
    """Return whether an address works on this machine only."""
    host = urllib.parse.urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def message(reply: httpx.Response) -> str:
    """Return what a response says: the fields of DataCite, Zenodo and Dataverse."""
    try:
        document = reply.json()
        parts = [document["message"]] if "message" in document else []
        for one in document.get("errors", ()):
            place = one.get("field") or one.get("source")
            text = one.get("title") or one.get("message") or ", ".join(one.get("messages", ()))
            parts.append(f"{place}: {text}" if place else text)
        return "; ".join(map(str, parts)) or reply.reason_phrase
    except (ValueError, KeyError, TypeError, AttributeError):
        return reply.reason_phrase


def _requested_pause(reply: httpx.Response) -> float:
    """Return for how long to wait, in s, by the headers that DataCite and Zenodo document."""
    try:
        if after := reply.headers.get("Retry-After"):
            return max(0.0, float(after))
        if reply.status_code == 429 and (reset := reply.headers.get("X-RateLimit-Reset")):
            return max(0.0, float(reset) - time.time())
    except ValueError:  # a date, which neither of them sends
        pass
    return 0.0
