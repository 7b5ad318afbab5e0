"""The rules for registry records, against what the standards say a record has to have."""

from __future__ import annotations

import dataclasses

import pytest
from lxml import etree

from ingest.publish.oai import RegistryRecord
from ingest.publish.registry.findings import Party
from ingest.publish.registry.rules import RULES, Context, is_good_moc, judge

IVOID = "ivo://km3net.org/ant20_01/nu/cone"
CONTEXT = Context(
    authority="km3net.org",
    url="https://vo.km3net.de",
    releases=frozenset(["ant20_01"]),
    subjects=frozenset(["neutrino-astronomy"]),
)
GOOD = f"""<ri:Resource xmlns:ri="http://www.ivoa.net/xml/RegistryInterface/v1.0"
    xmlns:vs="http://www.ivoa.net/xml/VODataService/v1.1"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="vs:CatalogService">
  <title>Neutrinos</title>
  <identifier>{IVOID}</identifier>
  <altIdentifier>doi:10.3847/2041-8213/aad8c0</altIdentifier>
  <curation>
    <creator><name>ANTARES Collaboration</name></creator>
    <creator><name>Curie, M.</name></creator>
    <contact><name>Office</name><email>office@km3net.de</email></contact>
  </curation>
  <content>
    <subject>neutrino-astronomy</subject>
    <description>Some</description>
    <type>Catalog</type>
    <contentLevel>Research</contentLevel>
  </content>
  <rights rightsURI="https://spdx.org/licenses/CC-BY-4.0.html">CC BY 4.0</rights>
  <capability standardID="ivo://ivoa.net/std/ConeSearch">
    <interface><accessURL>https://vo.km3net.de/ant20_01/nu/cone/scs.xml?</accessURL></interface>
  </capability>
  <capability standardID="ivo://ivoa.net/std/voevent">
    <interface standardID="ivo://ivoa.net/std/VOEvent#acc-kafka">
      <accessURL>kafka://kafka.gcn.nasa.gov/gcn.notices.km3net</accessURL>
    </interface>
  </capability>
  <coverage>
    <spatial>6/21368</spatial>
    <temporal>54129 58119</temporal>
    <spectral>1.6e-08 0.016</spectral>
    <waveband>Neutrino</waveband>
  </coverage>
</ri:Resource>"""


def record(text: str, **more: object) -> RegistryRecord:
    header = {"identifier": IVOID, "datestamp": "", "deleted": False, "sets": ()}
    return RegistryRecord(**(header | more), metadata=etree.fromstring(text))


def test_a_good_record_breaks_no_rule() -> None:
    assert judge([record(GOOD)], CONTEXT) == []


@pytest.mark.parametrize(
    ("rule", "good", "bad", "where"),
    [
        ("identifier", IVOID, "ivo://km3net.org/other", "/Resource/identifier"),
        ("contact", "<email>office@km3net.de</email>", "", "/Resource/curation/contact/email"),
        (
            "address",
            "https://vo.km3net.de/ant20",
            "http://localhost:8080/ant20",
            "/Resource/capability[1]/interface/accessURL",
        ),
        (
            "address",
            "https://vo.km3net.de/ant20",
            "https://vo.km3net.de.example.net/ant20",
            "/Resource/capability[1]/interface/accessURL",
        ),
        ("simulated", "<title>N", "<title>[SIMULATED stand-in] N", "/Resource/title"),
        ("subject", ">neutrino-astronomy<", ">Neutrinos<", "/Resource/content/subject"),
        ("creator", "Curie, M.", "Marie Curie", "/Resource/curation/creator[2]/name"),
        ("creator", "Curie, M.", "M. Curie", "/Resource/curation/creator[2]/name"),
        ("rights", "CC-BY-4.0.html", "CC-BY-9.9.html", "/Resource/rights/@rightsURI"),
        ("rights", "spdx.org/licenses", "creativecommons.org", "/Resource/rights/@rightsURI"),
        ("content", ">Research<", ">Amateur<", "/Resource/content/contentLevel"),
        ("content", ">Catalog<", ">Outreach<", "/Resource/content/type"),
        ("doi", "doi:10.3847", "https://doi.org/10.3847", "/Resource/altIdentifier"),
        ("doi", "doi:10.3847/2041-8213/aad8c0", "bibcode:1", "/Resource/altIdentifier"),
        ("spatial", "6/21368", "3/1", "/Resource/coverage/spatial"),
        ("temporal", "54129 58119", "2454129.5 2458119.5", "/Resource/coverage/temporal"),
        ("temporal", "54129 58119", "2007 2017", "/Resource/coverage/temporal"),
        ("temporal", "54129 58119", "58119 54129", "/Resource/coverage/temporal"),
        ("spectral", "1.6e-08 0.016", "100 1e8", "/Resource/coverage/spectral"),
        ("spectral", "1.6e-08 0.016", "1.2e-23 1.2e-17", "/Resource/coverage/spectral"),
        ("spectral", "<spectral>1.6e-08 0.016</spectral>", "", "/Resource/coverage/spectral"),
        ("waveband", ">Neutrino<", ">Gamma-ray<", "/Resource/coverage/waveband"),
    ],
)
def test_a_broken_rule_is_told_with_its_place(rule: str, good: str, bad: str, where: str) -> None:
    text = GOOD.replace(good, bad, 1)
    assert text != GOOD
    (found,) = judge([record(text)], CONTEXT)
    assert (found.rule, found.where) == (rule, where)
    assert found.subject == IVOID
    assert found.expected and found.remedy


def test_what_is_not_to_be_registered_has_no_record_and_needs_no_doi() -> None:
    context = dataclasses.replace(CONTEXT, unregistered=frozenset(["ant20_01"]))
    without_doi = GOOD.replace("<altIdentifier>doi", "<altIdentifier>")
    (found,) = judge([record(without_doi)], context)
    assert (found.rule, found.party) == ("hidden", Party.CURATOR)
    assert found.remedy == "make import RELEASE=ant20_01"


def test_curators_are_asked_about_releases_only() -> None:
    bad = GOOD.replace("Curie, M.", "Marie Curie")
    (found,) = judge([record(bad)], CONTEXT)
    assert found.party is Party.CURATOR
    name = "ivo://km3net.org/alerts/nu/cone"
    (found,) = judge([record(bad.replace("ant20_01/nu", "alerts/nu"), identifier=name)], CONTEXT)
    assert found.party is Party.OURS
    local = GOOD.replace("https://vo.km3net.de/ant20", "http://localhost/ant20")
    (found,) = judge([record(local)], CONTEXT)
    assert found.party is Party.SITE


def test_each_rule_is_tested_here() -> None:
    (marker,) = test_a_broken_rule_is_told_with_its_place.pytestmark
    tested = {case[0] for case in marker.args[1]} | {"hidden"}
    assert tested == {rule.name for rule in RULES}


def test_a_deleted_record_is_not_judged_and_an_empty_one_is_told() -> None:
    gone = RegistryRecord(IVOID, "", True, (), None)
    empty = RegistryRecord(IVOID, "", False, (), None)
    assert [one.rule for one in judge([gone, empty], CONTEXT)] == ["record"]


def test_a_view_over_releases_needs_no_doi() -> None:
    text = GOOD.replace("ant20_01/nu", "km3net/nu").replace("<altIdentifier>doi", "<altIdentifier>")
    name = "ivo://km3net.org/km3net/nu/cone"
    assert judge([record(text, identifier=name)], CONTEXT) == []


@pytest.mark.parametrize(
    ("moc", "good"),
    [
        ("0/0-11", True),  # the whole sky: VODataService 1.2, section 3.3.1
        ("0/0-11 6/", True),
        (" 6/21368\n", True),
        ("3/1,5\n 7/100,\n 101", True),
        ("0/4-11", False),
        ("5/1-3", False),
        ("6/", False),
        ("all", False),
        ("", False),
    ],
)
def test_coverage_on_the_sky(moc: str, good: bool) -> None:
    assert is_good_moc(moc) is good
