"""Parts of a notice in JSON: position, events, counterparts, citations and sky maps."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from typing import Final

from ingest.alerts.notices import common_fields
from ingest.alerts.notices.field_parser import FieldParser
from ingest.alerts.notices.gcn.parameters import Object, strings_of, text_of, texts_of
from ingest.alerts.notices.model import Citation, Counterpart, InvolvedEvent, Position
from ingest.alerts.notices.profiles import Profile

_WHITESPACE: Final = re.compile(r"\s+")
_DEFAULT_CONTAINMENT: Final = 0.9
"""Default of ``containment_probability`` in GCN's core schema."""
_FITS: Final = b"SIMPLE  ="
_GZIP: Final = b"\x1f\x8b"
_RELATED: Final = (
    ("known_source", "known source"),
    ("ref_id", "ref_type"),
    ("follow_up_event", "follow_up_type"),
)
"""Keys of a related source or event, and of what it is; or what it always is."""
_KM3NET_TOPICS: Final = "gcn.notices.km3net"
_LVK_ALERT: Final = "ivo://gwnet/LVC#"


def position(notice: Object, parser: FieldParser, profile: Profile) -> Position | None:
    """Return the position of the source with its error circle, or None."""
    part, where = notice, ""
    if notice.get("ra") is None and isinstance(notice.get("most_probable_direction"), Object):
        part, where = notice["most_probable_direction"], "most_probable_direction/"
    texts = texts_of(part)
    circles: dict[float, float] = {}
    for name, containment in (
        ("src_error_50", 0.5),
        ("ra_dec_error_50", 0.5),
        ("ra_dec_error_90", 0.9),
    ):
        if (circle := parser.radius(f"{where}{name}", texts.get(name))) is not None:
            circles.setdefault(containment, circle)
    radius = _radius(part, f"{where}ra_dec_error", parser)
    systematic = part.get("systematic_included")
    errors = (profile.statistical, profile.systematic)
    if isinstance(systematic, bool):
        errors = (True, systematic)
    return common_fields.position(
        parser,
        (f"{where}ra", f"{where}dec"),
        (texts.get("ra"), texts.get("dec")),
        radius,
        circles,
        _containment(texts, f"{where}containment_probability", parser),
        errors,
    )


def _radius(part: Object, where: str, parser: FieldParser) -> float | None:
    """Return the radius of the circle, or the larger semi-axis of an ellipse."""
    error = part.get("ra_dec_error")
    if error is None and part.get("uncertainty_shape") == "circle":
        # before version 2 of the schema
        error = part.get("ra_uncertainty")
    axes = error[:2] if isinstance(error, list) else [error]
    radii = [r for axis in axes if (r := parser.radius(where, text_of(axis))) is not None]
    if len(axes) == 2 and radii:
        parser.remark(f"{where}: an ellipse; its larger semi-axis is used as the radius")
    return max(radii, default=None)


def _containment(texts: common_fields.Texts, where: str, parser: FieldParser) -> float:
    text = texts.get("containment_probability")
    value = parser.number(where, text, "a probability", 0, 100)
    if value is not None and value > 1:
        parser.remark(f"{where}: {text} is interpreted as per cent")
        value /= 100
    return _DEFAULT_CONTAINMENT if value is None else value


def events(notice: Object, parser: FieldParser, profile: Profile) -> tuple[InvolvedEvent, ...]:
    """Return the detector events of the alert."""
    found = []
    for key in ("event_details", "coincident_events"):
        items = notice.get(key)
        for number, item in enumerate(items if isinstance(items, list) else [], start=1):
            if isinstance(item, Object):
                texts = {**texts_of(item.get("localization")), **texts_of(item)}
                containment = profile.containment or _DEFAULT_CONTAINMENT
                where = f"{key}[{number}]"
                found.append(
                    common_fields.involved_event(parser, where, texts, number, containment)
                )
    return tuple(found)


def counterparts(notice: Object, parser: FieldParser) -> tuple[Counterpart, ...]:
    """Return the possible counterparts; a text instead of their list means that none is known."""
    found = []
    items = notice.get("counterpart_info")
    for number, item in enumerate(items if isinstance(items, list) else [], start=1):
        if isinstance(item, Object):
            texts = texts_of(item)
            if isinstance(reference := item.get("reference"), Object):
                texts = {**texts, "reference": _reference(reference)}
            found.append(common_fields.counterpart(parser, f"counterpart_info[{number}]", texts))
    texts = texts_of(notice)
    for key, kind in _RELATED:
        if name := texts.get(key):
            found.append(Counterpart(name=name, description=texts.get(kind) or kind))
    return tuple(found)


def _reference(reference: Object) -> str | None:
    """Return the only value of a reference, or its keys and values as one text."""
    pairs = [(key, text) for key, text in texts_of(reference).items() if text]
    if len(pairs) == 1:
        return pairs[0][1]
    return "; ".join(f"{key}: {text}" for key, text in pairs) or None


def citations(notice: Object) -> tuple[Citation, ...]:
    """Return the cited notices: earlier ones, those of LIGO/Virgo/KAGRA, and coincident ones."""
    found = []
    for key, text in texts_of(notice.get("reference")).items():
        if "lvk" in key and text:
            found.append(Citation(ivorn=f"{_LVK_ALERT}{text}", kind="followup"))
        elif text and key.startswith(_KM3NET_TOPICS) and text.startswith("ivo://"):
            retracted = text_of(notice.get("alert_type")) == "retraction"
            found.append(Citation(ivorn=text, kind="retraction" if retracted else "supersedes"))
    if ivorn := texts_of(notice.get("external_coinc")).get("ivorn"):
        found.append(Citation(ivorn=ivorn, kind="external_coinc"))
    return tuple(found)


def instruments(notice: Object) -> list[str]:
    """Return the instruments; notices of LIGO/Virgo/KAGRA list them with the event."""
    event = notice.get("event")
    return strings_of(notice.get("instrument")) or (
        strings_of(event.get("instruments")) if isinstance(event, Object) else []
    )


def sky_map_urls(notice: Object) -> tuple[str, ...]:
    """Return the addresses of sky maps."""
    candidates = [*texts_of(notice).items(), *texts_of(notice.get("urls")).items()]
    return tuple(
        dict.fromkeys(
            text.strip()
            for key, text in candidates
            if ("healpix" in key or "skymap" in key)
            and text
            and text.strip().lower().startswith(("http://", "https://", "ftp://"))
        )
    )


def sky_map(notice: Object, parser: FieldParser) -> tuple[bytes | None, str]:
    """Return the sky map in the notice and its path; None and an empty path without a map."""
    event = notice.get("event")
    for path, part, key in (
        ("healpix_file", notice, "healpix_file"),
        ("event/skymap", event if isinstance(event, Object) else Object(), "skymap"),
    ):
        text = text_of(part.get(key))
        if text:
            if content := decode_fits(text):
                return content, path
            parser.reject(path, text, "a FITS file in base64")
    return None, ""


def other_maps(notice: Object, parser: FieldParser) -> dict[str, str]:
    """Return texts that replace further maps among the parameters, by the paths of these maps.

    The map of a gravitational wave and another event combined, which LIGO/Virgo/KAGRA add to
    their own, has megabytes.
    """
    part = notice.get("external_coinc")
    text = text_of(part.get("combined_skymap")) if isinstance(part, Object) else None
    content = decode_fits(text) if text else None
    if content is None:
        return {}
    path = "external_coinc/combined_skymap"
    parser.remark(f"{path}: this map is only in the packet itself")
    return {path: checksum(content)}


def decode_fits(text: str) -> bytes | None:
    """Return the FITS file, plain or compressed by gzip, in a base64 text; None for other texts."""
    try:
        content = base64.b64decode(_WHITESPACE.sub("", text), validate=True)
        start = content[: len(_FITS)]
        if content.startswith(_GZIP):
            # only the first bytes are decompressed
            start = zlib.decompressobj(31).decompress(content[:65536], len(_FITS))
    except (ValueError, zlib.error):
        return None
    return content if start == _FITS else None


def checksum(content: bytes) -> str:
    """Return the text that replaces content stored elsewhere among the parameters."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
