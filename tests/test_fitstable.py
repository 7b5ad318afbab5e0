import io

import numpy as np
import pytest
from astropy.io import fits

from ingest.core import fitstable
from ingest.core.fitstable import FitsColumn, TableWriter, write_primary, write_table


def read(stream, **options):
    stream.seek(0)
    return fits.open(stream, **options)


def test_checksum_letters():
    # the example of the FITS standard 4.0, appendix J: the complement is written
    assert fitstable._encoded(~868229149 & 0xFFFFFFFF) == "hcHjjc9ghcEghc9g"


def test_checksum_letters_are_never_punctuation():
    for value in (0, 1, 0xFFFFFFFF, 0x3A3A3A3A, 0x28282828, *range(0, 2**32, 2**32 // 997)):
        letters = fitstable._encoded(value)
        assert letters.isalnum(), hex(value)
        assert len(letters) == 16


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rows", [0, 1, 3, 1000])
def test_a_streamed_table_is_read_by_astropy(rows):
    stream = io.BytesIO()
    write_primary(stream, [("AUTHOR", "Ångström – “she”", "")], ["word " * 30])
    columns = [FitsColumn("A", "i2"), FitsColumn("B", "S5"), FitsColumn("C", "f8", "m", null=None)]
    writer = TableWriter(stream, "T", columns, [("LAST", 0.0, "known later")])
    chunk = np.zeros(rows, writer.dtype)
    chunk["A"] = np.arange(rows)
    chunk["B"] = "abc"
    chunk["C"] = 0.1
    for start in range(0, rows, 7):
        writer.append(chunk[start : start + 7])
    writer.finish({"LAST": 1.5})
    with read(stream, checksum=True) as hdus:
        hdus.verify("exception")
        assert hdus["T"].header["LAST"] == 1.5
        assert hdus["T"].header.comments["LAST"] == "known later"
        assert len(hdus["T"].data) == rows
        assert hdus["T"].data["A"].tolist() == list(range(rows))
        assert set(hdus["T"].data["C"]) <= {0.1}
        assert hdus[0].header["AUTHOR"] == "Angstrom - she"
        assert "".join(hdus[0].header["HISTORY"]).count("word") == 30


def test_only_keywords_of_the_header_are_completed():
    writer = TableWriter(io.BytesIO(), "T", [FitsColumn("A", "i4")])
    with pytest.raises(KeyError, match="the header has no LATE"):
        writer.finish({"LATE": 1})


def test_rows_of_another_table_are_refused():
    writer = TableWriter(io.BytesIO(), "T", [FitsColumn("A", "i4")])
    with pytest.raises(TypeError):
        writer.append(np.zeros(1, [("A", "<i4")]))


def test_strings_are_not_truncated():
    with pytest.raises(ValueError, match="A: 4 characters do not fit into 3A"):
        write_table(io.BytesIO(), "T", [FitsColumn("A", "S3")], [("abcd",)])


def test_units_and_ucds_are_valid():
    from astropy import units as u
    from astropy.io.votable.ucd import parse_ucd

    from ingest.events.product import gadf, index

    columns = [
        *gadf._GADF_COLUMNS,
        *gadf._OWN_COLUMNS.values(),
        *gadf.GTI_COLUMNS,
        *index._OBS_COLUMNS,
        *index._HDU_COLUMNS,
    ]
    for column in columns:
        if column.unit:
            u.Unit(column.unit, format="fits")
        if column.ucd:
            parse_ucd(column.ucd, check_controlled_vocabulary=True)
