"""Binned data of an oscillation analysis become a release, as the guide describes it.

The files are those of km3net-testdata: extracts of the open data of ORCA6, 433 kton-years. They
are never registered.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import uproot
from km3net_testdata import data_path

from tests.instances import Instance
from tests.templates import Templates

VERSION_5 = Path(data_path("oscillations/ORCA6_433kt-y_opendata_v0.5_testdata.root"))
VERSION_4 = Path(data_path("oscillations/ORCA6_433kt-y_opendata_v0.4_testdata.root"))
BINS = Path(data_path("oscillations/bins_433kt-y_v0.4.json"))
NAME = "osc99_01"
TITLE = ("--title", "ORCA6 test data", "--instrument", "ORCA6", "--doi", "data for tests")


def draft(instance: Instance, checkout: Path, *files: Path) -> subprocess.CompletedProcess[str]:
    """Begin the release, and fill in what the files do not say."""
    folder = checkout / "inputs" / NAME
    folder.mkdir()
    copies = [str(shutil.copy(file, folder)) for file in files]
    done = instance.km3vo(
        "release", "new", NAME, "--oscillation", *TITLE, "--from", *copies, PYTHONPATH=str(checkout)
    )
    if done.returncode == 0:
        manifest = (folder / "responses.toml").read_text()
        manifest = re.sub('start = ".*"', "start = 2020-01-26T00:00:00Z", manifest)
        manifest = re.sub('stop = ".*"', "stop = 2021-11-18T00:00:00Z", manifest)
        (folder / "responses.toml").write_text(manifest)
        texts = (folder / "description.rst").read_text()
        (folder / "description.rst").write_text(re.sub("FILL IN: .*", "Data for tests.", texts))
    return done


@pytest.mark.long
@pytest.mark.slow
def test_binned_data_become_a_release_and_are_folded_with_a_flux(
    scratch_instance: Instance, templates: Templates, checkout: Path
) -> None:
    instance = templates.copy("empty", scratch_instance)
    done = draft(instance, checkout, VERSION_5)
    assert done.returncode == 0, done.stderr
    folder = checkout / "inputs" / NAME
    manifest = (folder / "responses.toml").read_text()
    assert 'kind = "test"' in manifest
    texts = (folder / "description.rst").read_text()
    assert "An extract" in texts and "649 observed events" in texts

    # as a sample it would be registered
    (folder / "responses.toml").write_text(manifest.replace('kind = "test"', 'kind = "sample"'))
    refused = instance.km3vo("import", "--release", NAME, PYTHONPATH=str(checkout))
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert "is an extract" in refused.stderr and "with 92 of 900 bins" in refused.stderr

    (folder / "responses.toml").write_text(manifest)
    checked = instance.km3vo("release", "check", NAME, PYTHONPATH=str(checkout))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    instance.up()
    done = instance.km3vo("import", "--release", NAME, PYTHONPATH=str(checkout))
    assert done.returncode == 0, done.stdout + done.stderr
    assert instance.adql(f"SELECT SUM(n_events) FROM {NAME}.data") == [["649.0"]]

    (query,) = re.findall(r"   SELECT.*?ORDER BY.*?\n", texts, re.DOTALL)
    found = np.array(instance.adql(query), float)
    with uproot.open(VERSION_5) as file:
        tree = file["binned_nu_response"].arrays(library="np")
    muon = abs(tree["Pdg"]) == 14
    # the centres of the bins, as they are in the file
    expected = (tree["W"] * 20 * tree["E_true_bin_center"] ** -3)[muon]
    bins = np.stack([tree["AnaClass"], tree["E_reco_bin"]])[:, muon]
    kinds, place = np.unique(bins, axis=1, return_inverse=True)
    sums = np.bincount(place.ravel(), expected)
    assert len(found) == kinds.shape[1]
    np.testing.assert_array_equal(found[:, 0], kinds[0])
    np.testing.assert_allclose(found[:, 3], sums, rtol=1e-9)

    records = instance.fetch("oai.xml?verb=ListIdentifiers&metadataPrefix=ivo_vor").decode()
    assert NAME not in records
    page = instance.fetch(f"{NAME}/nu/responses/info").decode()
    assert "An extract" in page

    done = instance.km3vo("release", "withdraw", NAME, "--reason", "a test", "--yes",
                          PYTHONPATH=str(checkout))  # fmt: skip
    assert done.returncode == 0, done.stderr
    tables = "SELECT table_name FROM tap_schema.tables WHERE schema_name = 'osc99_01'"
    assert instance.adql(tables) == []


def test_version_4_is_drafted_with_its_bins(tmp_path: Path, checkout: Path) -> None:
    instance = Instance(tmp_path / "var", 0)
    done = draft(instance, checkout, VERSION_4, BINS)
    assert done.returncode == 0, done.stderr
    checked = instance.km3vo("release", "check", NAME, PYTHONPATH=str(checkout))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("files", "expected"),
    [((VERSION_4,), "the file has no axes"), ((BINS,), "one ROOT file, and a JSON file")],
)
def test_other_files_are_refused(
    tmp_path: Path, checkout: Path, files: tuple[Path, ...], expected: str
) -> None:
    done = draft(Instance(tmp_path / "var", 0), checkout, *files)
    assert done.returncode == 2
    assert expected in done.stderr and "remedy:" in done.stderr
    assert not (checkout / "inputs" / NAME / "responses.toml").exists()
