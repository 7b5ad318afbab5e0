"""What clients of Kafka brokers have in common: checked options, credentials that nobody sees."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Annotated, Final, Literal

from confluent_kafka import KafkaError, KafkaException
from pydantic import AfterValidator, Field

from ingest.core.credentials import credential
from ingest.core.errors import InputError

Topic = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
Servers = Annotated[tuple[str, ...], Field(min_length=1)]
Credentials = Literal["none", "oauth", "password"]
_RESERVED: Final = {
    "bootstrap.servers": "servers",
    "group.id": "group",
    "enable.auto.commit": "nothing: offsets are committed when rows are",
    "enable.auto.offset.store": "nothing: offsets are committed when rows are",
    "enable.idempotence": "nothing: it is always on",
    "acks": "nothing: all replicas confirm",
}
"""Options of the client that have keys of their own."""
_SECRETS: Final = (
    "password",
    "secret",
    "token",
    "username",
    "client.id",
    "key",
    "jaas",
    "userinfo",
)
"""Parts of the names of options with credentials."""
_HARMLESS: Final = ("client.id", "sasl.oauthbearer.token.endpoint.url")
_PLACES: Final = {
    "oauth": {
        "client_id": "sasl.oauthbearer.client.id",
        "client_secret": "sasl.oauthbearer.client.secret",
    },
    "password": {"username": "sasl.username", "password": "sasl.password"},
}
"""The options of librdkafka for credentials."""


def _no_credentials(
    options: dict[str, str | int | float | bool],
) -> dict[str, str | int | float | bool]:
    for option in options:
        if option in _RESERVED:
            raise ValueError(f"no {option}; use {_RESERVED[option]}")
        if option not in _HARMLESS and any(part in option for part in _SECRETS):
            # the message must not repeat the value
            raise ValueError(
                f"no {option}: credentials come from the environment or a private file"
            )
    return options


Options = Annotated[dict[str, str | int | float | bool], AfterValidator(_no_credentials)]
"""Further options of librdkafka, without credentials."""


def client_credentials(name: str, kind: Credentials, servers: Iterable[str]) -> dict[str, str]:
    """Return the options with the credentials of a broker.

    Parameters
    ----------
    name : str
        Name of the source or sink, below which :mod:`ingest.core.credentials` looks.
    kind : str
        ``oauth`` for a client's id and secret, ``password`` for a user's name and password.
    servers : iterable of str
        The brokers, for the error message.

    Raises
    ------
    InputError
        If one is missing.
    """
    source = f"the {kind} credentials of {', '.join(servers)}"
    return {option: credential(name, key, source) for key, option in _PLACES.get(kind, {}).items()}


class Redaction(logging.Filter):
    """Removes credentials from what is logged, also from what librdkafka says."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets = sorted(secrets, key=len, reverse=True)

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact a record, which is always kept."""
        record.msg, record.args = self.redacted(record.getMessage()), None
        return True

    def redacted(self, text: str) -> str:
        """Return a text without credentials."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def refused_option(owner: str, table: str, problem: str) -> InputError:
    """Return the error for an option that librdkafka does not accept.

    Parameters
    ----------
    owner, table : str
        Whose option it is, and the table of ``live.toml`` with the options.
    problem : str
        What librdkafka says, without credentials.
    """
    return InputError(
        "the client of Kafka refuses an option",
        where=owner,
        value=problem,
        expected="options of librdkafka",
        remedy=f"correct {table} in live.toml",
    )


def error_text(error: KafkaException) -> str:
    """Return what is wrong."""
    cause = error.args[0] if error.args else error
    return str(cause.str()) if isinstance(cause, KafkaError) else str(cause)
