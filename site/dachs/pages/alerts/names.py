"""What alerts and their streams are called on pages.

Names come from packets, which anybody may have written. This needs only the standard library.
"""

import re
from datetime import datetime, timedelta

_WORDS = {
    "km3net": "KM3NeT",
    "antares": "ANTARES",
    "icecube": "IceCube",
    "hese": "HESE",
    "ehe": "EHE",
    "lvk": "for gravitational waves",
    "amon": "AMON",
    "nu-em": "neutrino–photon coincidences",
    "hawc": "HAWC",
    "super-kamiokande": "Super-Kamiokande",
    "snews": "SNEWS",
    "ligo-virgo-kagra": "LIGO–Virgo–KAGRA",
    "swift": "Swift",
    "guano": "GUANO",
    "bat": "BAT",
    "xrt": "XRT",
    "uvot": "UVOT",
    "fermi": "Fermi",
    "gbm": "GBM",
    "lat": "LAT",
    "integral": "INTEGRAL",
    "maxi": "MAXI",
    "agile": "AGILE",
    "konus": "Konus-Wind",
    "calet": "CALET",
    "gecam": "GECAM",
    "ipn": "IPN",
    "suzaku": "Suzaku",
    "svom": "SVOM",
    "grm": "GRM",
    "eclairs": "ECLAIRs",
    "mxt": "MXT",
    "vt": "VT",
    "einstein-probe": "Einstein Probe",
    "chime": "CHIME",
    "gaia": "Gaia",
    "4pisky": "4 Pi Sky",
    "asassn": "ASAS-SN",
    "moa": "MOA",
    "gcn": "GCN",
    "counterpart": "Counterparts",
}
"""Parts of the names of streams, as their observatories write them; others stay as they are."""
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\U000e0000-\U000e007f]+"
)
"""Characters that nobody sees, but which hide or turn round the text beside them."""
_LONGEST = 60
_MJD_ZERO = datetime(1858, 11, 17)


def visible(text):
    """Return a text of others without characters that hide what it says."""
    return " ".join(_INVISIBLE.sub(" ", str(text)).split())


def visible_lines(text):
    """Return a text of several lines without characters that hide what it says."""
    lines = (_INVISIBLE.sub("\ufffd", line) for line in text.expandtabs(2).splitlines())
    return "\n".join(lines)


def short(text, longest=_LONGEST):
    """Return the beginning of a text that is too long for a line."""
    text = visible(text)
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def stream_label(stream):
    """Return the name of a stream in words.

    Parameters
    ----------
    stream : str
        As in the column ``stream``, such as ``icecube/bronze``.

    Returns
    -------
    str
        Such as ``IceCube bronze``; the identifier itself for packets of unknown streams.
    """
    if stream.startswith("ivo://"):
        return short(stream.removeprefix("ivo://"), 40)
    return short(" ".join(_WORDS.get(part, part) for part in stream.split("/")))


def readable_name(alert):
    """Return the name of an alert: that of the event, or else the stream and the time.

    Parameters
    ----------
    alert : dict
        With the columns ``event_name``, ``stream``, ``event_mjd``, ``notice_mjd`` and ``alert_id``
        of a notice.

    Returns
    -------
    str
        Such as ``KM3-230213A``, or ``IceCube bronze, 2022-08-08 07:59``.
    """
    if name := short(alert["event_name"] or ""):
        return name
    label = stream_label(alert["stream"])
    for mjd in (alert["event_mjd"], alert["notice_mjd"]):
        if moment := _minute(mjd):
            return f"{label}, {moment}"
    return label if label in alert["alert_id"] else f"{label}, {short(alert['alert_id'])}"


def is_unverified(alert_id):
    """Return whether a notice only claims to be KM3NeT's; see the column ``alert_id``."""
    return alert_id.startswith("claimed/")


def _minute(mjd):
    """Return a time to the minute; None if there is none that a calendar knows."""
    if mjd is None:
        return None
    try:
        return str(_MJD_ZERO + timedelta(minutes=int(mjd * 1440)))[:16]
    except (OverflowError, ValueError):
        return None
