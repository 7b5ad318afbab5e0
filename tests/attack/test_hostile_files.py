"""Files that would stop a command for long, or make it print what it must not."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.core.configuration import read_toml
from ingest.core.errors import ManifestError
from tests import loaded
from tests.instances import KM3VO

SECRET = "root:x:0:0:only for the eyes of root"
BLOCK = 2880
PRIMARY = (
    "SIMPLE  =                    T",
    "BITPIX  =                    8",
    "NAXIS   =                    0",
    "EXTEND  =                    T",
)
EXTENSION = (
    "XTENSION= 'IMAGE   '",
    "BITPIX  =                    8",
    "NAXIS   =                    0",
    "PCOUNT  =                    0",
    "GCOUNT  =                    1",
)


def header(cards: tuple[str, ...]) -> bytes:
    """Return a header as the FITS standard 4.0 defines it, section 3.3.1."""
    return "".join(f"{card:80}" for card in (*cards, "END")).encode().ljust(BLOCK)


def refusal(*words: str) -> str:
    """Return the message of a command that refuses its input within seconds."""
    begin = time.monotonic()
    done = loaded.run([str(KM3VO), *words], dict(os.environ))
    assert time.monotonic() - begin < 60
    assert done.returncode == 2, done.stderr
    assert "remedy:" in done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_a_fits_file_of_30000_extensions_is_refused_at_once(tmp_path) -> None:
    path = tmp_path / "many.fits"
    path.write_bytes(header(PRIMARY) + header(EXTENSION) * 30_000)
    assert "too many extensions" in refusal("events", "inspect", str(path))


@pytest.mark.parametrize(
    ("make", "kind"),
    [(os.mkfifo, "a pipe"), (lambda path: path.symlink_to("/dev/zero"), "a symbolic link")],
)
@pytest.mark.parametrize("format", ["auto", "antares-text", "dst-root", "event-csv"])
def test_a_delivery_that_is_no_file_is_refused_at_once(
    tmp_path, make: Callable[[Path], None], kind: str, format: str
) -> None:
    make(tmp_path / "delivered")
    message = refusal("events", "inspect", str(tmp_path / "delivered"), "--format", format)
    assert f"not a file but {kind}" in message


@pytest.mark.parametrize("format", ["auto", "antares-text", "event-csv", "gadf-fits"])
def test_no_message_shows_the_target_of_a_link(tmp_path, format: str) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n" * 5)
    (tmp_path / "delivered").symlink_to(tmp_path / "secret")
    message = refusal("events", "inspect", str(tmp_path / "delivered"), "--format", format)
    assert SECRET[:9] not in message


def test_a_manifest_of_a_million_files_is_refused_at_once(tmp_path) -> None:
    path = tmp_path / "release.toml"
    path.write_text("\n".join(f'[[files]]\nname = "{number}.root"' for number in range(10**6)))
    begin = time.monotonic()
    with pytest.raises(ManifestError, match="too large"):
        read_toml(path)
    assert time.monotonic() - begin < 5
