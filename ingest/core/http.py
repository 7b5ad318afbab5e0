"""HTTP requests: one client library, one kind of error.

The library is loaded with the first request: half of the commands send none.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ingest import __version__
from ingest.core import privileges
from ingest.core.errors import NoAnswerError

if TYPE_CHECKING:
    import httpx


@contextmanager
def open_url(url: str, *, timeout: float = 60.0, proxies: bool = True) -> Iterator[httpx.Response]:
    """Send a GET request and yield the successful response; its body is not read yet.

    Parameters
    ----------
    url : str
        The address, ``http`` or ``https``; redirects are followed.
    timeout : float
        How long to wait, in s, for the connection and for each part of the body.
    proxies : bool
        Whether to use the proxies named in the environment; not for a server on this machine.

    Yields
    ------
    httpx.Response
        Its body is as the server stores it: no compression is negotiated, so that a checksum
        of :meth:`httpx.Response.iter_raw` is that of the file.

    Raises
    ------
    NoAnswerError
        If there is no complete response, or its status is not 200 to 299.
    """
    import httpx

    headers = {"User-Agent": f"km3net-vo/{__version__}", "Accept-Encoding": "identity"}
    try:
        client = httpx.Client(
            headers=headers,
            timeout=timeout,
            trust_env=proxies,
            verify=certificates(proxies),
            follow_redirects=True,
        )
    except (OSError, ValueError, ImportError) as error:  # bad proxy or certificate variables
        raise _no_answer(url, str(error)) from None
    try:
        with client, client.stream("GET", url) as response:
            if not response.is_success:
                raise _no_answer(url, f"{response.status_code} {response.reason_phrase}")
            yield response
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _no_answer(url, str(error) or type(error).__name__) from None


def get(url: str, *, timeout: float = 60.0, proxies: bool = True) -> bytes:
    """Return the body of the response to a GET request; see :func:`open_url`."""
    with open_url(url, timeout=timeout, proxies=proxies) as response:
        return response.read()


@functools.cache
def certificates(trust_env: bool) -> ssl.SSLContext:
    """Return the trusted certificates for all connections; loading them takes 0.1 s."""
    import httpx

    with privileges.caller():
        return httpx.create_ssl_context(trust_env=trust_env)


def _no_answer(url: str, reason: str) -> NoAnswerError:
    return NoAnswerError(
        "the server does not answer this request",
        where=url,
        value=reason,
        remedy="check the address, and whether the server is up",
    )
