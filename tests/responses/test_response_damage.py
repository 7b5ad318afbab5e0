"""Cut off and altered files: a reader reads them or raises InputError, and never anything else."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.core.errors import InputError
from ingest.responses import READERS, Response, read_response
from tests.responses.delivered_responses import DELIVERED

BYTES = {name: path.read_bytes() for name, (_, path) in DELIVERED.items()}
WORDS = [
    b"nan",
    b"-1",
    b"1e999",
    b"",
    b",",
    b"\n",
    b"{",
    b"]",
    b"0x1",
    b"1_0",
    b"\xff",
    b"9" * 5000,
]


def read(content: bytes, format: str) -> Response | InputError:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "delivered"
        path.write_bytes(content)
        try:
            response = read_response(path, format)
        except InputError as error:
            assert str(path) in str(error) and error.remedy
            return error
    assert np.isfinite(response.values).all()
    assert response.values.shape == tuple(len(axis) for axis in response.axes)
    for axis in response.axes:
        assert (np.diff(axis.edges) > 0).all()
    return response


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(DELIVERED)),
    st.integers(0, 2**20),
    st.lists(
        st.tuples(st.floats(0, 1), st.one_of(st.binary(max_size=4), st.sampled_from(WORDS))),
        max_size=4,
    ),
    st.booleans(),
)
def test_damage_is_reported(name, end, changes, at_the_start):
    content = bytearray(BYTES[name])
    for place, word in changes:
        # headers are at the start
        within = min(6000, len(content)) if at_the_start else len(content)
        start = int(place * within)
        content[start : start + max(len(word), 1)] = word
    if end < len(content) and end % 3 == 0:
        del content[end:]
    read(bytes(content), DELIVERED[name][0])


@pytest.mark.parametrize("format", sorted(READERS))
@given(content=st.binary(max_size=200))
@settings(max_examples=30, deadline=None)
def test_other_files_are_refused(format, content):
    assert isinstance(read(content, format), InputError)


@pytest.mark.parametrize("format", sorted(READERS))
def test_files_of_other_formats_are_refused(format):
    for name, (own, path) in DELIVERED.items():
        if own != format:
            with pytest.raises(InputError) as caught:
                read_response(path, format)
            assert caught.value.file == str(path), name


@pytest.mark.parametrize("format", sorted(READERS))
def test_links_missing_and_empty_files_are_refused(tmp_path, format):
    (tmp_path / "empty").touch()
    (tmp_path / "link").symlink_to(DELIVERED["background"][1])
    for name in ("empty", "link", "missing", "."):
        with pytest.raises(InputError):
            read_response(tmp_path / name, format)
