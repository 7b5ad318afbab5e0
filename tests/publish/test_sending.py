"""What is sent, and what must not be."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from ingest.core.errors import ManifestError
from ingest.events.delivery import Manifest, load_manifest
from ingest.instance import Account, Layout, load_site
from ingest.publish.deposits import preview, send
from tests.publish.samples import DOI, record


def embargoed() -> Manifest:
    manifest = load_manifest("ant20_01")
    tomorrow = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=1)
    changes = {"embargo_until": tomorrow, "metadata_public": True}
    return manifest.model_copy(update={"release": manifest.release.model_copy(update=changes)})


@pytest.mark.parametrize("action", ["deposit", "publish"])
def test_files_under_embargo_are_not_sent(tmp_path: Path, action: str) -> None:
    layout = Layout(tmp_path, Account.current())
    with pytest.raises(ManifestError, match="not public"):
        send("zenodo", action, record(), embargoed(), layout, load_site())


@pytest.mark.parametrize("target", ["datacite", "zenodo"])
def test_a_server_without_a_public_address_publishes_nothing(tmp_path: Path, target: str) -> None:
    local = record().model_copy(update={"reference_url": "http://localhost:8080/ant20_01"})
    layout = Layout(tmp_path, Account.current())
    with pytest.raises(ManifestError, match="on this machine only"):
        send(target, "publish", local, load_manifest("ant20_01"), layout, load_site())


def test_the_preview_is_what_would_be_sent() -> None:
    manifest, site = load_manifest("ant20_01"), load_site()
    with pytest.raises(ManifestError, match="no DOI of its own"):
        preview("datacite", record(doi=False), manifest, site)
    release = manifest.release.model_copy(update={"data_doi": DOI})
    owned = manifest.model_copy(update={"release": release})
    assert preview("datacite", record(doi=False), owned, site)["doi"] == DOI
    document = preview("zenodo", record(doi=False), manifest, site)["metadata"]
    assert document["prereserve_doi"] is True
    assert record().identifier in document["keywords"]
