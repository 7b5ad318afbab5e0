"""Which releases have services of limits, and for whom."""

from __future__ import annotations

import json
from datetime import date

import pytest
from lxml import etree

from ingest.events.about import Circumstances, about
from ingest.events.about_elements import ABOUT
from ingest.events.delivery import Manifest
from ingest.events.delivery.manifest import load_manifest
from ingest.instance.dachs import FACTS


def services(manifest: Manifest, simulated: bool = False) -> dict[str, set[str]]:
    """Return by service in which sets it is published, and who may use it if not everyone."""
    files = about(manifest, Circumstances(simulated=simulated))
    (stream,) = etree.fromstring(files[ABOUT]).xpath("//STREAM[@id = 'limits']")
    found = {}
    for service in stream.iterfind("service"):
        sets = {one for each in service.iterfind("publish") for one in each.get("sets").split(",")}
        found[service.get("id")] = sets | {one.text for one in service.iterfind("limitTo")}
    assert (json.loads(files[FACTS])["limits"] is not None) == bool(found)
    return found


def changed(**release) -> Manifest:
    manifest = load_manifest("ant20_01")
    return manifest.model_copy(update={"release": manifest.release.model_copy(update=release)})


def test_a_release_with_acceptance_and_background_has_registered_services() -> None:
    registered = {"local", "ivo_managed"}
    assert services(load_manifest("ant20_01")) == {"ps": registered, "region": registered}
    facts = json.loads(about(load_manifest("ant20_01"))[FACTS])
    assert facts["limits"] == {"acceptance": "acceptance.txt", "background": "background.txt"}


def test_other_releases_have_none() -> None:
    assert services(load_manifest("evts20_01")) == {}


def test_a_simulated_release_has_none() -> None:
    assert services(load_manifest("ant20_01"), simulated=True) == {}


@pytest.mark.parametrize("is_described", [True, False])
def test_those_of_a_release_that_is_not_public_are_closed(is_described) -> None:
    manifest = changed(embargo_until=date(2999, 1, 1), metadata_public=is_described)
    found = services(manifest)
    assert found.keys() == {"ps", "region"}
    assert all("collaboration" in one for one in found.values())
    assert all(("ivo_managed" in one) == is_described for one in found.values())


def test_responses_in_other_formats_are_not_used() -> None:
    manifest = load_manifest("ant20_01")
    gadf = [one.model_copy(update={"format": "gadf"}) for one in manifest.responses]
    assert services(manifest.model_copy(update={"responses": tuple(gadf)})) == {}
