"""Queries cause only few requests to other servers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from ingest.instance.site import SITE_FILES
from tests.probes import environment

PROBE = Path(__file__).with_name("lookups_probe.py")


def look_up(names: list[str], home: Path) -> tuple[list[str], list[str]]:
    done = subprocess.run(
        ["/usr/bin/python3", PROBE, SITE_FILES / "dachs", json.dumps(names)],
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    asked, refused = json.loads(done.stdout.splitlines()[-1])
    return asked, refused


def test_only_few_names_are_looked_up(tmp_path) -> None:
    asked, refused = look_up([f"name{number}" for number in range(30)], tmp_path)
    assert len(asked) == 20
    assert refused[-1] == "This service looks up only a few names in a minute."  # by Simbad


def test_a_vocabulary_has_a_name_of_the_ivoas_form(tmp_path) -> None:
    wrong = [
        "../../etc/passwd",
        "uat?x=1",
        "uat#x",
        "@example.org/",
        "",
        "a/",
        "x" * 65,
        "ä",
        "a\n",
    ]
    asked, refused = look_up([*wrong, "datalink/core"], tmp_path)
    assert asked == ["http://www.ivoa.net/rdf/datalink/core", *asked[1:]]
    assert all("not the name of a vocabulary" in message for message in refused[: len(wrong)])
