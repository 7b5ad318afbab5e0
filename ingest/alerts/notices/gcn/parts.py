"""Parts of a notice in JSON: direction, events, counterparts, and the sky map within it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from typing import Final

from ingest.alerts.notices import shared
from ingest.alerts.notices.fields import Reader
from ingest.alerts.notices.gcn.parameters import Object, strings_of, text_of, texts_of
from ingest.alerts.notices.model import Citation, Counterpart, InvolvedEvent, Position
from ingest.alerts.notices.profiles import Profile

_BLANKS: Final = re.compile(r"\s+")
_DEFAULT_CONTAINMENT: Final = 0.9
"""Of the core schema, where ``containment_probability`` is absent."""
_FITS: Final = b"SIMPLE  ="
_LVK_ALERT: Final = "ivo://gwnet/LVC#"


def position(notice: Object, reader: Reader) -> Position | None:
    """Return the direction with its circle, or None."""
    place, where = notice, ""
    if notice.get("ra") is None and isinstance(notice.get("most_probable_direction"), Object):
        place, where = notice["most_probable_direction"], "most_probable_direction/"
    texts = texts_of(place)
    circles: dict[float, float] = {}
    for name, level in (("src_error_50", 0.5), ("ra_dec_error_50", 0.5), ("ra_dec_error_90", 0.9)):
        if (circle := reader.radius(f"{where}{name}", texts.get(name))) is not None:
            circles.setdefault(level, circle)
    radius = _radius(place, f"{where}ra_dec_error", reader)
    systematic = place.get("systematic_included")
    errors = (True, systematic) if isinstance(systematic, bool) else (None, None)
    return shared.position(
        reader,
        (f"{where}ra", f"{where}dec"),
        (texts.get("ra"), texts.get("dec")),
        radius,
        circles,
        _containment(texts, f"{where}containment_probability", reader),
        errors,
    )


def _radius(place: Object, where: str, reader: Reader) -> float | None:
    """Return the radius of the circle, or the larger semi-axis of an ellipse."""
    error = place.get("ra_dec_error")
    if error is None and place.get("uncertainty_shape") == "circle":
        # the schema before version 2
        error = place.get("ra_uncertainty")
    axes = error[:2] if isinstance(error, list) else [error]
    radii = [r for axis in axes if (r := reader.radius(where, text_of(axis))) is not None]
    if len(axes) == 2 and radii:
        reader.remark(f"{where}: an ellipse; its larger semi-axis is taken as the radius")
    return max(radii, default=None)


def _containment(texts: shared.Texts, where: str, reader: Reader) -> float:
    text = texts.get("containment_probability")
    value = reader.number(where, text, "a probability", 0, 100)
    if value is not None and value > 1:
        reader.remark(f"{where}: {text} is taken as per cent")
        value /= 100
    return _DEFAULT_CONTAINMENT if value is None else value


def events(notice: Object, reader: Reader, profile: Profile) -> tuple[InvolvedEvent, ...]:
    """Return the detector's events that the alert is made of."""
    found = []
    for key in ("event_details", "coincident_events"):
        items = notice.get(key)
        for number, item in enumerate(items if isinstance(items, list) else [], start=1):
            if isinstance(item, Object):
                texts = {**texts_of(item.get("localization")), **texts_of(item)}
                level = profile.containment or _DEFAULT_CONTAINMENT
                where = f"{key}[{number}]"
                found.append(shared.involved_event(reader, where, texts, number, level))
    return tuple(found)


def counterparts(notice: Object, reader: Reader) -> tuple[Counterpart, ...]:
    """Return the possible counterparts; a text instead of a list says that there are none."""
    found = []
    items = notice.get("counterpart_info")
    for number, item in enumerate(items if isinstance(items, list) else [], start=1):
        if isinstance(item, Object):
            reference = item.get("reference")
            texts = texts_of(item)
            if isinstance(reference, Object):
                pairs = [(key, text) for key, text in texts_of(reference).items() if text]
                texts["reference"] = (
                    pairs[0][1]
                    if len(pairs) == 1
                    else "; ".join(f"{key}: {text}" for key, text in pairs) or None
                )
            found.append(shared.counterpart(reader, f"counterpart_info[{number}]", texts))
    if known := text_of(notice.get("known_source")):
        found.append(Counterpart(name=known, description="known source"))
    return tuple(found)


def citations(notice: Object) -> tuple[Citation, ...]:
    """Return the LVK's notices and the coincident ones that are referred to."""
    found = []
    for key, text in texts_of(notice.get("reference")).items():
        if "lvk" in key and text:
            found.append(Citation(ivorn=f"{_LVK_ALERT}{text}", kind="followup"))
    if ivorn := texts_of(notice.get("external_coinc")).get("ivorn"):
        found.append(Citation(ivorn=ivorn, kind="external_coinc"))
    return tuple(found)


def instruments(notice: Object) -> list[str]:
    """Return the instruments; the LVK's notices have them with the event."""
    event = notice.get("event")
    return strings_of(notice.get("instrument")) or (
        strings_of(event.get("instruments")) if isinstance(event, Object) else []
    )


def links(notice: Object) -> tuple[str, ...]:
    """Return where sky maps are to be had."""
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


def sky_map(notice: Object, reader: Reader) -> tuple[bytes | None, str]:
    """Return the sky map that came in the notice, and its path."""
    event = notice.get("event")
    for path, place, key in (
        ("healpix_file", notice, "healpix_file"),
        ("event/skymap", event if isinstance(event, Object) else Object(), "skymap"),
    ):
        text = text_of(place.get(key))
        if not text:
            continue
        try:
            content = base64.b64decode(_BLANKS.sub("", text), validate=True)
        except (binascii.Error, ValueError):
            reader.refuse(path, text, "a FITS file in base64")
            continue
        if _is_fits(content):
            return content, path
        reader.refuse(path, text, "a FITS file in base64")
    return None, ""


def _is_fits(content: bytes) -> bool:
    """Return whether bytes are a FITS file, compressed by gzip or not; nothing is unpacked."""
    if content.startswith(b"\x1f\x8b"):
        try:
            content = zlib.decompressobj(31).decompress(content[:65536], len(_FITS))
        except zlib.error:
            return False
    return content.startswith(_FITS)


def checksum(content: bytes) -> str:
    """Return what stands among the parameters for content that is kept elsewhere."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
