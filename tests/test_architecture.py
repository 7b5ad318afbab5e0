"""docs/architecture.md and docs/security.md name files, functions and tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "architecture.md").read_text()
PATHS = sorted(set(re.findall(r"`((?:ingest|rd|site|inputs|tests|docs)/[\w./-]*)`", TEXT)))
FUNCTIONS = sorted(set(re.findall(r"`(ingest/[\w/]+\.py)` `(\w+)`", TEXT)))


@pytest.mark.parametrize("path", PATHS)
def test_every_file_it_names_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize(("path", "name"), FUNCTIONS)
def test_every_function_it_names_is_in_that_file(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text())
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_it_names_the_way_of_a_row_and_of_a_packet() -> None:
    assert len(PATHS) > 20
    assert len(FUNCTIONS) > 12


SECURITY = (ROOT / "docs" / "security.md").read_text()
PROTECTIONS = re.findall(r"(?m)^\|(.+)\|(.+)\|(.+)\|$", SECURITY.partition("## What protects")[2])[
    2:
]
DEFINED = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"(?m)^def (test_\w+)", path.read_text())
}


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(test_\w+)`", SECURITY))))
def test_every_test_that_security_names_exists(name: str) -> None:
    assert name in DEFINED


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(\w+\.py)`", SECURITY))))
def test_every_patch_that_security_names_exists(name: str) -> None:
    assert (ROOT / "site" / "dachs" / "patches" / name).exists()


def test_every_protection_has_a_test() -> None:
    assert len(PROTECTIONS) > 30
    assert not [entrance for entrance, _, test in PROTECTIONS if "test" not in test]
