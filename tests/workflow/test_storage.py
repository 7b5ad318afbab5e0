"""Files on other machines, which Snakemake's storage plugins fetch."""

from __future__ import annotations

import functools
import http.server
import json
import subprocess
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest.core.errors import InputError
from ingest.events.workflow import engine, run_workflow
from ingest.instance.postgres import free_port
from tests.instances import FIRST_PORT
from tests.workflow.releases import EVENTS, checksums, write_release

pytestmark = pytest.mark.slow
SERVER = Path(__file__).with_name("rucio") / "server.py"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve the files of a directory; return its URL, and the list of what was asked for."""
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, form: str, *values: object) -> None:
            asked.append(form % values)

    (tmp_path / "web").mkdir()
    handler = functools.partial(Handler, directory=str(tmp_path / "web"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


Rucio = Callable[[dict[str, tuple[str, str]]], dict[str, str]]


@pytest.fixture
def rucio(tmp_path: Path) -> Iterator[Rucio]:
    """Provide a function that starts a Rucio server with files; it returns the environment."""
    python = SERVER.parent / ".venv" / "bin" / "python"
    if not python.exists():
        pytest.fail(f"{python} does not exist: run ./setup.sh test first")
    started: list[subprocess.Popen[str]] = []

    def start(files: dict[str, tuple[str, str]]) -> dict[str, str]:
        folder = tmp_path / "rucio"
        folder.mkdir()
        (folder / "files.json").write_text(json.dumps(files))
        with (folder / "log").open("w") as log:
            words = [python, SERVER, str(folder), str(free_port(FIRST_PORT + 60))]
            process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", (folder / "log").read_text()[-3000:]
        return {"RUCIO_CONFIG": str(folder / "client.cfg")}

    yield start
    for process in started:
        process.kill()
        process.wait()


def adler32(path: Path) -> str:
    return f"{zlib.adler32(path.read_bytes()):08x}"


def test_files_on_the_web(tmp_path: Path, work, web) -> None:
    url, asked = web
    here = tmp_path / "web"
    manifest = write_release(here, 3, kind="storage", url=f"{url}/{{}}")
    found = run_workflow(manifest, "local", None, work)
    assert sum(one["rows"] for one in found.content["products"]) == 3 * EVENTS
    files = found.files()
    assert [one.source for one in files] == [f"{url}/run{n}.h5" for n in (1, 2, 3)]
    assert all(one.remote for one in files)
    assert sum('"GET /run' in one for one in asked) == 3
    run_workflow(manifest, "local", None, work)
    assert sum('"GET /run' in one for one in asked) == 3

    # what is here gives the same products; their provenance has another origin
    local = type(work)(tmp_path / "local" / "evts21_01")
    run_workflow(write_release(here, 3), "local", here, local)
    mine, its = checksums(work.path), checksums(local.path)
    assert mine.keys() == its.keys()
    assert {name for name in mine if mine[name] != its[name]} == {
        name for name in mine if name.endswith(".prov.json")
    }


def test_a_file_that_is_not_on_the_web(tmp_path: Path, work, web) -> None:
    url, _ = web
    manifest = write_release(tmp_path / "web", 2, kind="storage", url=f"{url}/{{}}")
    (tmp_path / "web" / "run2.h5").unlink()
    with pytest.raises(InputError) as failed:
        run_workflow(manifest, "local", None, work)
    assert f"{url}/run2.h5" in str(failed.value)


@pytest.mark.long
def test_files_in_rucio_and_a_replica_with_a_wrong_checksum(
    tmp_path: Path, work, rucio: Rucio, monkeypatch
) -> None:
    here = tmp_path / "here"
    manifest = write_release(here, 3, kind="storage", url="rucio://antares/{}")
    files = {f"run{n}.h5": here / f"run{n}.h5" for n in (1, 2, 3)}
    listed = {name: (str(path), adler32(path)) for name, path in files.items()}
    listed["run2.h5"] = (listed["run2.h5"][0], "00000001")
    for name, value in rucio(listed).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError) as failed:
        run_workflow(manifest, "local", None, work)
    text = str(failed.value)
    assert "rucio://antares/run2.h5" in text and "Checksum validation failed" in text, text
    assert sorted(path.name for path in work.path.glob("converted/*/*.fits")) == [
        "evts21_01_run1.fits",
        "evts21_01_run3.fits",
    ]
    found = run_workflow(manifest, "local", None, work, leave_out=True)
    assert [one.source for one in found.files()] == [f"rucio://antares/run{n}.h5" for n in (1, 3)]


def test_the_plugins_for_s3_and_xrootd_are_there(tmp_path: Path) -> None:
    # nobody listens; what a server has is not tested
    urls = ("s3://bucket/run1.h5", "root://127.0.0.1:1//run1.h5", "gopher://127.0.0.1/run1.h5")
    done = subprocess.run(
        [
            *(engine.SNAKEMAKE.with_name("python"), engine.FOLDER / "scripts" / "fetch.py"),
            "--storage-s3-endpoint-url=http://127.0.0.1:1",
        ],
        env={
            "XRD_CONNECTIONRETRY": "0",
            "XRD_CONNECTIONWINDOW": "1",
            "AWS_EC2_METADATA_DISABLED": "1",
        },
        input="".join(f"{url}\t{tmp_path}/file\n" for url in urls),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = done.stdout.splitlines()
    assert len(answers) == 3, done.stderr
    assert "credentials" in answers[0] and "Connection error" in answers[1], answers
    assert "gopher" in answers[2]
