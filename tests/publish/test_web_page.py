"""What search engines and programs find at a real server."""

from __future__ import annotations

import hashlib
import html.parser
import json
from pathlib import Path
from typing import Any

import mlcroissant
import pytest
import pyvo

from ingest.core.credentials import variable
from ingest.publish.documents import read_record
from ingest.publish.documents.formats import DOCUMENTS
from ingest.publish.documents.serving import table_hash
from tests.instances import Instance
from tests.publish.datacite_server import PASSWORD, PREFIX, REPOSITORY, DataCitePeer, datacite
from tests.publish.dataverse_server import COLLECTION, TOKEN, State, dataverse
from tests.publish.zenodo_server import TOKEN as ZENODO_TOKEN
from tests.publish.zenodo_server import ZenodoPeer, zenodo

INFO = "ant20_01/nu/cone/info"


class Scripts(html.parser.HTMLParser):
    """Collects the texts of the JSON-LD scripts of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = False
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag == "script" and dict(attrs).get("type") == "application/ld+json"
        if self.inside:
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.texts[-1] += data


def described(instance: Instance, page: str = INFO) -> list[dict[str, Any]]:
    """Return what the JSON-LD in a page says."""
    parser = Scripts()
    parser.feed(instance.fetch(page).decode())
    return [json.loads(text) for text in parser.texts]


def published(instance: Instance, target: str, **extra: str) -> str:
    done = instance.km3vo("publish", "ant20_01", "--to", target, **extra)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_of_each_release_describes_it(instance: Instance) -> None:
    for release, title in {
        "ant20_01": "ANTARES 2007-2017 neutrino events",
        "evts23_01": "KM3-230213A, an ultra-high-energy neutrino",
    }.items():
        (document,) = described(instance, f"{release}/nu/cone/info")
        assert document["name"] == title
        assert document["@type"] == "sc:Dataset"
        assert document["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    assert described(instance, "evts20_01/nu/cone/info") == []  # a test


def test_pages_of_other_services_are_as_they_were(instance: Instance) -> None:
    assert described(instance, "__system__/tap/run/info") == []


def test_the_events_can_be_loaded_with_croissant(instance: Instance, tmp_path: Path) -> None:
    """Also checks the checksum: mlcroissant refuses a file with another one."""
    (document,) = described(instance)
    path = tmp_path / "croissant.json"
    path.write_text(json.dumps(document))
    rows = list(mlcroissant.Dataset(path).records("events"))
    assert len(rows) == 8754
    # an event of the predecessor's answer
    (event,) = (row for row in rows if row["events/id"] == b"ANT3412")
    assert event["events/mjd"] == 55592.169
    assert (event["events/ra"], event["events/decl"]) == (43.3, 35.8)
    assert (event["events/nhit"], event["events/beta"]) == (48, 0.3)


def test_the_checksums_are_those_of_the_files(instance: Instance) -> None:
    (document,) = described(instance)
    files = {one["name"]: one for one in document["distribution"]}
    assert {"ant20_01.fits", "PublicData_0717.dat"} <= set(files)
    for file in files.values():
        path = file["contentUrl"].removeprefix(f"{instance.url}/")
        assert hashlib.sha256(instance.fetch(path)).hexdigest() == file["sha256"]


class Store:
    """A client like openkm3, by the rules of its documentation.

    ``get`` takes an identifier; the resource's ``ktype`` says what one gets; what a VO service
    gives has ``get_scs`` and ``get_tap``, which are pyvo's.
    """

    def __init__(self, catalog: dict[str, Any]) -> None:
        self.resources = {one["identifier"]: one for one in catalog["resources"]}

    def get(self, identifier: str) -> Service:
        resource = self.resources[identifier]
        assert resource["ktype"] == "vo.scs"
        return Service(resource)


class Service:
    """A VO service of the Open Data Center."""

    def __init__(self, metadata: dict[str, Any]) -> None:
        self.metadata = metadata

    def get_tap(self) -> pyvo.dal.TAPService:
        return pyvo.dal.TAPService(self.metadata["accessURL"]["tap"])

    def get_scs(self) -> pyvo.dal.SCSService:
        return pyvo.dal.SCSService(self.metadata["accessURL"]["scs"])


def test_a_client_of_the_open_data_center_finds_the_services(instance: Instance) -> None:
    """The queries are those of openkm3's documentation."""
    service = Store(json.loads(published(instance, "km3resource"))).get("ana20_01_vo")
    bright = service.get_tap().search("SELECT * FROM ant20_01.main WHERE nhit>150")
    assert len(bright) == 10
    found = service.get_scs().search((43, 35), 3)
    assert {row["ID"] for row in found} == {"ANT3412", "ANT7402", "ANT3846", "ANT0366"}


def test_the_resources_know_provider_paper_and_licence(instance: Instance) -> None:
    collection = json.loads(published(instance, "km3resource"))
    kids = [collection["kid"], *(one["kid"] for one in collection["resources"])]
    assert len(set(kids)) == len(kids)
    for one in (collection, *collection["resources"]):
        assert one["provider"]["name"] == "KM3NeT Collaboration"
        assert one["license"]["spdx"] == "CC-BY-4.0"
        links = {link["rel"]: link["href"] for link in one["links"]}
        assert links["paper"] == "https://doi.org/10.3847/2041-8213/aad8c0"
        assert links["software"]


def test_datacite_refuses_data_without_a_doi(instance: Instance, tmp_path: Path) -> None:
    done = instance.km3vo("publish", "ant20_01", "--to", "datacite", "-o", str(tmp_path))
    assert done.returncode == 2
    assert "the data set has no DOI of its own" in done.stderr
    assert "remedy:" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_sent_without_being_asked_to(instance: Instance) -> None:
    done = instance.km3vo("publish", "ant20_01", "--to", "dataverse")
    assert done.returncode == 0
    assert "Nothing was sent" in done.stderr
    assert json.loads(done.stdout)["datasetVersion"]["metadataBlocks"]
    done = instance.km3vo("publish", "ant20_01", "--to", "jsonld", "--deposit")
    assert done.returncode == 2
    assert "jsonld takes nothing else" in done.stderr


def test_a_doi_is_reserved_once(instance: Instance, checkout: Path, tmp_path: Path) -> None:
    peer, doi = DataCitePeer(), "10.5072/km3net.org.ant20_01"
    site, private = tmp_path / "site.toml", tmp_path / "credentials.toml"
    private.write_text(f'[datacite]\nrepository = "{REPOSITORY}"\npassword = "{PASSWORD}"\n')
    private.chmod(0o600)
    with datacite(peer) as url:
        site.write_text(f'[deposit]\ndatacite = "{url}"\ndatacite_prefix = "{PREFIX}"\n')
        where = {"PYTHONPATH": str(checkout), "KM3VO_SITE": str(site)}
        for answer in ("is reserved, as a draft", "exists already (draft); nothing was sent"):
            done = instance.km3vo(
                *("cite", "ant20_01", "--to", "datacite", "--reserve"),
                **where,
                KM3VO_CREDENTIALS=str(private),
            )
            assert done.returncode == 0, done.stderr
            assert done.stdout.strip() == f"{doi} {answer}."
    assert peer.count("POST") == 1
    manifest = (checkout / "inputs" / "ant20_01" / "release.toml").read_text()
    assert manifest.count(f'data_doi = "{doi}"') == 1
    logs = [path.read_text() for path in (instance.var / "logs").rglob("*") if path.is_file()]
    assert logs and not [text for text in logs if PASSWORD in text]


def test_a_release_is_deposited_with_its_files(
    instance: Instance, checkout: Path, tmp_path: Path
) -> None:
    peer, site = ZenodoPeer(), tmp_path / "site.toml"
    with zenodo(peer) as url:
        site.write_text(f'[deposit]\nzenodo = "{url}"\n')
        where = {"PYTHONPATH": str(checkout), "KM3VO_SITE": str(site)}
        cite = ("cite", "ant20_01", "--to", "zenodo", "--deposit")
        assert instance.km3vo(*cite, "--dry-run", **where).returncode == 0
        assert peer.requests == []
        done = instance.km3vo(*cite, **where, **{variable("zenodo", "token"): ZENODO_TOKEN})
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "updated 10.5072/zenodo.1000"
    assert "make import RELEASE=ant20_01" in done.stderr
    manifest = (checkout / "inputs" / "ant20_01" / "release.toml").read_text()
    assert manifest.count('data_doi = "10.5072/zenodo.1000"') == 1
    served = instance.fetch("getproduct/ant20_01/data/ant20_01.fits")
    delivered = (checkout / "inputs" / "ant20_01" / "PublicData_0717.dat").read_bytes()
    assert peer.contents == {"ant20_01.fits": served, "PublicData_0717.dat": delivered}


def test_an_unknown_release_is_refused(instance: Instance) -> None:
    done = instance.km3vo("publish", "ant99_01", "--to", "zenodo")
    assert done.returncode == 2
    assert "the release ant99_01 does not exist" in done.stderr


WORD = "Zwetschgendatschi"
"""A word that is nowhere else."""


@pytest.fixture
def renamed(empty_instance: Instance, checkout: Path) -> Instance:
    """Serve ant20_01 with another word in its description, a DOI, and the address of a server."""
    manifest = checkout / "inputs" / "ant20_01" / "release.toml"
    manifest.write_text(
        manifest.read_text().replace("\ndoi = ", '\ndata_doi = "10.5072/km3net"\ndoi = ')
    )
    texts = checkout / "inputs" / "ant20_01" / "description.rst"
    text = " ".join(texts.read_text().partition("\n\n")[0].split())
    assert text.count("selected for the search for point-like") == 1
    text = text.replace("selected for the search for point-like", f"{WORD} </script> point-like")
    texts.write_text(f"{text}\n\n{texts.read_text().partition(chr(10) * 2)[2]}")
    site = checkout / "site" / "site.toml"
    facts = site.read_text().replace('url = ""', 'url = "https://vo.example.org"')
    site.write_text(facts.replace('collection = "root"', f'collection = "{COLLECTION}"'))
    empty_instance.extra |= {"PYTHONPATH": str(checkout)}
    empty_instance.up()
    done = empty_instance.km3vo("import", "--release", "ant20_01")
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    return empty_instance


@pytest.mark.slow
def test_one_word_changed_in_the_descriptor_is_everywhere(
    renamed: Instance, checkout: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "documents"
    for target in DOCUMENTS:
        done = renamed.km3vo("publish", "ant20_01", "--to", target, "-o", str(folder))
        assert done.returncode == 0, done.stderr
    written = {path.name: path.read_text() for path in folder.iterdir()}
    assert set(written) == {
        "CITATION.cff",
        "croissant.json",
        "data.bib",
        "datacite.json",
        "datacite.xml",
        "dataset.jsonld",
        "dataverse.json",
        "km3resource.json",
        "zenodo.json",
    }
    without = [name for name, text in written.items() if WORD not in text]
    assert without == ["data.bib"]  # an entry of a bibliography has no description
    (document,) = described(renamed)
    assert f"{WORD} </script> point-like" in document["description"]
    page = renamed.fetch("ant20_01").decode()
    assert f"{WORD} &lt;/script&gt; point-like" in page
    assert described(renamed, "ant20_01") == [document]
    # what has a DOI has DataCite's metadata beside it
    served = json.loads(renamed.fetch("ant20_01/nu/files/static/documents/datacite.json"))
    assert served == json.loads(written["datacite.json"])
    assert 'download="ant20_01.datacite.xml"' in page
    record = "oai.xml?verb=GetRecord&metadataPrefix=ivo_vor&identifier=ivo://km3net.org/"
    assert WORD in renamed.fetch(f"{record}ant20_01/nu/cone").decode()
    (description,) = renamed.adql(
        "SELECT description FROM tap_schema.schemas WHERE schema_name = 'ant20_01'"
    )
    assert WORD in description[0]

    state = State()
    with dataverse(state) as url:
        site = checkout / "site" / "site.toml"
        site.write_text(site.read_text().replace("https://opendata.km3net.de", url))
        deposit = ("publish", "ant20_01", "--to", "dataverse", "--deposit")
        done = renamed.km3vo(*deposit, **{variable("dataverse", "token"): "expired"})
        assert done.returncode == 2
        assert "expired" not in done.stdout + done.stderr.replace("may have expired", "")
        done = renamed.km3vo(*deposit, **{variable("dataverse", "token"): TOKEN})
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == "created doi:10.5072/FK2/A0"
        assert TOKEN not in done.stdout + done.stderr
    assert WORD in json.dumps(state.datasets)


def test_the_table_is_not_read_again_while_its_rows_stay(instance, layout) -> None:
    # an import that failed since leaves no record of the rows, until the next one
    assert instance.km3vo("import", "--release", "ant20_01").returncode == 0
    record = read_record("ant20_01", layout)
    right = table_hash(record, layout)
    path = layout.record("ant20_01").with_name("table.json")
    written = path.read_text()
    assert right and right in written
    path.write_text(written.replace(right, "0" * 64))
    assert table_hash(record, layout) == "0" * 64
    path.write_text(path.read_text().replace('"data": "', '"data": "other'))
    assert table_hash(record, layout) == right
    assert path.read_text() == written
