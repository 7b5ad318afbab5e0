"""Manifests, and where a release's files come from."""

from __future__ import annotations

import hashlib
import http.server
import os
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from ingest.core.configuration import read_toml
from ingest.core.errors import InputError, ManifestError, UnavailableError
from ingest.events.delivery import manifest as manifests
from ingest.events.delivery import sources
from ingest.events.delivery.manifest import Manifest, load_manifest, release_names
from tests.instances import ROOT

PROJECTS = manifests.INPUTS
CONTENT = b"one\ntwo\n"
SUM = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def inputs(tmp_path, monkeypatch) -> Path:
    """Put an empty folder of manifests in the place of the project's."""
    monkeypatch.setattr(manifests, "INPUTS", tmp_path / "inputs")
    (tmp_path / "inputs" / "ant20_01").mkdir(parents=True)
    return tmp_path / "inputs"


def manifest(*kinds: dict[str, object], **file: object) -> Manifest:
    """Return the ANTARES manifest with one file that comes from the given sources."""
    content = read_toml(PROJECTS / "ant20_01" / "release.toml")
    content["files"] = [{"name": "list.dat", "sources": list(kinds), **file}]
    return Manifest.model_validate(content)


def acquire(made: Manifest, overlay: Path | None, scratch: Path) -> sources.AcquiredFile:
    return sources.acquire(made, made.files[0], overlay, scratch)


@pytest.mark.parametrize("name", release_names())
def test_the_projects_manifests_are_valid(name: str) -> None:
    loaded = load_manifest(name)
    assert loaded.name == name
    assert loaded.release.start_mjd < loaded.release.stop_mjd


def test_only_folders_with_a_manifest_are_releases() -> None:
    folders = {path.name for path in PROJECTS.iterdir()}
    assert {"alerts", "irf_arca115", "irf_arca230"} <= folders - set(release_names())


def test_dates_are_converted_to_mjd() -> None:
    # computed with astropy.time.Time
    made = load_manifest("ant20_01").release
    assert made.start_mjd == 54_129.0
    assert made.stop_mjd == 58_119.0


@pytest.mark.parametrize(
    ("life", "day", "public"),
    [
        ({}, date(2026, 1, 1), True),
        ({"access": "collaboration"}, date(2999, 1, 1), False),
        ({"embargo_until": date(2027, 5, 5)}, date(2027, 5, 4), False),
        ({"embargo_until": date(2027, 5, 5)}, date(2027, 5, 5), True),
        ({"embargo_until": date(2020, 1, 1)}, date(2026, 1, 1), True),
        ({"access": "collaboration", "embargo_until": date(2027, 5, 5)}, date(2027, 5, 4), False),
        ({"access": "collaboration", "embargo_until": date(2027, 5, 5)}, date(2027, 5, 5), True),
    ],
)
def test_an_embargo_ends_on_its_day(life: dict[str, object], day: date, public: bool) -> None:
    release = load_manifest("ant20_01").release.model_copy(update=life)
    assert release.is_public(day) is public


def test_the_overlay_is_asked_in_both_places(inputs, tmp_path) -> None:
    made = manifest({"kind": "overlay"})
    overlay = tmp_path / "overlay"
    (overlay / "ant20_01").mkdir(parents=True)
    (overlay / "list.dat").write_bytes(b"flat")
    assert acquire(made, overlay, tmp_path).path == overlay / "list.dat"
    (overlay / "ant20_01" / "list.dat").write_bytes(b"nested")
    found = acquire(made, overlay, tmp_path)
    assert found.path == overlay / "ant20_01" / "list.dat"
    assert not found.simulated


def test_sources_are_asked_in_order_and_refusals_are_kept(inputs, tmp_path) -> None:
    made = manifest({"kind": "overlay"}, {"kind": "folder"})
    (inputs / "ant20_01" / "list.dat").write_bytes(CONTENT)
    found = acquire(made, None, tmp_path)
    assert found.sha256 == SUM
    assert found.source.startswith("release folder")
    assert found.unavailable == ("overlay: no INPUTS directory was named",)


def test_nobody_has_it(inputs, tmp_path) -> None:
    with pytest.raises(UnavailableError) as caught:
        acquire(manifest({"kind": "overlay"}, {"kind": "folder"}), None, tmp_path)
    assert "list.dat of the release ant20_01 is not available" in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("place", ["overlay", "folder"])
def test_a_directory_instead_of_the_file_is_not_passed_over(inputs, tmp_path, place: str) -> None:
    (tmp_path / "ant20_01" / "list.dat").mkdir(parents=True)
    (inputs / "ant20_01" / "list.dat").mkdir()
    with pytest.raises(InputError, match="this is not a file"):
        acquire(manifest({"kind": place}), tmp_path, tmp_path)


@contextmanager
def without_roots_rights() -> Iterator[None]:
    """Let the file system treat us as an ordinary user, also where root runs the tests."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("name", ["ant20_01/list.dat", "list.dat"])
def test_a_file_that_cannot_be_read_is_not_passed_over(inputs, name: str) -> None:
    made = manifest({"kind": "overlay"}, {"kind": "folder"})
    with tempfile.TemporaryDirectory() as place:
        overlay = Path(place)
        overlay.chmod(0o755)
        (overlay / name).parent.mkdir(exist_ok=True)
        (overlay / name).write_bytes(CONTENT)
        (overlay / name).chmod(0)
        with (
            without_roots_rights(),
            pytest.raises(InputError, match=r"list\.dat: the file cannot be read \(Permission"),
        ):
            acquire(made, overlay, overlay)


@pytest.fixture
def web(tmp_path):
    """Serve a folder on a port of this machine."""
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "list.dat").write_bytes(CONTENT)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_download_is_kept_in_the_folder(inputs, tmp_path, web) -> None:
    found = acquire(
        manifest({"kind": "url", "url": f"{web}/list.dat"}, sha256=[SUM]), None, tmp_path
    )
    assert found.path == inputs / "ant20_01" / "list.dat"
    assert found.source == f"{web}/list.dat"
    assert found.path.read_bytes() == CONTENT


@pytest.mark.parametrize("file", [{"sha256": ["0" * 64]}, {"size": 5}])
def test_a_download_that_is_something_else_is_not_kept(inputs, tmp_path, web, file) -> None:
    with pytest.raises(UnavailableError) as caught:
        acquire(manifest({"kind": "url", "url": f"{web}/list.dat"}, **file), None, tmp_path)
    assert "url: " in str(caught.value)
    assert list((inputs / "ant20_01").iterdir()) == []


def test_a_refused_connection_is_a_refusal(inputs, tmp_path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    source = {"kind": "url", "url": f"http://127.0.0.1:{port}/list.dat"}
    with pytest.raises(UnavailableError, match=r"(?s)url: http://127\.0\.0\.1.*refused"):
        acquire(manifest(source), None, tmp_path)


def test_a_missing_page_is_a_refusal(inputs, tmp_path, web) -> None:
    with pytest.raises(UnavailableError, match=r"[Nn]ot [Ff]ound"):
        acquire(manifest({"kind": "url", "url": f"{web}/none.dat"}), None, tmp_path)


def test_the_stand_in_comes_last_and_is_the_same_every_time(inputs, tmp_path) -> None:
    made = manifest({"kind": "overlay"}, {"kind": "simulation", "seed": 3})
    first = acquire(made, None, tmp_path)
    assert first.simulated
    assert first.source == "SIMULATED stand-in, seed 3"
    assert first.sha256 == acquire(made, None, tmp_path).sha256
    assert first.path.read_text().startswith("# SIMULATED")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "//x", "http://a b"])
def test_only_web_addresses_are_urls(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        manifest({"kind": "url", "url": url})


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a b", "-x"])
def test_file_names_are_plain(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        manifest({"kind": "folder"}, name=name)


def test_an_unknown_release_names_those_there_are(inputs) -> None:
    (inputs / "ant20_01" / "release.toml").touch()
    with pytest.raises(ManifestError) as caught:
        load_manifest("ant20_02")
    assert "expected: one of ant20_01" in str(caught.value)


def test_a_manifest_in_another_encoding_is_told(inputs) -> None:
    (inputs / "ant20_01" / "release.toml").write_bytes("name = 'é'".encode("latin-1"))
    with pytest.raises(ManifestError, match="not valid TOML"):
        load_manifest("ant20_01")


# --- a list of files ---

EMPTY = hashlib.sha256(b"").hexdigest()


def with_list(inputs: Path, content: str, more: str = "") -> Path:
    """Write a manifest whose files are in a list."""
    folder = inputs / "evts21_01"
    folder.mkdir()
    text = (ROOT / "inputs" / "evts21_01" / "release.toml").read_text().partition("[[files]]")[0]
    (folder / "release.toml").write_text(f'{text}[list]\nchecksums = "SHA256SUMS"\n{more}')
    (folder / "SHA256SUMS").write_text(content)
    return folder / "SHA256SUMS"


def test_files_are_listed_as_sha256sum_writes_them(inputs, tmp_path) -> None:
    for name in ("a.h5", "b.h5"):
        (tmp_path / name).touch()
    listed = subprocess.run(
        ["sha256sum", "a.h5", "--binary", "b.h5"], cwd=tmp_path, capture_output=True, text=True
    ).stdout
    source = '{ kind = "storage", url = "rucio://antares/{name}" }'
    with_list(inputs, listed, f"public = true\nsources = [{source}]\n")
    manifest = load_manifest("evts21_01")
    assert [(one.name, one.sha256, one.public) for one in manifest.files] == [
        ("a.h5", (EMPTY,), True),
        ("b.h5", (EMPTY,), True),
    ]
    found = sources.locate(manifest, manifest.files[1], None, tmp_path)
    assert (found.location, found.remote) == ("rucio://antares/b.h5", True)
    # whether files are listed here or there makes no difference
    plain = manifest.model_copy(update={"list": None})
    assert manifest.facts() == plain.facts()
    with pytest.raises(UnavailableError, match="is fetched by a workflow"):
        sources.acquire(manifest, manifest.files[0], None, tmp_path)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("", "no files"),
        (f"{EMPTY}  a\n{EMPTY}  a\n", "a more than once"),
        (f"{EMPTY}  a\n{EMPTY[:60]}  b\n", f"line 2: '{EMPTY[:60]}  b'"),
        (f"{EMPTY}  ../a\n", f"line 1: '{EMPTY}  ../a'"),
        (f"{EMPTY}\n", f"line 1: '{EMPTY}'"),
    ],
)
def test_a_list_that_cannot_be_used(inputs, content: str, found: str) -> None:
    path = with_list(inputs, content)
    with pytest.raises(ManifestError) as refused:
        load_manifest("evts21_01")
    assert refused.value.file == str(path) and refused.value.value == found


def test_a_list_that_is_missing(inputs) -> None:
    with_list(inputs, "").unlink()
    with pytest.raises(ManifestError, match="the list of files cannot be used"):
        load_manifest("evts21_01")
