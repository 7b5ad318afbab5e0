"""Directories of workflows."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.events.workflow import WorkDirectory, engine, work_directory

if not engine.SNAKEMAKE.exists():
    pytest.fail(f"{engine.SNAKEMAKE} does not exist: run ./setup.sh test first", pytrace=False)


@pytest.fixture
def work(tmp_path: Path) -> WorkDirectory:
    return work_directory("evts21_01", str(tmp_path / "work"))
