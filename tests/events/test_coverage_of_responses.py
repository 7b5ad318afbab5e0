"""What responses cover in time, sky and energy, if that differs from their release."""

from __future__ import annotations

import json

import pytest
from lxml import etree
from pydantic import ValidationError

from ingest.events.about import about
from ingest.events.delivery import Manifest, load_manifest
from ingest.events.delivery.listed import ResponseCoverage
from ingest.instance.dachs import FACTS, combined

PERIOD = {"start": "2023-01-01T00:00:00Z", "stop": "2024-01-01T00:00:00Z"}


def covering(**stated: object) -> Manifest:
    """Return a release of one day and six degrees whose response states its own coverage."""
    manifest = load_manifest("evts23_01")
    (response,) = manifest.responses
    changed = response.model_copy(update={"coverage": ResponseCoverage.model_validate(stated)})
    return manifest.model_copy(update={"responses": (changed,)})


def facts(manifest: Manifest) -> dict:
    return json.loads(about(manifest)[FACTS])


def test_what_is_stated_replaces_what_holds_for_the_release() -> None:
    of_release = facts(covering())["coverage"]
    (one,) = facts(covering(diameter_deg=360, **PERIOD))["responses"]
    assert one["observation"] == {
        "start_mjd": 59945.0,
        "stop_mjd": 60310.0,
        "centre_ra_deg": 0,
        "centre_dec_deg": 0,
        "diameter_deg": 360,
    }
    assert one["coverage"]["temporal"] == "59945.00000 60310.00000"
    assert one["coverage"]["spatial"].startswith("0/0-11")
    assert one["coverage"]["spectral"] == of_release["spectral"]


def test_without_a_coverage_of_its_own_nothing_is_stated() -> None:
    (one,) = facts(covering())["responses"]
    assert set(one) == {"name", "response", "title"}


def test_the_tables_of_responses_cover_what_the_responses_cover() -> None:
    """1e11 GeV are 16.02 J; the event itself is within six degrees, and has at most 2.6e9 GeV."""
    found = combined.describe("irf", combined.coverages_of_responses([facts(covering(
        diameter_deg=360, min_energy_gev=1e5, max_energy_gev=1e11
    ))]))  # fmt: skip
    coverage = etree.fromstring(found).find(".//coverage")
    assert coverage.findtext("spatial").startswith("0/0-11")
    energies = [float(word) for word in coverage.findtext("spectral").split()]
    assert energies == pytest.approx([1.602176634e-5, 16.02176634])
    samples = combined.describe("km3net", combined.coverages([facts(covering(diameter_deg=360))]))
    assert not etree.fromstring(samples).findtext(".//spatial").startswith("0/0-11")


def test_rows_and_products_do_not_depend_on_it() -> None:
    assert covering().row_facts() == covering(**PERIOD).row_facts()


@pytest.mark.parametrize(
    ("stated", "problem"),
    [
        ({"start": PERIOD["start"]}, "both start and stop"),
        ({"max_energy_gev": 1e5}, "both min_energy_gev and max_energy_gev"),
        ({"min_energy_gev": 1e5, "max_energy_gev": 1e5}, "must be less"),
        ({"start": PERIOD["stop"], "stop": PERIOD["start"]}, "must be less"),
        ({"centre_dec_deg": 10}, "needs diameter_deg"),
        ({"radius_deg": 10}, "radius_deg"),
    ],
)
def test_half_a_coverage_is_refused(stated: dict, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        ResponseCoverage.model_validate(stated)
