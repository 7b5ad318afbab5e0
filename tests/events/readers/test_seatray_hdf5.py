"""Expected values are read with h5py alone; the sense of the angles from the times of the hits."""

from __future__ import annotations

import shutil

import h5py
import numpy as np
import pytest
from km3net_testdata import data_path

from ingest.core.errors import InputError
from ingest.events.fields import MISSING_INTEGER
from ingest.events.readers._event_times import TIMES_COLUMNS
from ingest.events.readers.seatray_hdf5 import SeatrayHdf5Reader

SECOND = 1_260_000_000


@pytest.fixture
def fits():
    with h5py.File(data_path("seatray/antares.h5")) as file:
        return file["AafitFinalFit"][:]


@pytest.fixture
def path(tmp_path, fits):
    """Return a copy of the real file, with a table of times that gives each event its own."""
    path = tmp_path / "antares.h5"
    shutil.copy(data_path("seatray/antares.h5"), path)
    lines = [",".join(TIMES_COLUMNS)]
    for row, fit in reversed(list(enumerate(fits))):
        if fit["exists"]:
            time = f"{SECOND + row},{999_999_000 if row == 4 else 7}"
            lines.append(f"{fit['Run']},{fit['Event']},{fit['TriggerCounter']},{time}")
    (tmp_path / "antares.h5.times.csv").write_text("\n".join(lines) + "\n")
    return path


def everything(path, rows=5):
    return np.concatenate(list(SeatrayHdf5Reader(path).chunks(rows)))


def test_events_and_times(path, fits):
    assert SeatrayHdf5Reader.recognises(path)
    events = everything(path)
    assert len(events) == len(fits) == 23
    exists = fits["exists"] == 1
    assert (events["run_id"] == 45978).all()
    assert (events["frame_index"] == fits["Event"]).all()
    assert (events["trigger_counter"][exists] == fits["TriggerCounter"][exists]).all()
    assert (events["topology"] == np.where(exists, "track", "")).all()
    assert (events["likelihood"][exists] == fits["quality"][exists]).all()
    for row in np.flatnonzero(exists):
        start = (SECOND + row) * 10**9 + (999_999_000 if row == 4 else 7)
        time = int(events["unix_seconds"][row]) * 10**9 + int(events["unix_nanoseconds"][row])
        assert time == start + round(fits["time"][row])
    assert events["unix_seconds"][4] == SECOND + 5  # 5.6 microseconds later, in the next second
    for name in ("unix_seconds", "trigger_counter", "n_hits"):
        assert (events[name][~exists] == MISSING_INTEGER).all()
    assert np.isnan(events["dir_x"][~exists]).all()


def test_hits_are_counted_where_the_fit_wrote_none(path, fits):
    with h5py.File(path) as file:
        used = file["AafitFinalFitHitsUsed"][:]
    events = everything(path)
    assert (fits["nUsedHits"][fits["exists"] == 1] == -1).all()
    assert events["n_hits"][fits["exists"] == 1].sum() == len(used)


def test_angles_are_those_of_the_origin(path, fits):
    """Particles from above reach the upper floors first: the hits of most fits show it."""
    words = SeatrayHdf5Reader(path).facts().provenance["columns"]
    assert words["zenith"] == {"unit": "radian", "description": "zenith angle of particle origin"}
    assert words["azimuth"]["description"] == "azimuthal angle of particle origin"
    events = everything(path)
    with h5py.File(path) as file:
        used = file["AafitFinalFitHitsUsed"][:]
        index = file["__I3Index__/AafitFinalFitHitsUsed"][:]
    agree = []
    for event, place in zip(events, index, strict=True):
        if not place["exists"]:
            continue
        hits = used[place["start"] : place["stop"]]
        floor = (hits["om"].astype(int) - 1) // 3
        slope = 0.0
        for line in np.unique(hits["string"]):
            on = hits["string"] == line
            height, time = floor[on] - floor[on].mean(), hits["time"][on] - hits["time"][on].mean()
            slope += (height * time).sum()
        agree.append(np.sign(slope) == np.sign(event["dir_z"]))
    assert np.mean(agree) > 0.85
    known = fits["exists"] == 1
    zenith, azimuth = fits["zenith"][known], fits["azimuth"][known]
    np.testing.assert_allclose(np.arccos(-events["dir_z"][known]), zenith, atol=1e-12)
    back = np.arctan2(-events["dir_y"][known], -events["dir_x"][known]) % (2 * np.pi)
    np.testing.assert_allclose(back, azimuth, atol=1e-12)


def test_without_times_nothing_is_invented(real):
    with pytest.raises(InputError, match="no absolute time") as caught:
        next(SeatrayHdf5Reader(real("seatray/antares.h5")).chunks())
    assert "antares.h5.times.csv" in caught.value.expected


@pytest.mark.parametrize(
    ("edit", "problem", "place"),
    [
        (lambda t: t.replace("run_id", "run"), "lacks run_id", "line 1"),
        (lambda t: t + t.splitlines()[3] + "\n", "two lines for one event", None),
        (lambda t: "\n".join(t.splitlines()[:-1]), "no line for this event", None),
        (lambda t: t + "1,2,3,4\n", "the line is not the time of an event", "line 21"),
        (lambda t: t + "1,2,3,4,x\n", "the line is not the time of an event", "line 21"),
        (lambda t: t + f"1,2,3,{10**30},0\n", "the line is not the time of an event", "line 21"),
        (lambda t: t.replace(",999999000", ",1999999000"), "out of range", "AafitFinalFit row 4"),
        (lambda t: t.replace(f",{SECOND + 4},", ",12,"), "no absolute", "AafitFinalFit row 4"),
        (lambda t: "", "lacks", "line 1"),
    ],
)
def test_bad_tables_of_times(path, edit, problem, place):
    times = path.with_name("antares.h5.times.csv")
    times.write_text(edit(times.read_text()))
    with pytest.raises(InputError, match=problem) as caught:
        everything(path)
    if place:
        assert caught.value.where == place


def test_columns_that_are_missing(path):
    with h5py.File(path, "r+") as file:
        rows = file["AafitFinalFit"][:]
        del file["AafitFinalFit"]
        file["AafitFinalFit"] = rows[[n for n in rows.dtype.names if n != "azimuth"]]
    with pytest.raises(InputError, match="azimuth is missing"):
        SeatrayHdf5Reader(path)
