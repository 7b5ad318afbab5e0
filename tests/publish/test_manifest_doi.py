"""The DOI of the data in the manifest: written once, and nothing else is changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ingest.core.checkout import INPUTS
from ingest.core.errors import InputError
from ingest.events.delivery import load_manifest, manifest
from ingest.publish.deposits.manifest_doi import own_doi, record_doi
from ingest.publish.release import places

DOI = "10.5072/km3net.org.ant20_01"


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("ant20_01", "evts20_01"):
        shutil.copytree(INPUTS / name, tmp_path / name)
    for module in (manifest, places):
        monkeypatch.setattr(module, "INPUTS", tmp_path)
    return tmp_path


def test_it_is_added_to_the_doi_of_the_paper(inputs: Path) -> None:
    path = inputs / "ant20_01" / "release.toml"
    before = path.read_text()
    record_doi("ant20_01", DOI)
    line = f'data_doi = "{DOI}"\n'
    assert path.read_text().replace(line, "") == before
    release = load_manifest("ant20_01").release
    assert (release.doi, release.data_doi) == ("10.3847/2041-8213/aad8c0", DOI)


def test_it_replaces_the_reason_for_having_none(inputs: Path) -> None:
    record_doi("evts20_01", DOI)
    release = load_manifest("evts20_01").release
    assert (release.doi, release.data_doi, release.no_doi) == (None, DOI, None)


def test_what_cannot_be_written_is_shown(inputs: Path) -> None:
    path = inputs / "evts20_01" / "release.toml"
    text = path.read_text().replace("[observation]", "[observation")
    path.write_text(text)
    with pytest.raises(InputError, match="is reserved, but could not be written") as caught:
        record_doi("evts20_01", DOI)
    assert f'data_doi = "{DOI}"' in str(caught.value)
    assert path.read_text() == text


def test_which_doi_is_that_of_the_data(inputs: Path) -> None:
    paper = load_manifest("ant20_01")
    assert own_doi(paper, ("10.5281",)) is None
    assert own_doi(paper, ("10.3847",)) == "10.3847/2041-8213/aad8c0"
    record_doi("ant20_01", DOI)
    assert own_doi(load_manifest("ant20_01"), ()) == DOI
