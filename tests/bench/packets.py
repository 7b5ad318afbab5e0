"""Many alert packets that are like real ones: their text, with other numbers in it."""

from __future__ import annotations

import io
import random
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

LIKE = (
    "icecube_gold.xml",
    "icecube_bronze.xml",
    "icecube_cascade.xml",
    "amon.xml",
    "km3net_gcn_single_he.xml",
    "km3net_gcn_multiplet.xml",
    "Antares_1438351269.xml",
    "MS181101ab-4-Update.xml",
    "swift_xrt_v1.1.xml",
    "Gaia16aac.xml",
)
"""Packets of ``alerts/voevent`` that are taken in turns."""
_REVISIONS = 3
_IDENTIFIER = re.compile(rb'(ivorn="[^"]*)"')
_EVENT = re.compile(
    rb'(name="(?:event_id|AMON_ID|TrigID|GraceID|Event_Name|event_name)"[^>]*value="[^"]*)"'
)
_REVISION = re.compile(rb'(name="(?:Rev|Pkt_Ser_Num|record_number)"[^>]*value=")[^"]*"')
_POSITION = re.compile(rb"<C1>[-+0-9.]+</C1>(\s*)<C2>[-+0-9.]+</C2>(?=\s*</Value2>)")


def packets(folder: Path, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents of packets; every third is another revision of the same alert.

    Parameters
    ----------
    folder : pathlib.Path
        With the packets :data:`LIKE`.
    count : int
        How many.
    """
    dice = random.Random(1)
    texts = [(folder / name).read_bytes() for name in LIKE]
    for number in range(count):
        alert, revision = divmod(number, _REVISIONS)
        text = texts[alert % len(texts)]
        if revision == 0:
            ra, dec = dice.uniform(0, 360), dice.uniform(-89, 89)
        text = _IDENTIFIER.sub(rb'\g<1>-%d-%d"' % (alert, revision), text, count=1)
        text = _EVENT.sub(rb'\g<1>%07d"' % alert, text)
        text = _REVISION.sub(rb'\g<1>%d"' % revision, text)
        text = _POSITION.sub(b"<C1>%.4f</C1>\\1<C2>%.4f</C2>" % (ra, dec), text)
        yield f"{number:08d}.xml", text


def write_tar(folder: Path, count: int, target: Path) -> Path:
    """Write packets to a tar archive; see :func:`packets`."""
    with tarfile.open(target, "w") as tar:
        for name, content in packets(folder, count):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
            tar.members.clear()  # or the memory that is measured is that of their list
    return target
