"""A channel of Rocket.Chat, Mattermost or Slack as a sink, by its incoming webhook."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from ingest import __version__
from ingest.alerts.publishing.configuration import WebhookSink
from ingest.alerts.publishing.message import text
from ingest.alerts.publishing.sinks.sink import Outgoing, Receipt, SinkError
from ingest.core.credentials import credential
from ingest.core.errors import InputError
from ingest.core.http import certificates

_TIMEOUT: Final = 15.0
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")
_NOT_ABOUT_IT: Final = (401, 403, 404, 408, 410, 425, 429)
"""Responses of 400 to 499 that say nothing about the message, but that the channel is away."""
_HARMLESS: Final = str.maketrans({"`": "'", "<": "‹", ">": "›", "&": "+"})
"""In a block of code, these are what the three programs may interpret."""


class WebhookClient:
    """Posts each notice as a block of code, in which nothing is a link, a mention or a picture.

    Parameters
    ----------
    settings : WebhookSink
        Its table in ``live.toml``.

    Raises
    ------
    InputError
        If its address is missing, or not https.
    """

    def __init__(self, settings: WebhookSink) -> None:
        self._url = credential(settings.name, "url", "the address of the incoming webhook")
        try:
            parts = urlsplit(self._url)
            secure = parts.scheme == "https" or (
                parts.scheme == "http" and parts.hostname in _LOCAL
            )
        except ValueError:
            secure = False
        if not secure or not parts.hostname:
            # the address itself is a secret
            raise InputError(
                "the address of a webhook is not valid",
                where=f"the sink {settings.name}",
                expected="https://…",
                remedy="copy it again from the settings of the channel",
            )

    def send(self, notice: Outgoing) -> Receipt:
        """Post a message, and return when the server has accepted it."""
        import httpx  # half of the commands send nothing

        body = {"text": f"```\n{text(notice.facts).translate(_HARMLESS)}\n```"}
        try:
            # the answer itself is not read: it may never end
            with httpx.stream(
                "POST",
                self._url,
                json=body,
                timeout=_TIMEOUT,
                verify=certificates(True),
                headers={"User-Agent": f"km3net-vo/{__version__}"},
            ) as response:
                status = response.status_code
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            # the text of the error may contain the address
            raise SinkError(f"the server does not answer ({type(error).__name__})") from None
        if not 200 <= status < 300:
            about_notice = 400 <= status < 500 and status not in _NOT_ABOUT_IT
            raise SinkError(f"the server answers {status}", about_notice)
        return Receipt()

    def close(self) -> None:
        """Do nothing: each message has a connection of its own."""
