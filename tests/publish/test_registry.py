"""``km3vo registry`` on a real instance: what is refused, published, harvested, withdrawn."""

from __future__ import annotations

import dataclasses
import json
import re
import time
from datetime import UTC, datetime

import pytest
from instances import ROOT
from lxml import etree

from ingest.core.errors import InstanceError, NoAnswerError
from ingest.events.delivery import load_manifest, release_names
from ingest.instance import lifecycle
from ingest.instance.dachs import register
from ingest.instance.dachs.client import Dachs
from ingest.instance.site import load_site
from ingest.publish import oai, schemas, validators
from ingest.publish.registry import page, publishing
from ingest.publish.registry.findings import Finding, Party, exit_code

TESTS = ["evts20_01", "evts21_01"]
"""The samples whose manifests say that they are tests."""
STREAM = """<resource schema="scratch_stream" resdir=".">
	<meta name="title">A stream of alerts</meta>
	<meta name="description">A stream for a test.</meta>
	<meta name="creationDate">2026-11-21T00:00:00Z</meta>
	<meta name="creator">KM3NeT Collaboration</meta>
	<FEED source="km3net/common#metadata"/>
	<coverage>
		<spatial>0/0-11</spatial>
		<temporal>54129 59989</temporal>
		<spectral>1.602176634e-10 4.1656592484e-1</spectral>
	</coverage>
	<service id="alerts" allowed="external">
		<meta name="shortName">stream</meta>
		<meta name="resType">catalogService</meta>
		<nullCore/>
		<publish render="external" sets="ivo_managed">
			<meta name="accessURL">https://www.km3net.org</meta>
			<FEED source="km3net/voevent#endpoint" protocol="acc-kafka"
				url="kafka://kafka.gcn.nasa.gov/gcn.notices.km3net"/>
			<FEED source="km3net/voevent#endpoint" protocol="acc-vtp"
				url="vtp://voevent.km3net.de:8099"/>
		</publish>
	</service>
	<service id="page" allowed="external">
		<meta name="shortName">page</meta>
		<nullCore/>
		<publish render="external" sets="ivo_managed">
			<meta name="accessURL">https://www.km3net.org</meta>
		</publish>
	</service>
</resource>"""
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


@pytest.fixture
def endpoint(instance) -> str:
    return f"{instance.url}/oai.xml"


def by_identifier(endpoint: str, **more: str) -> dict[str, oai.RegistryRecord]:
    return {one.identifier: one for one in oai.harvest(endpoint, **more).records}


@pytest.mark.parametrize("url", ["", "http://localhost:{port}", "http://127.0.0.1:{port}"])
def test_a_server_that_is_not_public_is_not_published(instance, endpoint, tmp_path, url) -> None:
    before = by_identifier(endpoint)
    site = tmp_path / "site.toml"
    site.write_text(f'[site]\nurl = "{url.format(port=instance.port)}"\n')
    done = instance.km3vo("registry", "publish", KM3VO_SITE=str(site))
    assert done.returncode == 2, done.stderr
    assert "public-url" in done.stdout
    assert "not ready to be registered" in done.stdout
    assert "[site] url" in done.stdout
    after = by_identifier(endpoint)
    assert {one: (r.datestamp, r.deleted) for one, r in after.items()} == {
        one: (r.datestamp, r.deleted) for one, r in before.items()
    }


def test_a_missing_doi_is_a_matter_of_the_curator(instance, checkout) -> None:
    manifest = checkout / "inputs" / "evts23_01" / "release.toml"
    text = manifest.read_text()
    doi = next(line for line in text.splitlines() if line.startswith("doi = "))
    manifest.write_text(text.replace(doi, 'no_doi = "for a test"'))
    done = instance.km3vo("registry", "publish", PYTHONPATH=str(checkout))
    assert done.returncode == 2
    groups = [line for line in done.stdout.splitlines() if line.endswith(":") and "For" in line]
    assert groups == [f"{one.value}:" for one in (Party.CURATOR, Party.SITE)]
    curator = done.stdout.partition(Party.CURATOR.value)[2].partition(Party.SITE.value)[0]
    assert "at:       inputs/evts23_01/release.toml" in curator
    assert "km3vo cite evts23_01 --to datacite --reserve" in curator
    for name in ("ant20_01", *TESTS):
        assert name not in done.stdout
    page = done.stdout.rpartition("This page was written to ")[2].strip()
    assert page == str(instance.var / "reports" / "registry.html")
    html = (instance.var / "reports" / "registry.html").read_text()
    assert etree.HTML(html).xpath("//td[text()='inputs/evts23_01/release.toml']")
    assert (instance.var / "reports" / "registry.txt").read_text() in done.stdout


def test_a_registry_that_cannot_be_asked_is_refused_unless_offline(instance, tmp_path) -> None:
    site = tmp_path / "site.toml"
    site.write_text('[registry]\nregtap = "http://127.0.0.1:9/tap"\n')
    done = instance.km3vo("registry", "publish", "--dry-run", KM3VO_SITE=str(site))
    assert done.returncode == 2
    assert "http://127.0.0.1:9/tap" in done.stderr
    assert "--offline" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_instance_that_is_down_is_refused(scratch_instance) -> None:
    done = scratch_instance.km3vo("registry", "publish", "--offline")
    assert done.returncode == 1
    assert "make up" in done.stderr


def test_a_simulated_stand_in_is_refused(layout) -> None:
    path = layout.inputs / "evts23_01" / "nu.rd"
    text = path.read_text()
    try:
        path.write_text(f"{text}<!-- [SIMULATED stand-in, not real data] -->")
        found = list(publishing.preflight(layout, load_site()))
    finally:
        path.write_text(text)
    assert ("simulated", "evts23_01") in [(one.rule, one.subject) for one in found]


def test_what_is_online_without_a_manifest_is_told(layout) -> None:
    stray = layout.inputs / "evts99_01"
    (stray / "data").mkdir(parents=True)
    try:
        found = list(publishing.preflight(layout, load_site()))
    finally:
        (stray / "data").rmdir()
        stray.rmdir()
    (finding,) = [one for one in found if one.rule == "withdrawn"]  # and not the alerts
    assert finding.remedy == "km3vo registry withdraw evts99_01"


@pytest.mark.slow
def test_what_we_publish_is_valid_and_follows_the_rules(instance, layout, endpoint) -> None:
    with lifecycle.database(layout):
        register(layout, validators.online_descriptors(layout))
    judged = publishing.judge(layout, load_site(), instance.url)
    assert [(one.rule, one.subject) for one in judged.findings] == []
    names = {one.identifier.removeprefix("ivo://km3net.org") for one in judged.records}
    assert {"", "/org", "/tap", "/__system__/services/registry"} <= names
    assert {"/ant20_01/nu/cone", "/evts23_01/nu/cone"} <= names
    assert not [name for name in names if name.startswith(tuple(f"/{one}/" for one in TESTS))]


def test_a_record_that_is_not_valid_is_told_and_the_others_are_not(layout, endpoint) -> None:
    (good, other) = oai.harvest(endpoint).records[:2]
    broken = etree.fromstring(etree.tostring(good.metadata))
    broken.find("curation").getparent().remove(broken.find("curation"))
    documents = {
        "good": etree.tostring(good.metadata),
        "broken": etree.tostring(broken),
        "cut": b"<ri:Resource",
        "other": etree.tostring(other.metadata),
    }
    wrong = schemas.violations(Dachs(layout), documents)
    assert set(wrong) == {"broken", "cut"}
    assert "curation" in wrong["broken"]


def test_services_that_do_not_answer_are_told(instance, endpoint) -> None:
    from ingest.publish.registry import services

    record = by_identifier(endpoint)["ivo://km3net.org/ant20_01/nu/cone"]
    assert list(services.ask_all([record])) == []
    text = etree.tostring(record.metadata).decode()
    nowhere = re.sub("<(sr|dec)>[^<]*<", r"<\1>0.0001<", text)
    missing = text.replace("/cone/scs.xml", "/cone/nothing.xml")
    for changed, words in ((nowhere, "0 rows"), (missing, "does not answer")):
        one = oai.RegistryRecord(record.identifier, "", False, (), etree.fromstring(changed))
        (found,) = services.ask_all([one])
        assert found.rule == "answers"
        assert words in found.value


def test_all_pages_of_a_harvest_are_read(endpoint) -> None:
    whole = by_identifier(endpoint)
    assert len(whole) >= 8
    for size in ("1", "3", str(len(whole))):
        paged = oai.harvest(endpoint, maxRecords=size)
        assert {one.identifier for one in paged.records} == set(whole)
        assert len(paged.pages) == -(-len(whole) // int(size))


def test_a_server_that_is_not_a_registry_is_an_error(instance) -> None:
    with pytest.raises(NoAnswerError, match="does not answer"):
        oai.harvest(f"{instance.url}/nothing.xml")
    with pytest.raises(InstanceError, match="not that of a registry"):
        oai.identify(f"{instance.url}/__system__/tap/run/tap/availability")


@pytest.mark.slow
def test_a_withdrawn_release_leaves_a_deletion_record(instance, endpoint, checkout) -> None:
    ivoid = "ivo://km3net.org/evts23_01/nu/cone"
    before = by_identifier(endpoint)
    assert not before[ivoid].deleted
    time.sleep(1.1)  # OAI-PMH knows seconds
    last_harvest = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    ours = {"PYTHONPATH": str(checkout)}
    toml = checkout / "inputs" / "evts23_01" / "release.toml"
    before_the_mark = toml.read_text()
    # as an interrupted command leaves it: the same command completes it
    toml.write_text(before_the_mark.replace("[observation]", 'withdrawn = "no"\n[observation]'))
    withdraw = ("release", "withdraw", "evts23_01", "--reason", "no", "--yes")
    done = instance.km3vo(*withdraw, **ours)
    try:
        assert done.returncode == 0, done.stderr
        assert f"Registries will see {ivoid} as deleted." in done.stdout
        after = by_identifier(endpoint)
        assert after[ivoid].deleted and after[ivoid].metadata is None
        # A harvester that asks for changes since its last visit receives it.
        changed = by_identifier(endpoint, **{"from": last_harvest})
        assert changed[ivoid].deleted
        assert "ivo://km3net.org/ant20_01/nu/cone" not in changed
        assert after[ivoid].datestamp > before[ivoid].datestamp
        assert not [one for one, record in after.items() if record.deleted and one != ivoid]
        tables = [row[0] for row in instance.adql("SELECT table_name FROM tap_schema.tables")]
        assert "evts23_01.main" not in tables and "evts21_01.main" in tables
        releases = "SELECT DISTINCT release FROM km3net.events"
        assert ["evts23_01"] not in instance.adql(releases)
        refused = instance.km3vo("import", "--release", "evts23_01", **ours)
        assert refused.returncode == 2
        assert "the release evts23_01 was withdrawn" in refused.stderr
        assert instance.km3vo(*withdraw, **ours).returncode == 0
        story = json.loads(instance.km3vo("release", "history", "evts23_01", "--json").stdout)
        assert [one["what"] for one in story["history"]][-2:] == ["imported", "withdrawn"]
        assert instance.km3vo("release", "withdraw", "evts23_01", "--undo", **ours).stderr == ""
        assert toml.read_text() == before_the_mark
    finally:
        again = instance.km3vo("import", "--release", "evts23_01")
    assert again.returncode == 0, again.stderr
    assert not by_identifier(endpoint)[ivoid].deleted
    assert ["evts23_01"] in instance.adql(releases)


@pytest.mark.parametrize(
    "name", ["evts98_01", "km3net", "alerts", "../evts23_01", "", "__system__"]
)
def test_what_is_no_release_cannot_be_withdrawn(instance, name: str) -> None:
    done = instance.km3vo("registry", "withdraw", name, "--yes")
    assert done.returncode == 2
    assert "ant20_01, evts20_01" in done.stderr
    assert (instance.var / "dachs" / "inputs" / "evts23_01").is_dir()


def stream_capability(record: etree._Element) -> etree._Element:
    """Return the capability of a stream; DaCHS 2.13 also names its page of capabilities."""
    found = {one.get("standardID"): one for one in record.findall("capability")}
    assert found.keys() <= {
        "ivo://ivoa.net/std/voevent", "ivo://ivoa.net/std/VOSI#capabilities",
    }  # fmt: skip
    return found["ivo://ivoa.net/std/voevent"]


@pytest.mark.slow
def test_the_stream_of_alerts_and_a_renamed_service(layout, endpoint, deployed) -> None:
    deployed(STREAM)
    records = by_identifier(endpoint)
    stream = records["ivo://km3net.org/scratch_stream/nu/alerts"]
    assert stream.metadata.get(XSI_TYPE) == "vs:CatalogService"
    capability = stream_capability(stream.metadata)
    said = [
        (one.get(XSI_TYPE), one.get("standardID"), one.findtext("accessURL"))
        for one in capability.findall("interface")
    ]
    # keys of the standard's own record, and the type of its schema VOEventRegExt 2.0
    key = "ivo://ivoa.net/std/VOEvent#acc-"
    assert said == [
        ("voe:StreamEndpoint", f"{key}kafka", "kafka://kafka.gcn.nasa.gov/gcn.notices.km3net"),
        ("voe:StreamEndpoint", f"{key}vtp", "vtp://voevent.km3net.de:8099"),
    ]
    assert stream.metadata.nsmap["voe"] == "http://www.ivoa.net/xml/VOEventRegExt/v2"
    page = records["ivo://km3net.org/scratch_stream/nu/page"]
    kinds = [one.get(XSI_TYPE) for one in page.metadata.findall("capability/interface")]
    # DaCHS 2.13 also names its page of capabilities
    assert [one for one in kinds if one != "vs:ParamHTTP"] == ["vr:WebBrowser"]
    documents = {one.identifier: etree.tostring(one.metadata) for one in (stream, page)}
    documents["no protocol"] = documents[stream.identifier].replace(
        f' standardID="{key}vtp"'.encode(), b""
    )
    assert set(schemas.violations(Dachs(layout), documents)) == {"no protocol"}

    deployed(STREAM.replace('id="page"', 'id="help"'))
    renamed = by_identifier(endpoint)
    assert renamed[page.identifier].deleted
    assert not renamed["ivo://km3net.org/scratch_stream/nu/help"].deleted
    assert not renamed[stream.identifier].deleted


def test_the_page_says_what_to_do_word_by_word(monkeypatch, tmp_path) -> None:
    path = tmp_path / "site.toml"
    path.write_text('[site]\nurl = "https://vo.km3net.de"\n')
    monkeypatch.setenv("KM3VO_SITE", str(path))
    site = load_site()
    record = oai.RegistryRecord("ivo://km3net.org/org", "", False, (), None)
    ready = publishing.Outcome(published=True, records=(record,))
    text = page.plain_page(site, ready)
    assert "is ready to be registered" in text
    assert "http://rofr.ivoa.net/regvalidate/" in text
    assert "https://vo.km3net.de/oai.xml" in text
    assert "ivo://km3net.org/org" in text
    words = " ".join(etree.HTML(page.html(site, ready)).itertext())
    assert all(step in words for step in page.steps(site, ready))

    finding = Finding(Party.CURATOR, "doi", "<evts>", "here", "", "a DOI", "write one")
    for outcome in (publishing.Outcome([finding], published=True), publishing.Outcome()):
        assert "not ready" in page.title(site, outcome)
        assert "rofr" not in page.plain_page(site, outcome)
    ours = publishing.Outcome([dataclasses.replace(finding, party=Party.OURS)])
    assert "Report the faults" in page.plain_page(site, ours)
    shown = page.html(site, publishing.Outcome([finding]))
    assert "&lt;evts&gt;" in shown and "<evts>" not in shown
    known = publishing.Outcome(published=True, known=True)
    assert "nothing to do" in page.plain_page(site, known)


def findings(*parties: Party) -> list[Finding]:
    return [Finding(one, one.name, "a", "b", "c", "d", f"by the {one.name}") for one in parties]


def test_findings_are_listed_by_who_can_correct_them() -> None:
    mixed = findings(Party.OURS, Party.CURATOR, Party.SITE, Party.CURATOR)
    outcome = publishing.Outcome(mixed)
    text = page.plain_page(load_site(), outcome)
    words = [line for line in text.splitlines() if line.endswith(":") or "remedy" in line]
    assert [[*line.split()[:2], line.split()[-1]] for line in words] == [
        ["For", "the", "release:"],
        ["remedy:", "by", "CURATOR"],
        ["remedy:", "by", "CURATOR"],
        ["For", "the", "authority:"],
        ["remedy:", "by", "SITE"],
        ["Ours:", "faults", "developers:"],
        ["remedy:", "by", "OURS"],
    ]
    tables = etree.HTML(page.html(load_site(), outcome)).xpath("//h2/text()")
    assert [one.split()[-1] for one in tables] == ["release", "authority", "developers"]


@pytest.mark.parametrize(
    ("parties", "code"),
    [
        ([], 0),
        ([Party.OURS], 1),
        ([Party.OURS, Party.SITE], 2),
        ([Party.CURATOR], 2),
        ([Party.CURATOR, Party.OURS], 2),
    ],
)
def test_the_exit_code_says_whether_the_user_can_do_something(
    parties: list[Party], code: int
) -> None:
    assert exit_code(findings(*parties)) == code


def test_the_coverage_of_all_samples_is_that_of_the_samples_together(endpoint) -> None:
    whole = by_identifier(endpoint)["ivo://km3net.org/km3net/nu/cone"].metadata
    manifests = [load_manifest(name) for name in release_names()]
    assert len(manifests) == 4  # also tests, which have no record of their own
    joule = 1.602176634e-10  # per GeV, exact in the SI
    ranges = {
        "temporal": [(one.release.start_mjd, one.release.stop_mjd) for one in manifests],
        "spectral": [
            (one.observation.min_energy_gev * joule, one.observation.max_energy_gev * joule)
            for one in manifests
        ],
    }
    for name, found in ranges.items():
        wanted = [min(low for low, _ in found), max(high for _, high in found)]
        said = [float(word) for word in whole.findtext(f"coverage/{name}").split()]
        assert said == pytest.approx(wanted, rel=1e-9)


def test_make_publish_is_the_command() -> None:
    makefile = (ROOT / "Makefile").read_text()
    target = makefile.partition("\npublish:")[2].partition("\n\n")[0]
    assert "$(km3vo) registry publish" in target


def test_the_stream_of_alerts_has_the_endpoint_of_the_site(endpoint) -> None:
    found = by_identifier(endpoint)["ivo://km3net.org/alerts/nu/stream"].metadata
    capability = stream_capability(found)
    (interface,) = capability.findall("interface")
    assert interface.get(XSI_TYPE) == "voe:StreamEndpoint"
    assert interface.get("standardID") == "ivo://ivoa.net/std/VOEvent#acc-kafka"
    assert interface.findtext("accessURL") == load_site().alerts.stream
