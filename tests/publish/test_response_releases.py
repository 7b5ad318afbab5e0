"""Releases of instrument responses: manifests, import, withdrawal."""

import json
import shutil
import tomllib

import pytest

from ingest.core.configuration import validate
from ingest.core.errors import ManifestError
from ingest.events.delivery import ResponsesManifest, load_responses, responses_names
from tests.instances import ROOT

ARCA230 = ROOT / "inputs" / "irf_arca230" / "responses.toml"


def test_the_delivered_releases_are_valid():
    assert responses_names() == ["irf_arca115", "irf_arca230"]
    for name in responses_names():
        manifest = load_responses(name)
        assert all(one.format and one.sha256 for one in manifest.responses)
        assert (manifest.release.start_mjd, manifest.release.stop_mjd) == (61406, 62867)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("licence", "WTFPL-ish", "licence must be one of"),
        ("stop", "2020-01-01T00:00:00Z", "start must be before stop"),
        ("doi", None, "no_doi"),
        ("events", 3, "events"),
    ],
)
def test_a_manifest_that_is_not_valid_is_refused_with_the_reason(key, value, reason):
    content = tomllib.loads(ARCA230.read_text())
    content["release"][key] = value
    if value is None:
        del content["release"][key]
    with pytest.raises(ManifestError, match=reason):
        validate(content, ResponsesManifest, ARCA230)


@pytest.mark.long
def test_the_life_of_releases_of_responses(empty_instance, tmp_path, checkout, monkeypatch):
    """Imported together; one that is damaged does not affect the other; withdrawn."""
    monkeypatch.setenv("PYTHONPATH", str(checkout))
    instance = empty_instance
    overlay = tmp_path / "overlay" / "irf_arca230"
    overlay.mkdir(parents=True)
    damaged = overlay / "bkg_track.csv"
    damaged.write_bytes((checkout / "inputs" / "irf_arca230" / damaged.name).read_bytes()[:-300])
    both = ("--release", "irf_arca115", "--release", "irf_arca230")
    done = instance.km3vo("import", *both, "--inputs", str(tmp_path / "overlay"))
    assert done.returncode == 4, done.stderr
    assert "bkg_track.csv" in done.stderr and "not imported: irf_arca230" in done.stderr
    shutil.rmtree(overlay)

    done = instance.km3vo("import", *both, "--json")
    remarks = {one["release"]: one["unchanged"] for one in json.loads(done.stdout)}
    assert remarks == {"irf_arca115": True, "irf_arca230": False}
    listed = json.loads(instance.km3vo("release", "list", "--json").stdout)
    states = {one["name"]: (one["state"], one["rows"]) for one in listed}
    assert states["irf_arca230"] == ("online", 1920)

    reason = ("--reason", "the wrong detector", "--yes")
    done = instance.km3vo("release", "withdraw", "irf_arca230", *reason)
    assert done.returncode == 0, done.stderr
    assert "ivo://km3net.org/irf_arca230/nu/responses as deleted" in done.stdout
    manifest = checkout / "inputs" / "irf_arca230" / "responses.toml"
    assert 'withdrawn = "the wrong detector"' in manifest.read_text()
    done = instance.km3vo("import", "--release", "irf_arca230")
    assert done.returncode == 2
    assert "was withdrawn" in done.stderr
    instance.up()
    left = instance.adql("SELECT DISTINCT release FROM irf.aeff")
    assert left == [["irf_arca115"]]
