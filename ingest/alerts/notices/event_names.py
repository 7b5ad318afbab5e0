"""Names of astronomical events in one form, so that packets and circulars can be joined by them.

The same event is called IceCube-170922A, IC170922A or ICECUBE 170922a. In the form used here a name
consists of its letters in upper case, its digits and plus signs: ICECUBE170922A. An event without
a name that people would use is identified by the key of its alert, such as
``icecube/137840_57034692``; circulars contain these numbers, too.

Which names occur in circulars is learnt from the subjects in GCN's archive, and from the test
cases of its website (github.com/nasa-gcn/gcn.nasa.gov).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ingest.alerts.notices.model import Notice

MAX_NAMES: Final = 20
"""Maximum number of names of one packet."""
_MAX_LENGTH: Final = 100
_MAX_TEXT: Final = 5000
"""Names are looked for in the first characters of a text only."""

_SEPARATORS: Final = r"[\s._-]{0,3}"
_NAMES: Final = re.compile(
    # at the beginning of a word, or directly after the name of a detector
    r"(?:(?<![A-Za-z0-9])|(?<=LIGO)|(?<=Virgo)|(?<=VIRGO)|(?<=KAGRA))(?:"
    + "|".join(
        pattern.replace("~", _SEPARATORS)
        for pattern in (
            r"(?i:KM3(?:NeT)?~\d{6}[A-Z]{1,2})",
            r"(?i:ANTARES~\d{6}[A-Z])",
            r"(?i:(?:IceCube|IC)~(?:Cascade~)?\d{6}[A-Z])",
            r"(?i:HAWC~\d{6}[A-Z])",
            r"(?i:(?:GRB|XRF)~\d{6}(?:[A-Z]|\.\d{1,3})?)",
            r"(?i:FRB~(?:\d{8}|\d{6})[A-Z]{0,3})",
            r"(?i:EPW?~\d{6}[A-Z]{1,2})",
            r"(?i:SN~(?:19|20)\d\d[A-Z]{1,7})",
            # "at 2000s" is no name
            r"AT~(?:19|20)\d\d[A-Za-z]{1,7}",
            r"(?i:ZTF~\d\d[A-Z]{7})",
            r"(?i:sb~\d{8})",
            r"(?i:GW~\d{6}(?:_\d{6})?)",
            r"(?i:M?S\d{6}[A-Z]{1,3})",
        )
    )
    # candidates of the first two observing runs of LIGO
    + r"|(?<=LIGO/Virgo )G\d{5,6})(?![A-Za-z0-9])"
)
_NOT_IN_NAMES: Final = re.compile(r"[^A-Z0-9+]")
_OTHER_FORMS: Final = (
    (re.compile(r"IC(?=(?:CASCADE)?\d{6}[A-Z]$)"), "ICECUBE"),
    (re.compile(r"KM3NET(?=\d{6}[A-Z]{1,2}$)"), "KM3"),
)
_NUMBERS: Final = (
    # (pattern, key): addresses of notices, and the words of Swift's and Fermi's circulars
    (re.compile(r"/notices_amon_(?:g_b|icecube_cascade)/(\d{5,7})_(\d{1,12})\.amon"), "icecube"),
    (re.compile(r"/notices_amon/(?P<event>\d{1,12})_(?P<run>\d{5,7})\.amon"), "icecube"),
    (re.compile(r"/notices_amon_hawc/(\d{1,9})_(\d{1,12})\.amon"), "hawc"),
    (re.compile(r"\(trigger\s{0,3}=\s{0,3}(\d{6,7})\)"), "swift"),
    (re.compile(r"\(trigger\s{0,3}=?\s{0,3}(\d{9})(?:\.\d{1,9})?\s{0,3}/\s{0,3}\d{9}\)"), "fermi"),
)


def normalised(name: str) -> str:
    """Return the form of a name that is compared: letters in upper case, digits and plus signs."""
    form = _NOT_IN_NAMES.sub("", name.upper())
    for other, usual in _OTHER_FORMS:
        form = other.sub(usual, form)
    return form


def names_in(text: str) -> list[str]:
    """Return the names of events in a text, normalised, in their order.

    Parameters
    ----------
    text : str
        Such as the subject of a circular.
    """
    found = _NAMES.finditer(text[:_MAX_TEXT])
    return _different(normalised(match[0]) for match in found)


def names_of(name: str | None) -> list[str]:
    """Return the names in a field for the name of an event; what is unknown, as a whole."""
    if not name:
        return []
    whole = normalised(name[:_MAX_TEXT])
    is_name = re.search("[A-Z]", whole) and re.search("[0-9]", whole) and len(whole) <= _MAX_LENGTH
    return names_in(name) or ([whole] if is_name else [])


def keys_in(text: str) -> list[str]:
    """Return the keys of alerts (:attr:`.Notice.event_key`) whose numbers a text contains.

    Parameters
    ----------
    text : str
        The body of a circular.
    """
    found = []
    for pattern, family in _NUMBERS:
        for match in pattern.finditer(text):
            parts = match.group("run", "event") if "run" in match.groupdict() else match.groups()
            found.append(f"{family}/{'_'.join(str(int(part)) for part in parts)}")
            if len(found) >= MAX_NAMES:
                break
    return _different(found)


def names_of_notice(notice: Notice) -> list[str]:
    """Return the names of a notice's event, then the key of its alert.

    Tests and injected signals have none: no circular is about them.
    """
    if notice.is_test or notice.is_injection:
        return []
    key = notice.event_key
    return _different([*names_of(notice.event_name), *([*names_in(key), key] if key else [])])


def _different(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))[:MAX_NAMES]
