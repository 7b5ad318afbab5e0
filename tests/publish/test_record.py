"""What is read from a registry record, and which metadata are refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lxml import etree

from ingest.core.errors import ManifestError
from ingest.events.delivery.manifest import load_manifest
from ingest.publish.documents.dates import days
from ingest.publish.documents.voresource import parse
from tests.publish.samples import DOI, record, resource, with_person


def test_the_release_is_described_and_not_its_cone_search() -> None:
    made = record()
    assert made.title == "ANTARES 2007-2017 neutrino events"
    assert made.description.startswith(
        "Neutrino candidates recorded by the ANTARES neutrino telescope"
    )


def test_the_doi_of_the_paper_is_not_that_of_the_data() -> None:
    made = record(doi=False)
    assert made.doi is None
    assert made.paper_doi == "10.3847/2041-8213/aad8c0"
    assert record().doi == DOI
    assert record().paper_doi == "10.3847/2041-8213/aad8c0"


def test_persons_and_collaborations_are_told_apart() -> None:
    collaboration, person = record().creators
    assert collaboration.is_organisation
    assert not person.is_organisation
    assert (person.family_name, person.given_name) == ("Curie", "Marie")
    assert person.orcid == "0000-0002-1825-0097"


def test_the_services_are_found_by_their_standards() -> None:
    made = record()
    assert made.cone_search == "https://vo.example.org/ant20_01/nu/cone/scs.xml?"
    assert made.tap == "https://vo.example.org/tap"


def test_the_columns_come_with_unit_and_ucd() -> None:
    columns = {one.name: one for one in record().main_table.columns}
    assert (columns["ra"].unit, columns["ra"].ucd) == ("deg", "pos.eq.ra;meta.main")
    assert columns["id"].is_plain
    assert not columns["origin_est"].is_plain


def test_the_days_of_the_data_are_those_of_the_manifest() -> None:
    manifest = load_manifest("ant20_01")
    first, last = days(record())
    assert first == manifest.release.start.date().isoformat()
    assert (first, last) == ("2007-01-29", "2017-12-31")


def _person_without_comma(element: etree._Element) -> None:
    with_person(element).findall("curation/creator/name")[-1].text = "Marie Curie"


def _no_creator(element: etree._Element) -> None:
    element.find("curation").remove(element.find("curation/creator"))


def _unknown_subject(element: etree._Element) -> None:
    element.find("content/subject").text = "ghost-particles"


def _own_licence(element: etree._Element) -> None:
    element.find("rights").set("rightsURI", "https://www.km3net.org/licence.html")


def _licence_that_spdx_has_not(element: etree._Element) -> None:
    element.find("rights").set("rightsURI", "https://spdx.org/licenses/CC-BY-9.0.html")


def _no_licence(element: etree._Element) -> None:
    element.remove(element.find("rights"))


def _no_contact(element: etree._Element) -> None:
    element.find("curation/contact").remove(element.find("curation/contact/email"))


@pytest.mark.parametrize(
    ("damage", "problem", "expected"),
    [
        (_person_without_comma, "neither a person nor an organisation", '"Last, First"'),
        (_no_creator, "there is no creator", '"Last, First"'),
        (_unknown_subject, "an unknown subject", "neutrino-astronomy"),
        (_own_licence, "is not in the SPDX list", "https://spdx.org/licenses/CC-BY-4.0.html"),
        (_licence_that_spdx_has_not, "is not in the SPDX list", "CC-BY-4.0"),
        (_no_licence, "is not in the SPDX list", "CC-BY-4.0"),
        (_no_contact, "the metadata item email is missing", "a text"),
    ],
)
def test_metadata_that_no_repository_takes_are_refused(
    damage: Callable[[etree._Element], None], problem: str, expected: str
) -> None:
    element = resource()
    damage(element)
    with pytest.raises(ManifestError) as caught:
        parse(element, load_manifest("ant20_01"))
    assert problem in str(caught.value)
    assert expected in str(caught.value)
    assert caught.value.remedy
    assert caught.value.exit_code == 2
