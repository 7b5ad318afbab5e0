"""Expected values are read with h5py alone, and tracks chosen event by event in plain Python."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from ingest.core.errors import InputError
from ingest.events.fields import MISSING_INTEGER
from ingest.events.readers.km3pipe_hdf5 import Km3pipeHdf5Reader

RUN_START = 1_600_000_000  # what the fixture `dated` adds
MANY = "hdf5/mupage_ARCA.h5"
OLD = "hdf5/basic_analysis_sample.h5"


def everything(path, rows=64):
    return np.concatenate(list(Km3pipeHdf5Reader(path).chunks(rows)))


def best_rows(path):
    """Return the row of reco/tracks of each event, None without one: most stages, likelihood."""
    with h5py.File(path) as file:
        tracks, stages = file["reco/tracks"][:], file["reco/rec_stages"][:]
        keys = file["event_info"]["group_id"]
    history = {}
    for stage in stages:
        history.setdefault((stage["group_id"], stage["idx"]), []).append(stage["rec_stage"])
    best = {}
    for row, track in enumerate(tracks):
        key = track["group_id"]
        done = history.get((key, track["idx"]), [])
        if track["rec_type"] != 4000 or not done or max(done) > 99:
            continue
        rank = (len(done), track["likelihood"])
        if key not in best or rank > best[key][0]:
            best[key] = (rank, row)
    return tracks, [best.get(key, (None, None))[1] for key in keys]


@pytest.mark.parametrize("name", [MANY, "hdf5/geamon.h5"])
def test_the_best_of_many_tracks(dated, name):
    path = dated(name)
    events = everything(path)
    tracks, rows = best_rows(path)
    with h5py.File(path) as file:
        info = file["event_info"][:]
    assert len(events) == len(info)
    for event, row, given in zip(events, rows, info, strict=True):
        assert event["frame_index"] == given["frame_index"]
        assert event["trigger_counter"] == given["trigger_counter"]
        time = int(given["timestamp"]) * 10**9 + int(given["nanoseconds"])
        if row is None:
            assert event["topology"] == "" and np.isnan(event["dir_x"])
            assert event["n_hits"] == MISSING_INTEGER
        else:
            track = tracks[row]
            time += round(track["t"])
            assert event["topology"] == "track"
            assert [event[f"dir_{a}"] for a in "xyz"] == [track[f"dir_{a}"] for a in "xyz"]
            assert event["energy"] == track["JENERGY_ENERGY"]
            assert event["ang_err"] == pytest.approx(np.degrees(track["JGANDALF_BETA0_RAD"]))
            assert event["n_hits"] == track["JGANDALF_NUMBER_OF_HITS"]
            assert event["likelihood"] == track["likelihood"]
        assert event["unix_seconds"] * 10**9 + event["unix_nanoseconds"] == time
    assert events["unix_seconds"].min() >= RUN_START


def test_format_4_joins_by_event_id(dated):
    path = dated(OLD)
    events = everything(path, 1000)
    with h5py.File(path) as file:
        info, tracks = file["event_info"][:], file["reco/gandalf"][:]
    assert (info["event_id"] == tracks["event_id"]).all()
    assert (events["dir_z"] == tracks["dir_z"]).all()
    assert (events["likelihood"] == -tracks["chi2"]).all()
    assert (events["n_hits"] == tracks["n_hits"]).all()
    assert (events["energy"] == tracks["jenergy_energy"]).all()
    assert (events["run_id"] == info["run_id"]).all()
    expected = info["utc_seconds"].astype("i8") * 10**9 + info["utc_nanoseconds"].astype("i8")
    expected += np.rint(tracks["time"]).astype("i8")
    assert (events["unix_seconds"] * 10**9 + events["unix_nanoseconds"] == expected).all()


def test_chunks_do_not_depend_on_their_size(dated):
    path = dated(MANY)
    assert everything(path, 7).tobytes() == everything(path, 10_000).tobytes()


def test_events_without_tracks_and_tracks_of_showers(dated):
    path = dated(MANY)
    with h5py.File(path, "r+") as file:
        tracks = file["reco/tracks"][:]
        tracks["rec_type"][tracks["group_id"] == 3] = 101
        kept = tracks[tracks["group_id"] != 5]
        attributes = dict(file["reco/tracks"].attrs)
        del file["reco/tracks"]
        file["reco/tracks"] = kept
        file["reco/tracks"].attrs.update(attributes)
    events = everything(path)
    assert list(np.flatnonzero(events["topology"] == "")) == [3, 5]
    assert np.isnan(events["energy"][[3, 5]]).all()


def test_a_split_table_is_the_same(dated):
    path = dated(MANY)
    before = everything(path)
    with h5py.File(path, "r+") as file:
        tracks = file["reco/tracks"][:]
        del file["reco/tracks"]
        for name in tracks.dtype.names:
            file[f"reco/tracks/{name}"] = tracks[name]
    assert everything(path).tobytes() == before.tobytes()


def test_the_best_tracks_km3pipe_chose_are_taken(dated):
    path = dated(MANY)
    with h5py.File(path, "r+") as file:
        tracks = file["reco/tracks"][:]
        _, first = np.unique(tracks["group_id"], return_index=True)
        file["reco/best_jmuon"] = tracks[first]
    assert (everything(path)["likelihood"] == tracks["likelihood"][first]).all()


def test_facts(real):
    facts = Km3pipeHdf5Reader(real("hdf5/geamon.h5")).facts()
    assert facts.simulated is True and facts.n_events == 2
    assert facts.livetime is None  # the header's DAQ livetime is 0
    assert facts.provenance["kid"] == "6e834f07-75c4-4742-addf-bd2196daedfe"
    assert facts.provenance["km3pipe"] == "9.3.0"
    header = facts.provenance["raw_header"]
    assert header["can"] == {"zmin": "-117.16", "zmax": "559.45", "r": "625.4"}
    assert header["physics"]["program"] == "GENTRA"


@pytest.mark.parametrize("name", ["hdf5/geamon.h5", MANY, OLD])
def test_simulated_times_are_refused(real, name):
    with pytest.raises(InputError, match="no absolute time") as caught:
        next(Km3pipeHdf5Reader(real(name)).chunks())
    assert caught.value.where == "event_info row 0"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("hdf5/test_event_info.h5", "no absolute time: the file is a simulation"),
        ("hdf5/atmospheric_muons_sample.h5", "no reconstructed muon tracks"),
        ("hdf5/mcv5.40.mupage_10G.sirene.jterbr00006060.962.root.h5", "no reconstructed muon"),
        ("hdf5/raw_header.h5", "event_info: the table is missing"),
        ("hdf5/mcv5.1.genhen_anumuNC.sirene.jte.jchain.aashower.sample.hdf5", "version"),
    ],
)
def test_real_files_that_cannot_be_used_say_why(real, name, problem):
    with pytest.raises(InputError) as caught:
        Km3pipeHdf5Reader(real(name))
    assert problem in str(caught.value)
    assert caught.value.file == str(real(name)) and caught.value.remedy


def test_a_compression_we_do_not_have_is_named(real):
    with pytest.raises(InputError, match="compressed") as caught:
        next(Km3pipeHdf5Reader(real("hdf5/numu_cc_test.h5")).chunks())
    assert "ptrepack" in caught.value.remedy


def change(path, table, column, row, value):
    with h5py.File(path, "r+") as file:
        rows = file[table][:]
        rows[column][row] = value
        file[table][:] = rows


@pytest.mark.parametrize(
    ("table", "column", "row", "value", "problem", "place"),
    [
        ("event_info", "group_id", 9, 8, "repeated", "event_info row 9"),
        ("event_info", "group_id", 9, 3, "group_id is not in ascending order", "event_info row 9"),
        ("event_info", "group_id", 149, 200, "belongs to no event", "reco/tracks"),
        (
            "reco/tracks",
            "group_id",
            100,
            99,
            "group_id is not in ascending order",
            "reco/tracks row 101",
        ),
        ("reco/tracks", "t", 0, 1e30, "out of range", "event_info row 0"),
        ("event_info", "nanoseconds", 4, -1, "out of range", "event_info row 4"),
        (
            "event_info",
            "trigger_counter",
            6,
            2**63,
            "trigger_counter is not a 64-bit integer",
            "event_info row 6",
        ),
    ],
)
def test_bad_values_name_their_place(dated, table, column, row, value, problem, place):
    path = dated(MANY)
    change(path, table, column, row, value)
    with pytest.raises(InputError, match=problem) as caught:
        everything(path)
    assert caught.value.where == place


def replaced(path, table, make):
    with h5py.File(path, "r+") as file:
        rows = file[table][:]
        del file[table]
        make(file, rows)


def test_structures_that_are_wrong(dated):
    path = dated(MANY)

    def text_for_numbers(file, rows):
        kinds = [(n, "S8" if n == "dir_x" else rows.dtype[n]) for n in rows.dtype.names]
        file["reco/tracks"] = rows.astype(kinds)

    replaced(path, "reco/tracks", text_for_numbers)
    with pytest.raises(InputError, match="the column dir_x has the wrong type"):
        Km3pipeHdf5Reader(path)
    path = dated(MANY)

    def unequal(file, rows):
        for name in rows.dtype.names:
            file[f"reco/tracks/{name}"] = rows[name][: -1 if name == "dir_x" else None]

    replaced(path, "reco/tracks", unequal)
    with pytest.raises(InputError, match="different lengths"):
        Km3pipeHdf5Reader(path)
    path = dated(MANY)

    def huge(file, rows):
        file.create_dataset("reco/tracks", (10**15,), rows.dtype, chunks=(1000,))

    replaced(path, "reco/tracks", huge)
    with pytest.raises(InputError, match="claims rows that are not in the file"):
        Km3pipeHdf5Reader(path)
    path = dated(MANY)

    def without(file, rows):
        kept = [n for n in rows.dtype.names if n != "dir_y"]
        file["reco/tracks"] = rows[kept]

    replaced(path, "reco/tracks", without)
    with pytest.raises(InputError, match="dir_y is missing"):
        Km3pipeHdf5Reader(path)
