"""Which reader opens which file."""

from __future__ import annotations

import pytest

from ingest.core.errors import InputError
from ingest.events.fields import FIELDS
from ingest.events.readers import READERS, open_reader


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("hdf5/geamon.h5", "km3pipe-hdf5"),
        ("hdf5/basic_analysis_sample.h5", "km3pipe-hdf5"),
        ("dst/orca4_sample.root", "dst-root"),
        ("dst/mcv5.1.km3_numuCC.ALL.dst.bdt.10events.root", "dst-root"),
        ("offline/km3net_offline.root", "offline-root"),
        ("offline/numucc.root", "offline-root"),
        ("seatray/antares.h5", "seatray-hdf5"),
    ],
)
def test_formats_are_recognised(real, name, format):
    assert open_reader(real(name)).format == format


@pytest.mark.parametrize("name", ["hdf5/raw_header.h5", "detx/detx_v3.detx"])
def test_a_file_of_no_known_format_lists_them(real, name):
    with pytest.raises(InputError, match="the file has no known format") as caught:
        open_reader(real(name))
    assert all(format in caught.value.expected for format in READERS)


def test_names_and_files_that_do_not_exist(tmp_path, real):
    with pytest.raises(InputError, match="the format does not exist") as caught:
        open_reader(real("dst/orca4_sample.root"), "root")
    assert caught.value.value == "root" and "dst-root" in caught.value.expected
    with pytest.raises(InputError, match="cannot be read"):
        open_reader(tmp_path / "none")
    (tmp_path / "empty").touch()
    with pytest.raises(InputError, match="the file is empty"):
        open_reader(tmp_path / "empty")
    with pytest.raises(InputError, match="cannot be read"):
        open_reader(tmp_path)


def test_several_formats_are_not_guessed_between(real, monkeypatch):
    monkeypatch.setattr(READERS["antares-text"], "recognises", classmethod(lambda *_: True))
    with pytest.raises(InputError, match="several formats match the file") as caught:
        open_reader(real("dst/orca4_sample.root"))
    assert caught.value.value == "antares-text, dst-root"


@pytest.mark.parametrize("format", READERS)
def test_readers_say_what_they_give(format):
    reader = READERS[format]
    assert reader.format == format and reader.title
    assert set(reader.gives) <= set(FIELDS)


@pytest.mark.parametrize("format", READERS)
def test_any_reader_refuses_what_is_not_its_own(format, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 20)
    assert not READERS[format].recognises(path)
    with pytest.raises(InputError):
        list(READERS[format](path).chunks())
