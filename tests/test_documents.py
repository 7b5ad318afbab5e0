"""What the documents tell the reader to type works, and gives the answers they show."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest.instance.site import load_site

ROOT = Path(__file__).resolve().parent.parent
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


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """Return an empty directory; the first example clones the repository there."""
    return tmp_path_factory.mktemp("reader")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example_runs_and_gives_the_answer_shown(example, instance, checkout):
    commands = example.text.replace("http://localhost:8080", instance.url)
    clones = "git clone ADDRESS-OF-THIS-REPOSITORY km3net-vo\n"
    if clones in commands:
        # The clone uses this environment and this instance instead of making new ones.
        use = f"""git clone -q "{ROOT}" km3net-vo
            mkdir -p km3net-vo/.venv/bin
            ln -s "{ROOT}"/.venv/bin/km3vo "{ROOT}"/.venv/bin/python km3net-vo/.venv/bin
            (cd km3net-vo && cat pyproject.toml constraints.txt | sha256sum > .venv/installed)
        """
        commands = commands.replace(clones, use)
        where = checkout
    else:
        where = ROOT if re.search(r"\bmake ", commands) else checkout
    done = subprocess.run(
        [*RUN[example.language], commands],
        cwd=where,
        env=instance.environment | {"PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if example.answer is not None:
        assert done.stdout.split() == example.answer.split()
    else:
        assert done.stdout.strip()


def test_site_file_that_is_shown_is_accepted(tmp_path, monkeypatch):
    (shown,) = [one.text for one in examples(Path("docs/operations.md")) if one.language == "toml"]
    (tmp_path / "site.toml").write_text(shown)
    monkeypatch.setenv("KM3VO_SITE", str(tmp_path / "site.toml"))
    assert load_site().site.url == "https://vo.example.org"


def test_readme_has_an_example_for_each_client():
    said = "".join(one.text for one in examples(Path("README.md")))
    for client in ("make demo", "pyvo", "stilts", "A.aladin", "curl"):
        assert client in said


def test_the_guide_to_alerts_can_be_followed(scratch_instance, delivered, tmp_path):
    shutil.copytree(delivered / "alerts", tmp_path / "alerts")
    walk = [one for one in examples(ALERTS.relative_to(ROOT)) if one.language in RUN]
    assert len(walk) == 6
    for example in walk:
        done = subprocess.run(
            [*RUN[example.language], example.text],
            cwd=tmp_path,
            env=scratch_instance.environment
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
def test_commands_of_km3vo_in_a_document_exist(document, instance):
    text = (ROOT / document).read_text()
    for words in set(re.findall(r"`km3vo ((?:[a-z]+(?:-[a-z]+)* ?)+)", text)):
        done = instance.km3vo(*words.split(), "--help")
        assert done.returncode == 0, words
