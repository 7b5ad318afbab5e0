"""Releases in an instance that serves others: hostile texts, and events that are online already."""

from __future__ import annotations

import html
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import pyvo
from km3net_testdata import data_path
from lxml import etree

from tests.instances import Instance

MARKUP = """&amp; <script>alert(1)</script> "a" 'b' ]]>"""
HOSTILE = rf"{MARKUP} \getConfig{{ivoa}}{{authority}} \\x %(x)s $x {{{{x}}}}"
NAME = "evts23_01"
ANSWERS = (
    *("--title", "A sample", "--instrument", "ORCA6", "--energies", "1", "1e5", "--livetime", "-"),
    *("--analysis-mode", "-", "--doi", "none", "--reject", "finite-direction"),
)


@pytest.fixture
def revised(instance: Instance, checkout: Path) -> Iterator[Path]:
    """Give a release hostile texts; take them back at the end."""
    ours = {"PYTHONPATH": str(checkout)}
    texts = checkout / "texts.rst"
    paragraph = f"{HOSTILE} " + "word " * 2000
    raw = ".. raw:: html\n\n   <script>alert(2)</script>"
    texts.write_text(f"{paragraph}\n\n{paragraph}\n\n{raw}\n")
    facts = (f"title={HOSTILE}", f"description=@{texts}")
    done = instance.km3vo("release", "set", NAME, *facts, "--reason", HOSTILE, **ours)
    assert (done.returncode, done.stderr) == (0, "")
    shown = json.loads(instance.km3vo("release", "show", NAME, "--json", **ours).stdout)
    assert shown["state"] == "changed"
    assert f"inputs/{NAME}/description.rst: changed" in shown["differs"]
    done = instance.km3vo("import", "--release", NAME, **ours)
    try:
        assert done.returncode == 0, done.stderr
        assert "descriptions revised" in done.stdout
        yield checkout
    finally:
        again = instance.km3vo("import", "--release", NAME)
    assert again.returncode == 0, again.stderr


def unwrapped(text: str) -> str:
    """Return a text without DaCHS' line breaks."""
    return " ".join(text.split())


@pytest.mark.slow
def test_hostile_texts_are_shown_as_they_are(revised: Path, instance: Instance) -> None:
    for page in ("info", "form"):
        text = unwrapped(instance.fetch(f"{NAME}/nu/cone/{page}").decode())
        assert "<script>alert(" not in text
        # the title and the description
        assert text.count(html.escape(HOSTILE, quote=False)) >= 2
    tap = pyvo.dal.TAPService(instance.tap)
    (row,) = tap.run_sync(
        f"SELECT description FROM tap_schema.tables WHERE table_name = '{NAME}.main'"
    )
    assert unwrapped(row["description"]).startswith(HOSTILE) and len(row["description"]) > 10_000
    (row,) = tap.run_sync(
        f"SELECT obs_title FROM ivoa.obscore WHERE obs_id LIKE '{NAME}/%'"
        " AND dataproduct_type = 'hea-event-list'"
    )
    assert row["obs_title"] == HOSTILE
    asked = f"verb=GetRecord&metadataPrefix=ivo_vor&identifier=ivo://km3net.org/{NAME}/nu/cone"
    record = etree.fromstring(instance.fetch(f"oai.xml?{asked}"))
    for place in ("title", "content/description"):
        assert unwrapped(record.findtext(f".//{place}")).startswith(HOSTILE)


def test_check_finds_events_that_are_online_in_another_release(
    instance: Instance, checkout: Path
) -> None:
    ours = {"PYTHONPATH": str(checkout)}
    file = data_path("dst/orca6_sample.root")
    done = instance.km3vo("release", "new", "evts98_01", "--from", file, *ANSWERS, **ours)
    assert done.returncode == 0, done.stderr
    folder = checkout / "inputs" / "evts98_01"
    shutil.copy(file, folder)
    (folder / "description.rst").write_text("A sample.\n\nNot selected.\n")
    checked = instance.km3vo("release", "check", "evts98_01", **ours)
    assert checked.stdout == (
        "check\tsubject\tresult\tfinding\n"
        "events\tevts21_01\tTO DO\t2495 of the first 2495 events are in evts21_01, which is online;"
        ' if this is its new version: supersedes = "evts21_01"\n'
        "evts98_01: 1 of 12 checks found something to do\n"
    )
    assert (
        instance.km3vo("release", "set", "evts98_01", "supersedes=evts21_01", **ours).stderr == ""
    )
    assert instance.km3vo("release", "check", "evts98_01", **ours).returncode == 0
