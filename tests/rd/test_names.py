"""Names of sources are looked up at a resolver, once each."""

from __future__ import annotations

import json
import subprocess
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.instances import ROOT
from tests.probes import environment

PROBE = Path(__file__).with_name("names_probe.py")
NAMES = ROOT / "rd" / "km3net" / "names"
# As Sesame answers; the positions are those of Simbad.
POSITIONS = {"M 31": ("10.684708", "41.26875"), "TXS 0506+056": ("77.358185", "5.693148")}
FOUND = (
    '<?xml version="1.0"?><Sesame><Target><name>{name}</name><Resolver name="S=Simbad">'
    "<otype>G</otype><jradeg>{ra}</jradeg><jdedeg>{dec}</jdedeg></Resolver></Target></Sesame>"
)
UNKNOWN = "<Sesame><Target><name>{name}</name><INFO>Nothing found</INFO></Target></Sesame>"


class Resolver(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        name = urllib.parse.unquote(self.path.partition("?")[2])
        self.server.asked.append(name)
        ra, dec = POSITIONS.get(name, (None, None))
        text = (FOUND if ra else UNKNOWN).format(name=name, ra=ra, dec=dec).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def resolver() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Resolver) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def look_up(address: str, names: list[str], home: Path) -> list[list[float] | str]:
    done = subprocess.run(
        ["/usr/bin/python3", PROBE, address, NAMES, json.dumps(names)],
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_name_has_the_position_that_the_resolver_gives(resolver, tmp_path) -> None:
    address = f"http://127.0.0.1:{resolver.server_address[1]}/sesame?"
    names = ["M 31", "ANT0001", " M  31 ", "TXS 0506+056", "nothing 7", "x\n", "x" * 101, "x\u0007"]
    found = look_up(address, names, tmp_path)
    assert found[:4] == [[10.684708, 41.26875], [68.2, 19.5], found[0], [77.358185, 5.693148]]
    assert found[4].startswith("Field TARGET: ")
    assert "knows nothing 7" in found[4]
    assert all("1 to 100 characters" in one for one in found[6:])
    # events of the sample are not looked up, and names that were found only once
    assert resolver.asked == ["M 31", "TXS 0506+056", "nothing 7", "x"]


def test_an_alert_has_its_position_unless_several_have_the_name(tmp_path) -> None:
    one, lower, same, twice = look_up(
        "http://127.0.0.1:9/?", ["KM3-1", "km3-1", "SAME", "TWICE"], tmp_path
    )
    assert one == lower == [94.3, -7.8]
    assert same == [359.999, 20.0]
    assert twice.startswith("Field TARGET: The name TWICE is ambiguous")
    assert "a/TWICE at 10 +20; b/TWICE at 10.5 +20" in twice


def test_without_a_resolver_the_error_says_so(tmp_path) -> None:
    (found,) = look_up("http://127.0.0.1:9/?", ["M 31"], tmp_path)
    assert found.startswith("Field TARGET: ")
    assert "cannot be looked up now" in found
    assert "give its coordinates" in found
