import json
from dataclasses import replace
from pathlib import Path

import km3net_testdata
import pytest
from prov.model import ProvActivity, ProvAgent, ProvDocument, ProvEntity

from ingest.core.errors import InputError
from ingest.core.files import sha256
from ingest.core.prov_document import write_provenance
from ingest.core.provenance import Production, Source, Step, check_steps
from ingest.events.checks.checker import CheckReport

# SHA-256 of "abc" (FIPS 180-2, appendix B.1)
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.fixture
def production(tmp_path):
    delivered = tmp_path / "delivered.dat"
    delivered.write_bytes(b"abc")
    metadata = {"kid": "a-kid", "jpp": "17.3.0", "raw_header": {"DAQ": {"livetime": "5"}}}
    source = Source.of(delivered, metadata, "https://example.org/delivered.dat")
    return Production(
        "product.fits", [source], "0.1.0", {"start_mjd": 54129.0, "reject": []}, "km3vo import x"
    )


@pytest.fixture
def product(tmp_path):
    path = tmp_path / "product.fits"
    path.write_bytes(b"SIMPLE")
    return path


@pytest.fixture(scope="module")
def hdf5():
    return Path(km3net_testdata.__file__).parent / "data" / "hdf5"


def test_sources_are_known_by_their_checksums(production):
    assert production.sources[0].checksum == ABC
    assert production.sources[0].size == 3


def test_the_kid_depends_on_all_that_makes_the_product(production):
    others = [
        production,
        replace(production, product="other.fits"),
        replace(production, version="0.1.1"),
        replace(production, parameters={"start_mjd": 54129.5, "reject": []}),
        replace(production, sources=[replace(production.sources[0], checksum="0" * 64)]),
    ]
    assert len({one.kid for one in others}) == 5
    # but not on where the file lies or how the command was spelled
    same = replace(
        production, command="", sources=[replace(production.sources[0], origin="elsewhere")]
    )
    assert same.kid == production.kid
    reordered = replace(production, parameters=dict(reversed(production.parameters.items())))
    assert reordered.kid == production.kid


def test_the_summary_is_one_ascii_line(production):
    assert production.summary.isascii()
    assert production.summary.isprintable()
    assert "delivered.dat (sha256 ba7816bf8f01cfea)" in production.summary
    assert production.kid in production.summary
    many = replace(production, sources=production.sources * 10)
    assert "and 7 more" in many.summary


def test_the_document_is_prov(production, product):
    steps = [Step("folded", "full circles are zero", {"rows": 3}), Step("located", "on the sky")]
    path = write_provenance(product, production, steps)
    assert path.name == "product.fits.prov.json"
    document = ProvDocument.deserialize(path)
    entities = {str(one.identifier): one for one in document.get_records(ProvEntity)}
    assert f"km3:sha256-{ABC}" in entities
    made = entities[f"km3:product-{production.kid}"]
    assert [str(v) for v in made.get_attribute("km3:sha256")] == [sha256(product)]
    assert len(list(document.get_records(ProvAgent))) == 2
    activities = [str(one.identifier) for one in document.get_records(ProvActivity)]
    assert activities == [
        f"km3:import-{production.kid}",
        f"km3:step-{production.kid}-01-folded",
        f"km3:step-{production.kid}-02-located",
    ]
    plain = json.loads(path.read_text())
    (used,) = plain["used"].values()
    assert used["prov:entity"] == f"km3:sha256-{ABC}"
    (generated,) = plain["wasGeneratedBy"].values()
    assert generated["prov:activity"] == f"km3:import-{production.kid}"
    outer = plain["activity"][f"km3:import-{production.kid}"]
    assert outer["km3:command"] == "km3vo import x"
    assert outer["km3:parameter_start_mjd"] == {"$": "54129.0", "type": "xsd:double"}
    source = plain["entity"][f"km3:sha256-{ABC}"]
    assert source["km3:file_kid"] == "a-kid"
    assert source["km3:file_jpp"] == "17.3.0"
    assert json.loads(source["km3:file_raw_header"]) == {"DAQ": {"livetime": "5"}}
    assert source["voprov:location"] == "https://example.org/delivered.dat"


def test_the_document_is_reproducible(production, product):
    before = write_provenance(product, production).read_bytes()
    assert write_provenance(product, production).read_bytes() == before


def test_the_checks_are_steps():
    report = CheckReport(read=10, accepted=9, rejected=1)
    report.rules["declination"].count = 1
    steps = check_steps(report.to_dict())
    assert steps[0].values == {"read": 10, "accepted": 9, "rejected": 1}
    declination = next(step for step in steps if step.name == "declination")
    assert declination.values == {"action": "reject-row", "rows": 1}
    assert len(steps) == 1 + len(report.rules)


def test_the_sessions_of_km3pipe_are_included(hdf5, product):
    source = Source.of(hdf5 / "geamon.h5")
    path = write_provenance(product, Production(product.name, [source, source], "0.1.0"))
    plain = json.loads(path.read_text())
    pipeline = plain["activity"]["km3:session-139d6c8a-a429-41bd-9e06-9dcf5cd91896"]
    assert pipeline["km3:thepipe_version"] == "1.3.5"
    assert pipeline["prov:startTime"].startswith("2021-02-02T17:50:59")
    assert "OfflinePump" in pipeline["km3:configuration"]
    links = {(one["prov:entity"], one["prov:activity"]) for one in plain["wasGeneratedBy"].values()}
    assert (
        f"km3:sha256-{source.checksum}",
        "km3:session-139d6c8a-a429-41bd-9e06-9dcf5cd91896",
    ) in links
    (before,) = [one for one in plain["used"].values() if "file-" in one["prov:entity"]]
    assert before["prov:entity"] == "km3:file-14cc13b4-560f-11eb-92c3-cdac9e86beef"
    (informed,) = plain["wasInformedBy"].values()
    assert informed["prov:informant"] == "km3:session-73bfe947-1fc6-4134-8af6-754b9aab142f"
    ProvDocument.deserialize(path)


def test_people_and_their_machines_are_not_published(hdf5, product):
    source = Source.of(hdf5 / "mupage_ARCA.h5")
    assert "adomi" in json.dumps(source.sessions), "the test would test nothing"
    text = write_provenance(product, Production(product.name, [source], "0.1.0")).read_text()
    for word in ("adomi", "environment", "/home", "/pbs", "cca003"):
        assert word not in text


def test_one_session_may_have_made_several_files(production, product):
    module = {
        "name": "Pump",
        "parameters": {"filename": "/people/someone/in.root", "n": [1, "~/x"]},
    }
    session = {
        "uuid": "a-b",
        "configuration": {"modules": [module]},
        "input": [{"url": "/people/someone/in.root", "uuid": "c-d"}],
        "output": [{"url": "one.h5", "uuid": "1"}, {"url": "two.h5", "uuid": "2"}],
    }
    sources = [
        replace(production.sources[0], name=name, checksum=digit * 64, sessions=[session])
        for name, digit in (("one.h5", "1"), ("two.h5", "2"))
    ]
    text = write_provenance(product, replace(production, sources=sources)).read_text()
    assert "someone" not in text
    plain = json.loads(text)
    # a second record of the same activity would make this a list
    configuration = json.loads(plain["activity"]["km3:session-a-b"]["km3:configuration"])
    assert configuration["modules"][0]["parameters"] == {"filename": "in.root", "n": [1, "x"]}
    made = [one["prov:entity"] for one in plain["wasGeneratedBy"].values() if "a-b" in str(one)]
    assert sorted(made) == [f"km3:sha256-{digit * 64}" for digit in "12"]


@pytest.mark.parametrize("content", [b"{", b"{}", b"[{}]", b"[1]", b"\xff"])
def test_a_damaged_document_is_an_error(tmp_path, content):
    path = tmp_path / "file.h5"
    path.write_bytes(b"")
    (tmp_path / "file.h5.prov.json").write_bytes(content)
    with pytest.raises(InputError, match="provenance document beside the file"):
        Source.of(path)


@pytest.mark.parametrize(
    ("command", "published"),
    [
        ("/data/KM3NeT/a.root", "a.root"),
        (
            "./make_dst.py -f /sps/km3net/users/me/a.root -o ~/b.root",
            "make_dst.py -f a.root -o b.root",
        ),
        ("../x/y.h5, z.h5", "y.h5, z.h5"),
        ("https://zenodo.org/records/1/files/a.h5", "https://zenodo.org/records/1/files/a.h5"),
        ("rate in m/s, 1 / 2", "rate in m/s, 1 / 2"),
    ],
)
def test_folders_of_a_machine_are_not_published(
    tmp_path: Path, command: str, published: str
) -> None:
    product = tmp_path / "product.fits"
    product.write_bytes(b"events")
    source = Source("a.root", "0" * 64, 1, provenance={"history": {"command": command}})
    path = write_provenance(product, Production("product.fits", [source], "1.0"))
    assert json.dumps({"command": published}) in json.loads(json.dumps(path.read_text())).replace(
        '\\"', '"'
    )
