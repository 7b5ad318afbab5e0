"""Circulars as GCN's topic and archive have them; numbers, names and times are those of real ones.

Texts are shortened, and all addresses are invented.
"""

from __future__ import annotations

import json
from typing import Any, Final

ICECUBE: Final[dict[str, Any]] = {
    "$schema": "https://gcn.nasa.gov/schema/v7.2.3/gcn/circulars.schema.json",
    "eventId": "IceCube-230416A",
    "submitter": "A. E. Einstein at U. Alabama/IceCube  <einstein@example.edu>",
    "submittedHow": "email-legacy",
    "subject": "IceCube-230416A: IceCube observation of a high-energy neutrino candidate",
    "circularId": 33633,
    "body": "The IceCube Collaboration (http://icecube.wisc.edu/) reports:\n\nOn 2023-04-16 at"
    " 05:22:26.15 UT IceCube detected a track-like event. After the initial automated alert"
    " (https://gcn.gsfc.nasa.gov/notices_amon_g_b/137840_57034692.amon), more sophisticated"
    " reconstruction algorithms have been applied offline.\nThe realtime alert point of contact"
    " can be reached at roc@icecube.example.edu",
    "createdOn": 1681649600000,
}
"""Circular 33633: the event of the notice icecube_…example.json, with the numbers of its alert."""
FOLLOW_UP: Final[dict[str, Any]] = {
    "circularId": 33700,
    "createdOn": 1681736000000,
    "subject": "Optical upper limits on IceCube-230416A",
    "body": "We observed the field of IC230416A and found nothing (contact: curie AT example.fr).",
    "submitter": "Marie Curie at Sorbonne <curie@example.fr>",
    "email": "curie@example.fr",
    "bibcode": "2023GCN.33700....1C",
}
"""As in GCN's archive: without eventId and schema, with the address once more."""
HESE: Final[dict[str, Any]] = {
    "circularId": 23605,
    "createdOn": 1546602374000,
    "eventId": "IceCube-190104A",
    "subject": "IceCube-190104A - IceCube observation of a high-energy neutrino candidate event",
    "body": "After the initial automated alert"
    " (https://gcn.gsfc.nasa.gov/notices_amon/68269692_131999.amon), reconstructed offline.",
    "submitter": "An Astronomer at IceCube  <astronomer@example.edu>",
}
"""Circular 23605, whose notice has no name but these numbers."""
HESE_FOLLOW_UP: Final[dict[str, Any]] = {
    "circularId": 23610,
    "createdOn": 1546688774000,
    "eventId": "IceCube-190104A",
    "subject": "IceCube-190104A: no counterpart",
    "body": "Nothing was found.",
    "submitter": "Another Astronomer at an Observatory",
}
"""Has only the name, which is not in the notice."""
UNRELATED: Final[dict[str, Any]] = {
    "circularId": 18448.5,
    "createdOn": 1446602374000,
    "subject": "GRB 970228: Keck/LRIS Optical\r\nObservations \x01\x1b[31m",
    "body": "<script>alert('x')</script>\x02 of a gamma-ray burst ]]>"
    " by José: 5 ± 2 µJy, 𝛼 = 1 🔭.",
    "submitter": "Zoë One",
}
"""One of the circulars with a fractional number."""


def packet(circular: dict[str, Any], **changes: Any) -> bytes:
    """Return a circular as a packet."""
    return json.dumps(circular | changes).encode()


def edited(circular: dict[str, Any], version: int, body: str) -> bytes:
    """Return a later version of a circular."""
    when = circular["createdOn"] + 3_600_000 * version
    by = "The Moderator at GCN <moderator@example.gov>"
    return packet(circular, version=version, body=body, editedOn=when, editedBy=by)
