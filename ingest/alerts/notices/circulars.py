"""GCN circulars: bulletins that astronomers write, as JSON of GCN's topic or of its archive.

Each edit is published again with the next version. The schema ``circulars.schema.json`` of
``@nasa-gcn/schema`` describes the topic; GCN's archive also has ``bibcode``, ``version``,
``editedOn`` and ``editedBy``. Seven circulars have fractional or negative numbers.

Circulars contain e-mail addresses, at least that of the submitter. They are personal data, and
nobody needs them for the science, so a :class:`Circular` has names only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ingest.alerts.notices.event_names import keys_in, names_in, names_of
from ingest.alerts.notices.field_parser import MAX_INTEGER
from ingest.alerts.notices.gcn.parameters import Object, texts_of
from ingest.alerts.notices.model import PacketError
from ingest.alerts.notices.times import FIRST_YEAR, LAST_YEAR
from ingest.core.timescales import unix_to_mjd

MAX_BODY: Final = 500_000
"""Maximum number of characters; PostgreSQL's index of words takes hardly more."""
ADDRESS: Final = "(e-mail address)"
"""Stands where a text had an e-mail address."""

_KEYS: Final = frozenset({"circularId", "subject", "body", "createdOn"})
_NUMBER: Final = re.compile(r"(-?\d{1,9})(?:\.0*|(\.\d*[1-9])0*)?", re.ASCII)
_VERSION: Final = re.compile(r"[1-9]\d{0,8}", re.ASCII)
_MILLISECONDS: Final = re.compile(r"-?\d{1,15}(?:\.\d{1,9})?", re.ASCII)
# Without backtracking, and beginning only where a word begins, so that no text takes quadratic
# time; without a maximum, so that no part of a long address is left.
_EMAIL: Final = re.compile(
    r"(?<![\w.%+-])[\w.%+-]++"
    r"(?:[@\uff20]|&#64;|\s{1,2}AT\s{1,2}|\s{0,2}[(\[]\s?(?:at|AT)\s?[)\]]\s{0,2})"
    r"[\w-]++(?:(?:\.|\s{0,2}[(\[]\s?(?:dot|DOT)\s?[)\]]\s{0,2})[\w-]++)+"
)
_IN_BRACKETS: Final = re.compile(rf"(?<!\s)\s*+<\s*+{re.escape(ADDRESS)}\s*+>")


@dataclass(frozen=True)
class Circular:
    """One version of a circular.

    Attributes
    ----------
    circular_id : str
        Its number, such as 33633; a few have a fraction or a sign.
    version : int
        1 for the original.
    subject, body : str
        The text, without e-mail addresses.
    event_name : str or None
        Name of the event according to GCN.
    names : tuple of str
        The names of its events, the main one first, then the keys of alerts whose numbers it
        contains; see :mod:`.event_names`.
    submitter : str
        Name and affiliation.
    created, edited : float or None
        Times of publication and of the edit, MJD in UTC.
    bibcode : str or None
        Its bibcode in ADS.
    text_format : str
        ``text/plain`` or ``text/markdown``.
    """

    circular_id: str
    version: int
    subject: str
    body: str
    event_name: str | None
    names: tuple[str, ...]
    submitter: str
    created: float | None
    edited: float | None
    bibcode: str | None
    text_format: str


def is_circular(document: Object) -> bool:
    """Return whether a JSON object is a circular, and not a notice."""
    return document.keys() >= _KEYS


def circular_of(document: Object) -> Circular:
    """Return the content of a circular.

    Raises
    ------
    PacketError
        If it has no number or no text, or its text is too long.
    """
    texts = texts_of(document)
    number = _NUMBER.fullmatch(texts["circularid"] or "")
    subject, body = texts["subject"], texts["body"]
    if number is None:
        raise PacketError(
            "the circular has no usable number",
            where="circularId",
            value=texts["circularid"],
            expected="a number such as 33633",
            remedy="leave it in quarantine",
        )
    if subject is None or body is None or len(subject) + len(body) > MAX_BODY:
        raise PacketError(
            "the circular has no text, or too much",
            where="subject, body",
            value=None if subject is None or body is None else f"{len(body)} characters",
            expected=f"texts of at most {MAX_BODY} characters",
            remedy="leave it in quarantine",
        )
    event = texts.get("eventid")
    names = [*names_of(event), *names_in(subject), *keys_in(body)]
    version = texts.get("version") or ""
    is_markdown = texts.get("format") == "text/markdown"
    return Circular(
        circular_id=number[1] + (number[2] or ""),
        version=min(int(version), MAX_INTEGER) if _VERSION.fullmatch(version) else 1,
        subject=without_addresses(subject),
        body=without_addresses(body),
        event_name=event and without_addresses(event),
        names=tuple(dict.fromkeys(names)),
        submitter=" ".join(without_addresses(texts.get("submitter") or "").split()),
        created=_mjd(texts["createdon"]),
        edited=_mjd(texts.get("editedon")),
        bibcode=texts.get("bibcode"),
        text_format="text/markdown" if is_markdown else "text/plain",
    )


def without_addresses(text: str) -> str:
    """Return a text with :data:`ADDRESS` in place of e-mail addresses, also of veiled ones.

    The address in angle brackets behind a name is left out.
    """
    return _IN_BRACKETS.sub("", _EMAIL.sub(ADDRESS, text))


def _mjd(milliseconds: str | None) -> float | None:
    """Return a Unix time in ms as MJD in UTC; None if it is missing or a placeholder."""
    if not milliseconds or not _MILLISECONDS.fullmatch(milliseconds):
        return None
    year = 1970 + float(milliseconds) / 1000 / (365.2425 * 86_400)
    if not FIRST_YEAR <= year < LAST_YEAR + 1:
        return None
    return float(unix_to_mjd(float(milliseconds) / 1000))
