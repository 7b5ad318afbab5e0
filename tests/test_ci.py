"""The jobs for GitLab and GitHub are valid, agree, and only call targets that exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.instances import ROOT
from tests.matrix.options import SUITES

GITLAB = ROOT / ".gitlab-ci.yml"
GITHUB = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SCRIPT = (ROOT / ".ci" / "run").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
OTHERS = r"apt-get -qq (update|install .*)|git config --global --add safe\.directory \"\$PWD\""
"""What jobs run besides targets of make."""


def gitlab() -> dict[str, Any]:
    """Return the jobs, by name."""
    loaded = yaml.safe_load(GITLAB.read_text())
    return {name: job for name, job in loaded.items() if "script" in job}


def github() -> dict[str, Any]:
    loaded = [yaml.safe_load(path.read_text()) for path in GITHUB]
    return {name: job for one in loaded for name, job in one["jobs"].items()}


def commands() -> dict[str, list[str]]:
    """Return what the jobs run, by system and job."""
    before = yaml.safe_load(GITLAB.read_text())["default"]["before_script"]
    found = {f"gitlab {name}": [*before, *job["script"]] for name, job in gitlab().items()}
    for name, job in github().items():
        found[f"github {name}"] = [step["run"] for step in job["steps"] if "run" in step]
    return found


@pytest.mark.parametrize(
    ("schema", "path"),
    [("gitlab-ci", GITLAB), *(("github-workflows", path) for path in GITHUB)],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_they_are_valid(schema: str, path: Path) -> None:
    transform = ["--data-transform", "gitlab-ci"] if schema == "gitlab-ci" else []
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("check-jsonschema"), *transform),
            *("--builtin-schema", f"vendor.{schema}", path),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_they_only_call_targets_that_exist() -> None:
    called = set(re.findall(r"(?m)^make ([a-z-]+)", SCRIPT))
    for command in (one for job in commands().values() for one in job):
        if target := re.fullmatch(r"make ([a-z-]+)( \w+=\S.*)?", command):
            called.add(target[1])
        else:
            assert command == ".ci/run" or re.fullmatch(OTHERS, command), command
    assert called >= {"test", "check", "matrix", "test-long"}
    assert not called - TARGETS


def test_both_systems_do_the_same() -> None:
    def suffixes(system: str) -> dict[str, str]:
        jobs = commands()
        lines = {name: job[-1] for name, job in jobs.items() if name.startswith(system)}
        return {
            name.removeprefix(f"{system} "): line.partition("=")[0] for name, line in lines.items()
        }

    assert suffixes("gitlab") == suffixes("github")
    assert tuple(gitlab()["matrix"]["parallel"]["matrix"][0]["SUITE"]) == SUITES
    assert tuple(github()["matrix"]["strategy"]["matrix"]["suite"]) == SUITES


def test_no_job_may_fail_unnoticed_or_do_more_than_read() -> None:
    for path in (GITLAB, *GITHUB):
        assert not re.search(r"allow_failure|continue-on-error|\|\|", path.read_text())
    for path in GITHUB:
        loaded = yaml.safe_load(path.read_text())
        assert loaded["permissions"] == {"contents": "read"}
    # tags of actions can be moved to other code
    for job in github().values():
        for action in (step["uses"] for step in job["steps"] if "uses" in step):
            assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action)
