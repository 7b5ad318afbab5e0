"""Expected values are km3io's, or are read with uproot alone."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import awkward as ak
import numpy as np
import pytest
import uproot
from astropy.io import fits
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st
from km3io import OfflineReader, tools

from ingest.core.errors import InputError
from ingest.core.files import sha256
from ingest.events.conversion import observation_number, open_file
from ingest.events.delivery.sources import AcquiredFile
from ingest.events.fields import MISSING_INTEGER
from ingest.events.readers import _evt_tree, open_reader
from ingest.events.readers._tracks import AASHOWER, JMUON, JSHOWER, best_tracks
from ingest.events.release_conversion import convert_release
from tests.bench.instance import release_of

MEASURED = "offline/km3net_offline.root"
BOTH = (
    "offline/KM3NeT_00000049_00011291.mc.gsg_neutrinos.km3sim_sirene_merged.jterbr"
    ".jppmuon_jppshower_static.offline.v9.2.sample.root"
)
ORCA = "offline/mcv5.0.gsg_elec-CC_10-100GeV.km3sim.JDK.jte.jmergefit.orca.909.evtsample.root"
AASHOWERS = (
    "dst/mcv6.gsg_numu-CCHEDIS_1e2-1e8GeV.sirene.jte.jchain.aashower.dst.bdt_trk.bdt_casc"
    ".10events.root"
)
OLD_AASHOWERS = "offline/mcv5.1.genhen_anumuNC.sirene.jte.jchain.aashower.sample.root"
MUONS = [
    MEASURED,
    BOTH,
    ORCA,
    "offline/mcv5.0.DAT004340.propa.sirene.jte.jchain.aanet.4340.root",
    "offline/numucc.root",
]
NOT_RECONSTRUCTED = "offline/usr-sample.root"


@pytest.fixture(autouse=True)
def simulations_are_read(monkeypatch):
    """Their times start at zero."""
    monkeypatch.setattr("ingest.events.readers._columns.FIRST_LIGHT", 0)


def everything(path, topology="track", rows=1000, format="auto"):
    return np.concatenate(list(open_reader(path, format, topology).chunks(rows)))


def numbers(column):
    """Return a column of km3io, which is None where an event has no such track."""
    return np.array([np.nan if value is None else value for value in column.to_list()])


@pytest.mark.parametrize(
    ("name", "topology", "best"),
    [(name, "track", tools.best_jmuon) for name in MUONS]
    + [(name, "shower", tools.best_jshower) for name in (BOTH, ORCA)]
    + [(AASHOWERS, "shower", tools.best_aashower), (AASHOWERS, "track", tools.best_jmuon)],
)
def test_the_best_is_the_one_km3io_selects(real, name, topology, best):
    events = everything(real(name), topology)
    expected = best(OfflineReader(str(real(name))).events.tracks)
    likelihood = numbers(expected.lik)
    found = np.isfinite(likelihood)
    assert found.any() and len(events) == len(likelihood)
    assert (events["topology"] == np.where(found, topology, "")).all()
    np.testing.assert_array_equal(events["likelihood"], likelihood)
    for axis in "xyz":
        np.testing.assert_array_equal(
            events[f"dir_{axis}"], numbers(getattr(expected, f"dir_{axis}"))
        )
    if topology == "shower":
        np.testing.assert_array_equal(events["energy"], numbers(expected.E))


def test_the_fit_information_of_each_reconstruction(real):
    """By the indices in KM3NeT's data format definitions."""
    path = real(BOTH)
    muons, showers = everything(path), everything(path, "shower")
    fit = np.array(tools.best_jmuon(OfflineReader(str(path)).events.tracks).fitinf.to_list())
    np.testing.assert_allclose(muons["ang_err"], fit[:, 0] * 180 / np.pi, rtol=1e-15)
    assert (muons["n_hits"] == fit[:, 3]).all()
    assert (muons["energy"] == fit[:, 4]).all()
    # JShower fills with zeros what it does not estimate
    assert np.isnan(showers["ang_err"]).all() and (showers["n_hits"] == MISSING_INTEGER).all()
    path = real(AASHOWERS)
    showers = everything(path, "shower")
    fit = np.array(tools.best_aashower(OfflineReader(str(path)).events.tracks).fitinf.to_list())
    assert (showers["n_hits"] == fit[:, 1]).all()
    assert np.isnan(showers["ang_err"]).all()


def test_a_track_of_another_type_is_no_muon(real):
    """Old files number the stages of aashower, type 101, like those of JMuon."""
    path = real(OLD_AASHOWERS)
    tree = uproot.open(path)["E"]
    kinds, stages, likelihoods = (
        tree[f"trks.{name}"].array().to_list() for name in ("rec_type", "rec_stages", "lik")
    )
    for event, *tracks in zip(everything(path), kinds, stages, likelihoods, strict=True):
        muons = [(len(s), v) for k, s, v in zip(*tracks, strict=True) if k == 4000 and s]
        assert event["topology"] == ("track" if muons else "")
        assert not muons or event["likelihood"] == max(muons)[1]


TRACKS = st.tuples(
    st.sampled_from([4000, 101]),
    st.sampled_from([[], [1], [1, 99, 5], [100], [101, 199], [99, 100], [300], [302, 304, 399]]),
    st.sampled_from([-1.0, 0.0, 2.5, math.nan]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(TRACKS, max_size=9), min_size=1, max_size=5))
def test_the_rule_for_any_tracks(events):
    tracks = [track for event in events for track in event]
    counts = np.array([len(event) for event in events])
    stages = np.array([stage for track in tracks for stage in track[1]], np.int32)
    stages = ak.unflatten(stages, np.array([len(track[1]) for track in tracks], np.int64))
    block = {
        "trks.rec_type": ak.unflatten(np.array([track[0] for track in tracks], np.int32), counts),
        "trks.rec_stages": ak.unflatten(stages, counts),
    }
    owner = np.repeat(np.arange(len(events)), counts)
    likelihood = np.array([track[2] for track in tracks])
    for used in (JMUON, JSHOWER, AASHOWER):
        eligible, n_stages = _evt_tree._eligible(block, used)
        best, found = best_tracks(owner, eligible, n_stages, likelihood, len(events))
        before = 0
        for number, event in enumerate(events):
            own = [
                (len(track[1]), -math.inf if math.isnan(track[2]) else track[2], -place)
                for place, track in enumerate(event)
                if track[0] == used.rec_type
                and track[1]
                and all(used.first_stage <= stage <= used.last_stage for stage in track[1])
            ]
            assert found[number] == bool(own)
            assert not own or best[number] == before - max(own)[2]
            before += len(event)


def test_a_measured_file(real):
    path = real(MEASURED)
    events = everything(path)
    tree = uproot.open(path)["E"]
    for field in ("det_id", "run_id", "frame_index", "trigger_counter"):
        assert (events[field] == tree[field].array(library="np")).all()
    seconds, nanoseconds = (tree[f"t.{name}"].array(library="np") for name in ("fSec", "fNanoSec"))
    offset = numbers(tools.best_jmuon(OfflineReader(str(path)).events.tracks).t)
    late = (events["unix_seconds"] - seconds) * 10**9 + events["unix_nanoseconds"] - nanoseconds
    np.testing.assert_allclose(late, offset, atol=0.5)
    facts = open_reader(path).facts()
    assert (facts.det_id, facts.runs, facts.n_events, facts.simulated) == (44, (5971,), 10, None)
    assert facts.provenance["best_track"].startswith("JMuon: most reconstruction stages")


def test_facts_of_a_simulation(real):
    facts = open_reader(real(BOTH), "auto", "shower").facts()
    assert (facts.livetime, facts.simulated, facts.runs) == (21586.9, True, (11291,))
    assert facts.provenance["header"]["start_run"] == "11291"
    assert facts.provenance["best_track"].startswith("JShower: ")
    # no header, but particles
    assert open_reader(real("offline/muon_cc_events.root")).facts().simulated is True


def test_blocks_that_fit_into_memory_are_read_alike(real, monkeypatch):
    whole = everything(real(BOTH), "shower")
    monkeypatch.setattr("ingest.events.readers._evt_tree._MEMORY", 10**6)
    assert everything(real(BOTH), "shower", rows=11).tobytes() == whole.tobytes()


@pytest.mark.parametrize(
    ("name", "topology", "found"),
    [
        (MEASURED, "shower", "tracks of type 4000, stages 1 to 5"),
        (NOT_RECONSTRUCTED, "track", "tracks of type 3, stages 1 to 3"),
        ("offline/muon_cc_events.root", "track", "no tracks"),
    ],
)
def test_a_file_without_the_reconstruction(real, name, topology, found):
    with pytest.raises(InputError, match=f"no event has a reconstructed {topology}") as caught:
        everything(real(name), topology)
    assert (caught.value.file, caught.value.value) == (str(real(name)), found)
    assert "deliver the file after this reconstruction" in caught.value.remedy


def test_files_of_other_formats(real, tmp_path):
    with pytest.raises(InputError, match="the file is a DST") as caught:
        open_reader(real("dst/orca4_sample.root"), "offline-root")
    assert "dst-root" in caught.value.remedy
    with pytest.raises(InputError, match="the tree is missing") as caught:
        open_reader(real(MEASURED), "dst-root")
    assert caught.value.where == "T"
    with pytest.raises(InputError, match="the tree is missing"):
        open_reader(real("gseagen/gseagen.root"), "offline-root")
    with pytest.raises(InputError, match="the file contains no events"):
        everything(real("offline/empty_events.root"))
    with pytest.raises(InputError, match="this topology cannot be taken") as caught:
        open_reader(real(MEASURED), "auto", "multiplet")
    assert caught.value.expected.startswith("track or shower")
    with pytest.raises(InputError, match="this topology cannot be taken"):
        open_reader(real("hdf5/geamon.h5"), "auto", "shower")


@pytest.mark.parametrize("kept", [0, 300, 30_000, 76_000])
def test_a_truncated_file_is_named(real, tmp_path, kept):
    path = tmp_path / "cut.root"
    path.write_bytes(real(MEASURED).read_bytes()[:kept])
    with pytest.raises(InputError, match=r"the file is (damaged|empty)") as caught:
        everything(path)
    assert caught.value.file == str(path) and "fetch the file again" in caught.value.remedy


def delivered(*paths):
    return [AcquiredFile(path, "test", sha256(path), simulated=False) for path in paths]


def release_with(paths, events, event_type="track", **changes):
    """Return the manifest of a release of offline files."""
    made = release_of(paths[0], events, "offline-root")
    times = {"start": datetime(2019, 8, 1, tzinfo=UTC), "stop": datetime(2019, 9, 1, tzinfo=UTC)}
    changes = {**times, **changes}
    return made.model_copy(
        update={
            "release": made.release.model_copy(update=changes),
            "observation": made.observation.model_copy(update={"event_type": event_type}),
            "files": tuple(made.files[0].model_copy(update={"name": p.name}) for p in paths),
        }
    )


def test_runs_of_different_configurations_become_one_release(real, another_run, tmp_path):
    paths = [
        real(MEASURED),
        another_run(later=21600, run_id=5972),
        another_run(later=61200, run_id=7000, det_id=49),
    ]
    manifest = release_with(paths, 30, det_id=None, livetime_days=0.5)
    (made,) = convert_release(manifest, delivered(*paths), tmp_path / "out")
    events = Table.read(made.product, hdu="EVENTS")
    runs = np.repeat([5971, 5972, 7000], 10)
    assert (events["RUN_ID"] == runs).all()
    assert (events["DET_ID"] == np.repeat([44, 44, 49], 10)).all()
    assert len(set(events["EVENT_ID"])) == len(set(events["EVENT_NAME"])) == 30
    assert events["EVENT_NAME"][20].startswith("km3.49.7000.")
    assert (events["TOPOLOGY"] == "track").all()
    # a release is observed from its start to its stop, for its livetime
    assert len(Table.read(made.product, hdu="GTI")) == 1
    assert fits.getheader(made.product, "EVENTS")["LIVETIME"] == 0.5 * 86400
    # as products of their own, they would be numbered by their runs
    assert [observation_number([open_file(path, "auto")]) for path in paths] == [5971, 5972, 7000]


def test_files_that_do_not_belong_together_are_refused(real, another_run, tmp_path):
    twice = [real(MEASURED), another_run(later=21600)]
    with pytest.raises(InputError, match="the event has the same id as km3net_offline"):
        convert_release(release_with(twice, 20, det_id=None), delivered(*twice), tmp_path / "a")
    other = [real(MEASURED), another_run(later=21600, run_id=5972, det_id=49)]
    with pytest.raises(InputError, match="events of another detector") as caught:
        convert_release(release_with(other, 20, det_id=44), delivered(*other), tmp_path / "b")
    assert caught.value.value == "det_id 49, of orca"


def test_a_release_of_showers_takes_no_tracks(real, tmp_path):
    for name, problem in ((MEASURED, "no event has a reconstructed shower"), (BOTH, "simulation")):
        manifest = release_with([real(name)], 10, "shower", det_id=None)
        with pytest.raises(InputError, match=problem):
            convert_release(manifest, delivered(real(name)), tmp_path / "out")
