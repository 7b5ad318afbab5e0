"""Clients of the running instance."""

from __future__ import annotations

import subprocess
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from http.client import HTTPResponse
from io import BytesIO

import pytest
import pyvo
from astropy.io import votable
from astropy.io.votable.tree import VOTableFile

UCDS_OF_CONE_SEARCH = "POS_EQ_RA_MAIN|POS_EQ_DEC_MAIN|ID_MAIN"
"""What the standard of the cone search prescribes; they are words of the first UCDs."""
CONE_PATH = "/ant20_01/nu/cone/scs.xml"


@pytest.fixture(scope="session")
def tap(instance) -> pyvo.dal.TAPService:
    return pyvo.dal.TAPService(instance.tap)


@pytest.fixture(scope="session")
def cone_url(instance) -> str:
    return instance.url + CONE_PATH


@pytest.fixture(scope="session")
def fetch(instance) -> Callable[..., HTTPResponse]:
    """Return a function that asks the server for a path, as any program would."""

    def ask(path: str, **headers: str) -> HTTPResponse:
        wanted = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(instance.url + path, headers=wanted)
        return urllib.request.urlopen(request, timeout=60)

    return ask


@pytest.fixture(scope="session")
def read_strictly() -> Callable[[bytes], VOTableFile]:
    """Return a function that reads a VOTable and raises at the first warning."""

    def read(content: bytes) -> VOTableFile:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", f".*Invalid UCD '({UCDS_OF_CONE_SEARCH})'")
            return votable.parse(BytesIO(content), verify="warn")

    return read


@pytest.fixture(scope="session")
def stilts() -> Callable[..., str]:
    """Return a function that runs a STILTS task and returns what it printed."""

    def run(task: str, *words: str) -> str:
        done = subprocess.run(
            ["stilts", task, *words], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def no_warnings() -> Iterator[None]:
    """Turn each warning of astropy and pyvo into a failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # sockets that earlier tests left are closed at any time
        warnings.simplefilter("ignore", ResourceWarning)
        yield
