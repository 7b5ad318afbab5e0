"""Notices in Avro, as LIGO/Virgo/KAGRA send them over SCiMMA: the same content as in JSON."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from itertools import islice
from typing import Any, Final

import fastavro

from ingest.alerts.notices.model import PacketError

MAGIC: Final = b"Obj\x01"
"""The first bytes of an Avro container, which has its schema with it (Avro 1.11)."""

_EXACT: Final = 2.0**53
"""Doubles below it represent each whole number."""


def json_of(content: bytes, largest: int) -> str:
    """Return the notice in an Avro container as JSON.

    Parameters
    ----------
    content : bytes
        The container, with one record. Bytes in it become base64, as they are in GCN's JSON, and
        whole numbers lose their fraction: a schema that an author's library guessed may store a
        record number as 1.0.
    largest : int
        Maximum number of characters of the JSON.

    Raises
    ------
    PacketError
        If it is not a container with one record, or the JSON is too large.
    """
    try:
        records = list(islice(fastavro.reader(BytesIO(content)), 2))
        text = [json.dumps(_whole(record), default=_text) for record in records]
    except Exception as error:  # its schema is the sender's: fastavro fails in many ways
        raise PacketError(
            "the Avro container cannot be read",
            value=f"{type(error).__name__}: {error}"[:200],
            expected="a container with a schema and a record",
            remedy="leave it in quarantine, or ask its author",
        ) from None
    if len(text) != 1:
        raise PacketError(
            "the Avro container does not have exactly one record",
            value="several" if text else "none",
            expected="one notice per packet",
            remedy="leave it in quarantine, or ask its author",
        )
    if len(text[0]) > largest:
        raise PacketError(
            "the Avro container expands to too much",
            value=f"{len(content)} bytes become {len(text[0])}",
            expected=f"at most {largest}",
            remedy="leave it in quarantine; compressed packets may be meant to exhaust memory",
        )
    return text[0]


def _whole(value: Any) -> Any:
    """Return a record whose floating-point numbers without a fraction are integers."""
    if isinstance(value, dict):
        return {key: _whole(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    return value


def _text(value: Any) -> str:
    """Return what JSON has no type for: bytes as base64, dates and decimals as they are written."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
