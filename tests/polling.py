"""Readers that ask for everything that is served, as fast as they can, while it changes.

An answer is right if it is the one given before the change or the one given after it. Anything
else, such as an error, an empty answer or a mixture, counts as a failure.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.instances import Instance, copy_checkout

_VOLATILE: Final = re.compile(
    rb"<(\w+:)?(responseDate|datestamp)>[^<]*<|(updated|created)=\"[^\"]*\""
    rb"|\d{4}-\d\d-\d\d[T ][\d:.]+Z?"
)
"""Dates of answers and of imports, which two answers about the same data need not share."""


def _tap(query: str) -> str:
    words = urllib.parse.urlencode({"LANG": "ADQL", "FORMAT": "csv", "QUERY": query})
    return f"__system__/tap/run/tap/sync?{words}"


def doors(release: str) -> dict[str, str]:
    """Return the address of each question about a release, by name."""
    record = f"ivo://km3net.org/{release}/nu/cone"
    product = f"{release}/data/{release}.fits"
    return {
        "release": _tap(f"SELECT count(*) AS n, avg(nhit) AS h FROM {release}.main"),
        "all events": _tap(
            "SELECT release, count(*) AS n, avg(n_hits) AS h FROM km3net.events"
            " GROUP BY release ORDER BY release"
        ),
        "obscore": _tap("SELECT obs_title, access_url FROM ivoa.obscore ORDER BY obs_title"),
        "obscore_hea": _tap("SELECT obs_publisher_did, ev_xel FROM ivoa.obscore_hea ORDER BY 1"),
        "tables": _tap("SELECT table_name, description FROM tap_schema.tables ORDER BY table_name"),
        "columns": _tap(
            "SELECT table_name, count(*) AS n FROM tap_schema.columns"
            " GROUP BY table_name ORDER BY table_name"
        ),
        "cone": f"{release}/nu/cone/scs.xml?RA=43&DEC=35&SR=9&RESPONSEFORMAT=csv",
        "cone of all": "km3net/nu/cone/scs.xml?RA=43&DEC=35&SR=9&RESPONSEFORMAT=csv",
        "datalink": "km3net/nu/dl/dlmeta?RESPONSEFORMAT=csv&ID="
        + urllib.parse.quote(f"ivo://km3net.org/~?{product}", safe=""),
        "product": f"getproduct/{product}",
        "table page": f"tableinfo/{release}.main",
        "record": f"oai.xml?verb=GetRecord&metadataPrefix=ivo_vor&identifier={record}",
    }


class Readers:
    """Readers, one for each door, at work within a ``with`` block.

    Attributes
    ----------
    answers : dict of str to collections.Counter
        How often each answer was given, by door: the HTTP status and a checksum.
    bodies : dict of (str, str) to bytes
        The first body of each answer, by door and answer.
    longest : dict of str to float
        The longest wait for an answer in s, by door.
    """

    def __init__(self, instance: Instance, asked: Mapping[str, str], pause: float = 0.0) -> None:
        self.instance = instance
        self.asked = asked
        self.pause = pause
        self.answers: dict[str, Counter[str]] = {door: Counter() for door in asked}
        self.longest = dict.fromkeys(asked, 0.0)
        self.bodies: dict[tuple[str, str], bytes] = {}
        self._done = threading.Event()
        self._threads = [
            threading.Thread(target=self._read, args=item, daemon=True) for item in asked.items()
        ]

    def __enter__(self) -> Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    @property
    def polls(self) -> int:
        """The number of questions that were asked."""
        return sum(counter.total() for counter in self.answers.values())

    def wrong(self, *right: Mapping[str, str]) -> dict[str, dict[str, int]]:
        """Return the answers that match none of the expected ones, with their numbers, by door."""
        found = {
            door: {
                answer: number
                for answer, number in counter.items()
                if answer not in [one[door] for one in right]
            }
            for door, counter in self.answers.items()
        }
        return {door: answers for door, answers in found.items() if answers}

    def _read(self, door: str, path: str) -> None:
        while not self._done.is_set():
            begin = time.monotonic()
            found, body = ask(self.instance, path)
            self.answers[door][found] += 1
            self.bodies.setdefault((door, found), body)
            self.longest[door] = max(self.longest[door], time.monotonic() - begin)
            time.sleep(self.pause)


def ask(instance: Instance, path: str) -> tuple[str, bytes]:
    """Return the status and a checksum of one answer, and its body."""
    try:
        with urllib.request.urlopen(f"{instance.url}/{path}", timeout=60) as reply:
            status, body = str(reply.status), reply.read()
    except urllib.error.HTTPError as error:
        status, body = str(error.code), error.read()
    except OSError as error:
        return repr(error), b""
    if status == "200" and not path.startswith("getproduct"):
        body = _VOLATILE.sub(b"", body)
    shown = body[:600].decode(errors="replace") if status != "200" or b"ERROR" in body else ""
    return f"{status} {len(body)} {hashlib.sha256(body).hexdigest()[:12]} {shown}".strip(), body


def answers(instance: Instance, asked: Mapping[str, str]) -> dict[str, str]:
    """Return one answer per door, of an instance that does not change."""
    return {door: ask(instance, path)[0] for door, path in asked.items()}


def other_delivery(folder: Path, antares_list: Path) -> dict[str, str]:
    """Write a delivery of ``ant20_01`` in which each event has one more hit.

    Parameters
    ----------
    folder : pathlib.Path
        An empty directory.
    antares_list : pathlib.Path
        The file that is delivered with the repository.

    Returns
    -------
    dict of str
        The environment in which ``km3vo import`` takes it.
    """
    checkout = copy_checkout(folder / "checkout")
    manifest = checkout / "inputs" / "ant20_01" / "release.toml"
    manifest.write_text(re.sub("(?m)^sha256 = .*$", "", manifest.read_text()))
    lines = antares_list.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines[2:], start=2):
        words = line.split()
        words[2] = str(int(words[2]) + 1).encode()
        lines[number] = b"\t".join(words) + b"\n"
    (folder / antares_list.name).write_bytes(b"".join(lines))
    return {"PYTHONPATH": str(checkout), "KM3VO_INPUTS": str(folder)}
