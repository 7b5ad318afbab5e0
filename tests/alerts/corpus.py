"""Real packets spoilt in all ways that senders, networks and attackers have.

The same count gives the same packets, byte by byte.
"""

from __future__ import annotations

import base64
import copy
import gzip
import io
import json
import random
import re
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from lxml import etree

from tests.alerts.sample_packets import group, icecube, param, voevent

VALUES = (
    "", " ", "nan", "NaN", "inf", "-inf", "1e999", "-1", "1e308", "999", "-95", "360", "-0.0",
    "9" * 5000, "1_000", "٣", "é", "9999-12-31T23:59:59Z", "0000-00-00", "0001-01-01",
    "2020-02-30T00:00:00", "2016-12-31T23:59:60", "true", "retraction", "x" * 5000, "&amp;",
    "🎉", "0x10", "1,5", ".5", "5.", "--5", "TeV", "UTC-GALACTIC-GEO", "TDB-ICRS-BARY", "yr^-1",
    "{}", "[]", "null", "http://x/y.fits", "a/b/c", "1e18", "1e19", "-9223372036854775809",
    "1e-320", "4.9e-324", "1e300", "89.99999999999999", "-90", "359.99999999999999", "1e-40",
    "\\N", "\\.", "a\tb", "a\nb", "'; DROP TABLE alerts.notices; --", "2147483648", "180.0001",
)  # fmt: skip
JSON_VALUES = (
    *VALUES, None, True, False, 0, -1, 1e308, 10**400, [], {}, [1], [None], [[1, 2], [3]],
    {"a": 1}, "\0", "\ud800", [True], float("nan"), float("inf"), 2**63, 1e-320, "\x01\x1f\x7f",
)  # fmt: skip
_IVORN = re.compile(rb'(\sivorn=["\'][^"\']*)(["\'])')
_NAMED = re.compile(rb'("(?:id|event_name|alert_datetime)"\s*:\s*")([^"]*")')
_PART_OF_ALL = 0.3
_CONTROLS = (b"\0", b"\x1b[31m", b"\xff", b"\xed\xa0\x80", b"&#0;", b"&#xD800;", b"\\u0000")


def bytes_mutated(content: bytes, chance: random.Random) -> bytes:
    """Return a packet with some bytes changed, left out or doubled."""
    spoilt = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 5, 20])):
        at = chance.randrange(len(spoilt) or 1)
        way = chance.randrange(4)
        if way == 0 and spoilt:
            spoilt[at] = chance.randrange(256)
        elif way == 1:
            del spoilt[at : at + chance.randrange(1, 50)]
        elif way == 2:
            start = chance.randrange(len(spoilt) or 1)
            spoilt[at:at] = spoilt[start : start + chance.randrange(1, 200)]
        else:
            spoilt[at:at] = chance.choice(VALUES).encode()
    return bytes(spoilt)


def xml_mutated(content: bytes, chance: random.Random) -> bytes:
    """Return a packet with elements moved, doubled, left out, or with other values."""
    try:
        root = etree.fromstring(content)
    except etree.XMLSyntaxError:
        return bytes_mutated(content, chance)
    elements = [element for element in root.iter() if isinstance(element.tag, str)]
    for _ in range(chance.choice([1, 2, 4, 10])):
        element, other = chance.choice(elements), chance.choice(elements)
        way = chance.randrange(6)
        if way == 0 and element.attrib:
            element.set(chance.choice(list(element.attrib)), chance.choice(VALUES))
        elif way == 1:
            element.text = chance.choice(VALUES)
        elif way == 2 and element.getparent() is not None:
            element.getparent().remove(element)
        elif way == 3:
            other.append(copy.deepcopy(element))
        elif way == 4:
            element.tag = other.tag
        else:
            element[:] = sorted(element, key=lambda _: chance.random())
    return bytes(etree.tostring(root))


def json_mutated(content: bytes, chance: random.Random) -> bytes:
    """Return a notice with other values, or without some."""
    document = json.loads(content)
    places: list[Any] = [document]
    for place in places:
        below = place.values() if isinstance(place, dict) else place
        places.extend(value for value in below if isinstance(value, (dict, list)) and value)
    for _ in range(chance.choice([1, 2, 4, 10])):
        place = chance.choice(places)
        if isinstance(place, dict) and place:
            key = chance.choice(list(place))
            if chance.random() < 0.2:
                del place[key]
            else:
                place[key] = copy.deepcopy(chance.choice(JSON_VALUES))
        elif place:
            place[chance.randrange(len(place))] = copy.deepcopy(chance.choice(JSON_VALUES))
    return json.dumps(document).encode()


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Return a packet that is spoilt in one of the ways above."""
    if chance.random() < _PART_OF_ALL:
        return bytes_mutated(content, chance)
    if content.lstrip().startswith(b"{"):
        return json_mutated(content, chance)
    return xml_mutated(content, chance)


def renamed(content: bytes, chance: random.Random) -> bytes:
    """Return a packet under another identifier, one of some hundreds."""
    mark = b"-%d" % chance.randrange(500)
    content = _IVORN.sub(rb"\g<1>" + mark + rb"\2", content, count=1)
    return _NAMED.sub(rb"\g<1>" + mark + rb"\2", content)


def truncated(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(1, len(content))]


def encoded(content: bytes, chance: random.Random) -> bytes:
    """Return a packet in another encoding, said or not."""
    text = content.decode("utf-8", "replace")
    said = chance.choice(["UTF-16", "ISO-8859-1", "KOI8-R", "X-KLINGON", "utf-7", "UTF-8", "zlib"])
    name = chance.choice(["utf-16", "utf-16-be", "utf-32", "latin-1", "cp037", "utf-8-sig"])
    return text.replace("UTF-8", said).replace("utf-8", said).encode(name, "replace")


def controlled(content: bytes, chance: random.Random) -> bytes:
    """Return a packet with characters that neither XML nor a database takes."""
    at = chance.randrange(len(content))
    kind = chance.choice(
        [b"\0", b"\x1b[31m", b"\xff", b"\xed\xa0\x80", b"&#0;", b"&#xD800;", b"\\u0000"]
    )
    return content[:at] + kind * chance.choice([1, 30]) + content[at:]


def long(content: bytes, chance: random.Random) -> bytes:
    """Return a packet with a megabyte in one place."""
    at = chance.randrange(len(content))
    kind = chance.choice([b"x", b" ", b"9", b"<a>", b"[", b'"', b"\xc3\xa4", b"/"])
    return content[:at] + kind * (1_000_000 // len(kind)) + content[at:]


def citing(content: bytes, chance: random.Random) -> bytes:
    """Return a packet that supersedes or retracts others: itself, the next one, in circles."""
    number = chance.randrange(60)
    base = chance.choice(["ivo://a.b/s#", "ivo://c.d/s#", "ivo://nasa.gsfc.gcn/AMON#"])
    cited = [f"{base}{chance.choice([number, number + 1, chance.randrange(60)])}" for _ in range(3)]
    kinds = [chance.choice(["supersedes", "retraction", "followup", "", "x"]) for _ in cited]
    return voevent(
        param("Rev", str(chance.randrange(-1, 5))),
        param("AMON_ID", chance.choice(["", str(chance.randrange(40))])),
        group("g", param("a", "1"), param("a", "2")),
        group("g", param("a", str(chance.random()))),
        ivorn=f"{base}{number}",
        role=chance.choice(["observation", "observation", "test", "utility", "nonsense"]),
        citations=tuple(zip(kinds, cited, strict=True)),
    )


def rubbish(content: bytes, chance: random.Random) -> bytes:
    """Return what is no packet, or hardly one."""
    deep = chance.randrange(2000)
    return chance.choice(
        [
            b"{}",
            b"[]",
            b"null",
            b'{"id": []}',
            b'{"id": {"a": [{"b": {}}]}, "event": [1], "ra": {"x": []}, "n": %d}' % deep,
            b'{"id": "d", "x": ' + b'[{"a":' * deep + b"1" + b"}]" * deep + b"}",
            json.dumps({"id": "n", "ra": 10**400, "far": 1e999, "q": deep}).encode(),
            b'{"id": "t", "id": "u", "far": 1, "far": 2, "m": %d}' % deep,
            b"<html><script>alert(%d)</script></html>" % deep,
            b'<!DOCTYPE v [<!ENTITY a "b">]><VOEvent ivorn="ivo://x/y#%d">&a;</VOEvent>' % deep,
            bytes(chance.randrange(256) for _ in range(chance.randrange(1, 300))),
            b"\x1f\x8b" + content,
        ]
    )  # fmt: skip


def _fits(rows: int, **header: Any) -> bytes:
    table = fits.BinTableHDU.from_columns(
        [fits.Column("PROB", "D", array=np.full(rows, 1.0 / rows))]
    )
    table.header.update(header)
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(out)
    return out.getvalue()


def hostile_maps() -> list[bytes]:
    """Return what may come in the place of a sky map, good ones among them."""
    good = _fits(192, PIXTYPE="HEALPIX", ORDERING="RING", NSIDE=4, INDXSCHM="IMPLICIT")
    nan = bytearray(good)
    nan[-2880 : -2880 + 8] = b"\x7f\xf8" + b"\0" * 6
    return [
        b"",
        b"no FITS file",
        good,
        gzip.compress(good),
        good[: len(good) // 2],
        bytes(nan),
        b"SIMPLE  =                    T" + b" " * 50,
        _fits(192),
        _fits(191, PIXTYPE="HEALPIX", ORDERING="NESTED", NSIDE=4),
        _fits(192, PIXTYPE="HEALPIX", ORDERING="RING", NSIDE=2**40),
        _fits(192, PIXTYPE="HEALPIX", ORDERING="RING", NSIDE=-4),
        _fits(192, PIXTYPE="HEALPIX", ORDERING="NUNIQ"),
        _fits(192, PIXTYPE="HEALPIX", ORDERING="RING", NSIDE=4, COORDSYS="X", TTYPE1="P\\ROB"),
        gzip.compress(bytes(200_000_000)),
        gzip.compress(gzip.compress(bytes(100_000_000))),
    ]


_MAPS: list[bytes] = []


def with_map(content: bytes, chance: random.Random) -> bytes:
    """Return a notice with a sky map inside, of which most are none."""
    if not _MAPS:
        _MAPS.extend(hostile_maps())
    inside = base64.b64encode(chance.choice(_MAPS)).decode()
    inside = chance.choice([inside, inside, inside, inside[:-1], "=" + inside, inside + "!\n "])
    return json.dumps(
        {"id": f"map-{chance.randrange(50)}", "ra": 10, "dec": 20, "ra_dec_error": 3,
         "healpix_file": chance.choice([inside, inside, inside, [inside], None, 7])}
    ).encode()  # fmt: skip


WAYS: Sequence[tuple[Callable[[bytes, random.Random], bytes], float]] = (
    (mutated, 30), (truncated, 6), (encoded, 6), (controlled, 6), (citing, 10), (rubbish, 6),
    (with_map, 0.5), (long, 0.3),
)  # fmt: skip
"""How packets are spoilt, and how often."""


def corpus(folder: Path, count: int) -> Iterator[bytes]:
    """Yield spoilt packets, a tenth of them after they came before; none is empty.

    Parameters
    ----------
    folder : pathlib.Path
        With real packets in its folders.
    count : int
        How many.
    """
    chance = random.Random(count)
    real = [path.read_bytes() for path in sorted(folder.glob("*/*.*"))]
    real += [icecube(), icecube(rev=2, Retraction="1"), voevent()]
    ways, weights = zip(*WAYS, strict=True)
    came: list[bytes] = []
    for _ in range(count):
        if came and chance.random() < 0.1:
            yield chance.choice(came)
            continue
        content = chance.choice(real)
        if chance.random() < 0.7:
            content = renamed(content, chance)
        (way,) = chance.choices(ways, weights)
        spoilt = way(content, chance)
        if chance.random() < 0.2 and len(spoilt) < 100_000:
            spoilt = bytes_mutated(spoilt, chance)
        if not spoilt:
            continue
        if len(came) < 2000 and len(spoilt) < 10_000:
            came.append(spoilt)
        yield spoilt


def write_corpus(folder: Path, count: int, target: Path) -> set[bytes]:
    """Write spoilt packets to a tar archive; return which different ones there are."""
    different = set()
    with tarfile.open(target, "w") as tar:
        for number, content in enumerate(corpus(folder, count)):
            member = tarfile.TarInfo(f"{number % 97:02d}/{number:08d}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
            different.add(content)
    return different
