"""The layouts of h5py, PyTables and pandas, all written with h5py; values are those written."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.core.errors import InputError
from ingest.events.readers.simple_hdf5 import SPELLINGS, SimpleHdf5Reader

SKY = {"MJD": [58000.25, 58001.5], "RA": [10.0, 20.0], "Decl": [-5.0, 6.0]}


def everything(path, rows=1):
    return np.concatenate(list(SimpleHdf5Reader(path).chunks(rows)))


def compound(path, columns, **attributes):
    """Write one dataset of compound type, as h5py does and PyTables' create_table."""
    kinds = [(name, np.asarray(values).dtype) for name, values in columns.items()]
    rows = np.empty(len(next(iter(columns.values()))), kinds)
    for name, values in columns.items():
        rows[name] = values
    with h5py.File(path, "w") as file:
        file["events"] = rows
        file["events"].attrs.update(attributes)
    return path


def separate(path, columns, units=()):
    """Write each column as a dataset."""
    with h5py.File(path, "w") as file:
        for name, values in columns.items():
            file[f"events/{name}"] = np.asarray(values)
        for name, unit in dict(units).items():
            file[f"events/{name}"].attrs["unit"] = unit
    return path


def pickled(names):
    """Return a list of texts as pandas has it in an attribute: pickle protocol 0."""
    words = "".join(f"V{name}\np{number}\na" for number, name in enumerate(names, 1))
    return np.bytes_(f"(lp0\n{words}.".encode())


def pandas_table(path, names=("MJD", "RA", "Decl"), pickle=None):
    rows = np.empty(2, [("index", "i8"), ("values_block_0", "f8", (3,)), ("n", "i4", (1,))])
    rows["index"], rows["n"][:, 0] = [0, 1], [30, 40]
    rows["values_block_0"] = np.transpose(list(SKY.values()))
    with h5py.File(path, "w") as file:
        file["events/table"] = rows
        file["events/table"].attrs["values_block_0_kind"] = pickle or pickled(names)
        file["events/table"].attrs["n_kind"] = pickled(["Nhit"])
        file["events/_i_table/index/bounds"] = np.zeros((0, 127))
    return path


def pandas_fixed(path):
    with h5py.File(path, "w") as file:
        group = file.create_group("events")
        group.attrs["pandas_type"] = b"frame"
        group["axis0"] = np.array([b"MJD", b"RA", b"Decl", b"name"])
        group["axis1"] = [0, 1]
        group["block0_items"] = np.array([b"MJD", b"RA", b"Decl"])
        group["block0_values"] = np.transpose(list(SKY.values()))
        group["block1_items"] = np.array([b"name"])
        group.create_dataset("block1_values", (1,), h5py.vlen_dtype(np.uint8))
    return path


@pytest.mark.parametrize(
    "write",
    [
        lambda path: compound(path, SKY),
        lambda path: separate(path, SKY),
        pandas_table,
        pandas_fixed,
    ],
    ids=["compound", "separate", "pandas-table", "pandas-fixed"],
)
def test_layouts(tmp_path, write):
    path = write(tmp_path / "a.h5")
    assert SimpleHdf5Reader.recognises(path)
    events = everything(path)
    assert list(events["mjd"]) == SKY["MJD"]
    assert list(events["ra"]) == SKY["RA"]
    assert list(events["dec"]) == SKY["Decl"]


def test_columns_that_cannot_be_used_are_told(tmp_path):
    facts = SimpleHdf5Reader(pandas_fixed(tmp_path / "a.h5")).facts()
    assert facts.n_events == 2
    assert facts.provenance["columns"] == {"mjd": "MJD", "ra": "RA", "dec": "Decl"}
    assert facts.provenance["columns_not_used"] == ["name"]
    path = compound(tmp_path / "b.h5", {**SKY, "weather": [1, 2], "ENERGY": [b"a", b"b"]})
    assert SimpleHdf5Reader(path).facts().provenance["columns_not_used"] == ["ENERGY", "weather"]


def test_ids_hits_and_names(tmp_path):
    columns = {**SKY, "Event_ID": [b"ANT0001", b"ANT0002"], "nhit": [30, 40], "run": [7, 8]}
    events = everything(compound(tmp_path / "a.h5", columns))
    assert list(events["event_name"]) == ["ANT0001", "ANT0002"]
    assert list(events["n_hits"]) == [30, 40] and list(events["run_id"]) == [7, 8]
    events = everything(compound(tmp_path / "a.h5", {**SKY, "event_id": [5, 6]}))
    assert list(events["event_no"]) == [5, 6]


def test_units_are_taken_from_attributes(tmp_path):
    columns = {
        "mjd": [58000.0], "ra": [np.pi / 2], "dec": [0.5], "energy": [2.0], "sigma": [0.01],
    }  # fmt: skip
    units = {"ra": "rad", "dec": "radians", "energy": "TeV", "sigma": "rad"}
    events = everything(separate(tmp_path / "a.h5", columns, units))
    assert events["ra"][0] == pytest.approx(90, abs=1e-12)
    assert events["dec"][0] == pytest.approx(np.degrees(0.5), abs=1e-12)
    assert events["energy"][0] == pytest.approx(2000)
    assert events["ang_err"][0] == pytest.approx(np.degrees(0.01))
    path = compound(
        tmp_path / "b.h5", columns, ra_unit="rad", FIELD_2_UNIT="rad", energy_units="PeV"
    )
    events = everything(path)
    assert events["ra"][0] == pytest.approx(90, abs=1e-12)
    assert events["dec"][0] == pytest.approx(np.degrees(0.5), abs=1e-12)
    assert events["energy"][0] == pytest.approx(2e6)


def test_directions_in_the_detector(tmp_path):
    columns = {"timestamp": [1_600_000_000], "nanoseconds": [5], "theta": [np.pi / 3], "phi": [0.0]}
    events = everything(separate(tmp_path / "a.h5", columns))
    names = ("unix_seconds", "unix_nanoseconds", "dir_x", "dir_y", "dir_z")
    assert events.dtype.names == names
    assert (events["unix_seconds"][0], events["unix_nanoseconds"][0]) == (1_600_000_000, 5)
    assert [events[f"dir_{a}"][0] for a in "xyz"] == pytest.approx([np.sqrt(3) / 2, 0, 0.5])
    columns = {"mjd": [58000.5], "dir_x": [0.0], "dir_y": [0.6], "dir_z": [0.8]}
    events = everything(separate(tmp_path / "b.h5", columns))
    assert events["unix_seconds"][0] == (58000 - 40587) * 86400 + 43200
    assert (events["dir_y"][0], events["dir_z"][0]) == (0.6, 0.8)


def test_unix_time_becomes_mjd_on_the_sky(tmp_path):
    seconds = (58000 - 40587) * 86400
    columns = {"ra": [1.0], "dec": [2.0], "unix_time": [seconds + 21600.5]}
    events = everything(separate(tmp_path / "a.h5", columns))
    assert events["mjd"][0] == pytest.approx(58000.25 + 0.5 / 86400, abs=1e-11)


@given(st.integers(1_136_073_600, 4_000_000_000), st.integers(0, 10**9 - 1))
def test_whole_seconds_and_nanoseconds_are_kept_exactly(tmp_path_factory, second, nanosecond):
    path = tmp_path_factory.mktemp("a") / "a.h5"
    columns = {"dir_x": [0.0], "dir_y": [0.0], "dir_z": [1.0]}
    columns |= {"utc_seconds": [second], "utc_nanoseconds": [nanosecond]}
    event = everything(separate(path, columns))[0]
    assert (event["unix_seconds"], event["unix_nanoseconds"]) == (second, nanosecond)


@pytest.mark.parametrize(
    ("write", "problem"),
    [
        (lambda p: compound(p, {"ra": [1.0], "dec": [1.0]}), "no table of events"),
        (lambda p: compound(p, {"mjd": [58000.0], "zenith": [1.0], "azimuth": [1.0]}), "no table"),
        (lambda p: separate(p, {**SKY, "energy": [1.0]}), "different lengths"),
        (lambda p: separate(p, SKY, {"RA": "furlong"}), "the unit of RA is not supported"),
        (lambda p: compound(p, {**SKY, "ra": [1.0, 2.0]}), "two columns have the same name"),
        (lambda p: compound(p, {**SKY, "nhit": [1.5, 2.0]}), "n_hits is not a 32-bit integer"),
        (lambda p: compound(p, {**SKY, "run": [2**40, 1]}), "run_id is not a 32-bit integer"),
        (lambda p: compound(p, {**SKY, "topology": [b"x" * 99, b""]}), "topology is too long"),
        (lambda p: compound(p, {k: v[:0] for k, v in SKY.items()}), "no events"),
        # a pickle that would call something is not a list of names
        (lambda p: pandas_table(p, pickle=np.bytes_(b"cos\nsystem\n(S'x'\ntR.")), "no table"),
        (lambda p: pandas_table(p, pickle=np.bytes_(b"garbage")), "damaged"),
    ],
)
def test_what_cannot_be_used_is_refused(tmp_path, write, problem):
    with pytest.raises(InputError, match=problem) as caught:
        everything(write(tmp_path / "a.h5"))
    assert caught.value.file == str(tmp_path / "a.h5") and caught.value.remedy


def test_two_tables_are_not_guessed_between(tmp_path):
    path = compound(tmp_path / "a.h5", SKY)
    with h5py.File(path, "r+") as file:
        file["again"] = file["events"][:]
    with pytest.raises(InputError, match="several tables"):
        SimpleHdf5Reader(path)


def test_the_claims_of_a_table_are_checked(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in SKY:
            file.create_dataset(name, (10**14,), "f8", chunks=(1000,))
    with pytest.raises(InputError, match="claims rows that are not in the file"):
        SimpleHdf5Reader(tmp_path / "a.h5")


def test_spellings_are_lower_case():
    assert all(word == word.lower() for words in SPELLINGS.values() for word in words)
