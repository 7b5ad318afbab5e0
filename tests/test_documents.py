"""What the documents tell the reader to type works, and gives the answers they show."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest.instance.site import load_site
from tests import loaded
from tests.instances import KM3VO, ROOT, Instance
from tests.templates import port

# The walks are done as wholes, in test_release_commands.py and below.
ALERTS = ROOT / "docs" / "curators-guide-alerts.md"
WALKS = (ROOT / "docs" / "curators-guide-release.md", ALERTS)
DOCUMENTS = sorted(
    path.relative_to(ROOT)
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("docker/*.md"))
    if path not in WALKS
)
RUN = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$(?:\n+^```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """A block of commands, and the answer that the document shows after it."""

    name: str
    language: str
    text: str
    answer: str | None


def examples(document: Path) -> list[Example]:
    text = (ROOT / document).read_text()
    return [
        Example(
            f"{document}:{text.count(chr(10), 0, found.start()) + 1}",
            found[1],
            found[2],
            found[3],
        )
        for found in _BLOCK.finditer(text)
    ]


EXAMPLES = [one for document in DOCUMENTS for one in examples(document) if one.language in RUN]


@dataclass(frozen=True)
class Reader:
    """Somebody who cloned the repository and typed what the README says first."""

    clone: Path
    instance: Instance
    output: str
    """What the command said."""

    def run(self, example: Example, where: Path) -> subprocess.CompletedProcess[str]:
        commands = example.text.replace("http://localhost:8080", self.instance.url)
        return subprocess.run(
            [*RUN[example.language], commands],
            cwd=where,
            env=self.instance.environment | {"PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )


@pytest.fixture(scope="module")
def reader(tmp_path_factory) -> Iterator[Reader]:
    """Clone the last commit and type ``make demo``, with the environment of the tests."""
    clone = tmp_path_factory.mktemp("reader") / "clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    (clone / ".venv" / "bin").mkdir(parents=True)
    for name in ("bin/km3vo", "bin/python", "lib", "pyvenv.cfg"):
        (clone / ".venv" / name).symlink_to(ROOT / ".venv" / name)
    wanted = b"".join((clone / name).read_bytes() for name in ("pyproject.toml", "constraints.txt"))
    (clone / ".venv" / "installed").write_text(f"{hashlib.sha256(wanted).hexdigest()}  -\n")
    made = Instance(clone.parent / "var", port(80), extra={"PYTHONPATH": str(clone)})
    try:
        done = subprocess.run(
            ["make", "demo", f"PORT={made.port}"],
            cwd=clone,
            env=made.environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        yield Reader(clone, made, done.stdout)
    finally:
        made.reset()


@pytest.mark.slow
@pytest.mark.system
def test_the_demonstration_of_a_clone_shows_real_events_and_alerts(reader):
    assert "ant20_01: taken from release folder" in reader.output
    assert "SIMULATED" not in reader.output
    for found in ("ANT1157", "ANT6062", "KM3-230213A", "ANTARES-2017-PS"):
        assert re.search(rf"(?m)^{found}\t", reader.output), found


@pytest.mark.system
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example_runs_and_gives_the_answer_shown(example, reader):
    uses_make = re.search(r"\bmake ", example.text)
    done = reader.run(example, reader.clone if uses_make else reader.clone.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    if example.answer is not None:
        words, expected = (re.split(r"[\s,]+", text) for text in (done.stdout, example.answer))
        for word, shown in zip(words, expected, strict=True):
            # the last digits depend on the version of numpy
            assert word == shown or float(word) == pytest.approx(float(shown), rel=1e-9)
    else:
        assert done.stdout.strip()


@pytest.mark.parametrize("document", ["docs/operations.md", "docker/README.md"])
def test_site_files_that_are_shown_are_accepted(document, tmp_path, monkeypatch):
    shown = [one.text for one in examples(Path(document)) if one.language == "toml"]
    assert shown
    monkeypatch.setenv("KM3VO_SITE", str(tmp_path / "site.toml"))
    for text in shown:
        (tmp_path / "site.toml").write_text(text)
        load_site()


def test_readme_has_an_example_for_each_client():
    said = "".join(one.text for one in examples(Path("README.md")))
    for client in ("make demo", "pyvo", "stilts", "A.aladin", "curl"):
        assert client in said


@pytest.mark.slow
def test_the_guide_to_alerts_can_be_followed(empty_instance, delivered, tmp_path):
    shutil.copytree(delivered / "alerts", tmp_path / "inputs" / "alerts")
    walk = [one for one in examples(ALERTS.relative_to(ROOT)) if one.language in RUN]
    assert len(walk) == 9
    for example in walk:
        done = subprocess.run(
            [*RUN[example.language], example.text],
            cwd=tmp_path,
            env=empty_instance.environment
            | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, example.name + done.stderr
        assert done.stdout.strip()
        if example.answer is not None:
            assert done.stdout.split() == example.answer.split(), example.name


@pytest.mark.parametrize("document", [*DOCUMENTS, ALERTS], ids=str)
def test_files_and_make_targets_a_document_names_exist(document):
    text = (ROOT / document).read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", text)) <= targets
    for link in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in link:
            assert (ROOT / document).parent.joinpath(link).exists(), link
    places = re.findall(r"`((?:ingest|rd|inputs|site|tests|docs|docker)/[\w./-]+)`", text)
    for place in places:
        assert (ROOT / place).exists(), place


@pytest.mark.parametrize("document", [*DOCUMENTS, *WALKS], ids=str)
def test_commands_of_km3vo_in_a_document_exist(document):
    text = (ROOT / document).read_text()
    for words in set(re.findall(r"`km3vo ((?:[a-z]+(?:-[a-z]+)* ?)+)", text)):
        done = loaded.run([str(KM3VO), *words.split(), "--help"], os.environ)
        assert done.returncode == 0, words
