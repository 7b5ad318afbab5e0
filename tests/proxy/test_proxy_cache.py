"""What the proxy keeps, for whom, and until when."""

from __future__ import annotations

import gzip
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.instances import Instance
from tests.proxy.front import Front

FITS = "/getproduct/ant20_01/data/ant20_01.fits"
FILES = "/ant20_01/nu/files/static/ant20_01.fits"
CONE = "/ant20_01/nu/cone/scs.xml?RA=43&DEC=35&SR=30"
BASIC = "Basic YWRhOmNvcnJlY3QgaG9yc2UgYmF0dGVyeQ=="


def asked(instance: Instance) -> Counter[str]:
    """Return how often the server itself was asked for each path, by its own log."""
    lines = (instance.var / "dachs" / "logs" / "web.log").read_text(errors="replace")
    return Counter(re.findall(r"\"'(?:GET|HEAD)' '([^'?]*)", lines))


@pytest.fixture
def count(secure: Front) -> Callable[[str], int]:
    """Return a function that says how many requests for a path have reached the server."""
    before = asked(secure.instance)

    def count_since(path: str) -> int:
        time.sleep(0.2)  # the log is written a moment after the answer
        return asked(secure.instance)[path] - before[path]

    return count_since


def test_files_come_in_whole_and_in_parts_without_the_server(secure: Front, count) -> None:
    for path in (FITS, FILES):
        status, headers, whole = secure.ask(path)
        assert (status, len(whole)) == (200, int(headers["Content-Length"]))
        assert whole.startswith(b"SIMPLE  =")
    reached = count(FITS) + count(FILES)
    for begin, end in ((0, 2879), (2880, 2880), (1_000_000, 1_100_000)):
        status, headers, part = secure.ask(FITS, Range=f"bytes={begin}-{end}")
        assert status == 206
        assert headers["Content-Range"] == f"bytes {begin}-{end}/{len(whole)}"
        assert part == whole[begin : end + 1]
    assert secure.ask(FITS, Range="bytes=-80")[2] == whole[-80:]
    assert secure.ask(FITS, Range=f"bytes={len(whole)}-")[0] == 416
    changed = {"If_Modified_Since": headers["Last-Modified"]}
    assert secure.ask(FITS, **changed)[0] == 304
    old = {"If_Modified_Since": "Mon, 02 Jan 2006 15:04:05 GMT"}
    assert secure.ask(FITS, **old)[0] == 200
    assert secure.ask(FITS, "HEAD")[0] == 200
    # a whole file and no part of it if it is another one by now
    resumed = {"Range": "bytes=0-9", "If_Range": old["If_Modified_Since"]}
    assert secure.ask(FITS, **resumed)[0] == 200
    assert count(FITS) + count(FILES) - reached <= 1  # HEAD, once


def test_a_page_is_kept_by_encoding_and_origin(secure: Front) -> None:
    _, headers, plain = secure.ask("/ant20_01")
    _, packed_headers, packed = secure.ask("/ant20_01", Accept_Encoding="deflate, gzip;q=0.8")
    assert headers["Content-Encoding"] is None
    assert packed_headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed) == plain
    assert packed_headers["Vary"] == headers["Vary"] == "Accept-Encoding, Origin"
    assert secure.ask("/ant20_01", Accept_Encoding="gzip;q=0")[2] == plain
    one, other = (secure.ask(FITS, Origin=f"https://{name}.example.org")[1] for name in ("a", "b"))
    assert one["Access-Control-Allow-Origin"] == "https://a.example.org"
    assert other["Access-Control-Allow-Origin"] == "https://b.example.org"
    assert secure.ask("/ant20_01", If_None_Match=headers["ETag"])[0] == 304
    assert headers["X-Accel-Expires"] is None


def test_many_at_once_ask_the_server_once(secure: Front, count) -> None:
    path = "/assets/site.css"
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: secure.ask(path), range(64)))
    assert {status for status, _, _ in answers} == {200}
    assert count(path) <= 1


@pytest.mark.parametrize("personal", [{"Authorization": BASIC}, {"Cookie": "session=1"}])
def test_nothing_is_kept_of_or_for_those_who_log_in(secure: Front, count, personal) -> None:
    path = "/ant20_01/nu/files/static/ant20_01.png"
    for _ in range(2):
        assert secure.ask(path, **personal)[0] == 200
    assert count(path) == 2
    # nor is there anything from them for others
    assert secure.ask(path)[0] == 200
    assert secure.ask(path)[0] == 200
    assert count(path) <= 3


def test_neither_errors_nor_answers_of_services_are_kept(secure: Front, count) -> None:
    for path in ("/getproduct/ant20_01/data/nothing.fits", CONE, "/status", "/no_release"):
        for _ in range(2):
            secure.ask(path)
        assert count(path.partition("?")[0]) == 2, path


def test_what_changes_is_visible_at_once(secure: Front, count) -> None:
    for path in ("/learn", FITS):
        secure.ask(path)
    reached = count("/learn"), count(FITS)
    shown = secure.instance.var / "shown" / "generation"
    before = os.readlink(shown)
    # as at the end of each import
    pid = int((next(secure.instance.var.glob("server*.pid"))).read_text().split()[0])
    os.kill(pid, signal.SIGHUP)
    deadline = time.monotonic() + 10
    while os.readlink(shown) == before:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for path in ("/learn", FITS):
        secure.ask(path)
    assert (count("/learn"), count(FITS)) == (reached[0] + 1, reached[1] + 1)


def test_tables_are_compressed_once(secure: Front) -> None:
    _, headers, plain = secure.ask(CONE)
    _, packed_headers, packed = secure.ask(CONE, Accept_Encoding="gzip")
    assert headers["Content-Type"] == packed_headers["Content-Type"]
    assert packed_headers["Content-Encoding"] == "gzip"
    unpacked = gzip.decompress(packed)
    assert unpacked.startswith(b"<?xml")
    assert len(unpacked) == pytest.approx(len(plain), rel=0.01)
    assert len(plain) > 2 * len(packed)
    assert secure.ask(FITS, Accept_Encoding="gzip")[1]["Content-Encoding"] is None
