"""What the predecessor's users get is what they got from the predecessor.

The expected values are the published answers of its service at vo.km3net.de, and the public file.
"""

import re

import numpy as np
import pytest
import pyvo

SIX = ["mjd", "beta", "nhit", "ra", "decl", "id"]
BRIGHT = """\
54789.2282 0.1 263 315.0 -16.7 ANT1157
55970.095 0.3 160 18.6 -43.3 ANT4737
56660.329 0.9 200 10.8 -1.5 ANT6138
56221.4919 0.3 158 39.6 11.0 ANT5198
56329.4015 0.2 157 156.7 3.6 ANT5571
54725.8894 0.2 152 200.4 17.9 ANT0886
56574.7303 0.3 153 105.2 -44.3 ANT5888
54731.2417 0.1 155 281.1 -48.7 ANT0907
56412.889 0.2 156 283.4 -57.1 ANT5655
57998.9599 0.2 162 1.8 -64.0 ANT8518
"""
CONES = {
    ((20, 30), 2): """\
0.327663931770686 56195.5948 0.4 45 20.3 30.2 ANT5087
1.56948430621669 55692.7303 0.3 62 18.7 31.1 ANT3659
""",
    ((43, 35), 3): """\
0.836538409016823 55592.169 0.3 48 43.3 35.8 ANT3412
1.94262592664262 57258.5917 0.3 35 43.5 36.9 ANT7402
2.52776479777075 55756.7405 0.5 33 44.5 32.8 ANT3846
2.73187906659559 54500.0934 0.5 64 43.5 32.3 ANT0366
""",
}


@pytest.fixture(scope="module")
def bright(tap):
    return tap.search("SELECT * FROM ant20_01.main WHERE nhit>150")


def test_select_star_has_the_six_columns_first_in_lower_case_and_their_types(bright):
    table = bright.to_table()
    assert table.colnames[:6] == SIX
    types = [table[name].dtype for name in SIX]
    assert types == ["float64", "float64", "int32", "float64", "float64", "object"]


def test_high_nhit_events_are_the_published_ones(bright):
    rows = {" ".join(str(row[name]) for name in SIX) for row in bright.to_table()}
    assert rows == set(BRIGHT.splitlines())


def test_scripts_may_ask_a_result_by_name_and_row(bright):
    row = list(bright["id"]).index("ANT1157")
    assert bright["nhit", row] == 263


@pytest.mark.parametrize(("where", "expected"), CONES.items(), ids=["20 30", "43 35"])
def test_cones_give_the_published_rows_in_their_order(cone_url, where, expected):
    result = pyvo.dal.SCSService(cone_url).search(*where)
    assert list(result.fieldnames) == ["_r", "MJD", "Beta", "Nhit", "RA", "Decl", "ID"]
    for row, line in zip(result, expected.splitlines(), strict=True):
        distance, mjd, beta, nhit, ra, decl, event = line.split()
        # the predecessor's distances have 15 digits
        assert f"{row['_r']:.15g}" == distance
        found = (row["MJD"], row["Beta"], row["Nhit"], row["RA"], row["Decl"], row["ID"])
        assert found == (float(mjd), float(beta), int(nhit), float(ra), float(decl), event)


def test_cone_answers_are_base64_binary_with_the_ucds_of_the_first_standard(fetch):
    answer = fetch("/ant20_01/nu/cone/scs.xml?RA=43&DEC=35&SR=3").read().decode()
    assert '<BINARY><STREAM encoding="base64">' in answer
    assert answer.count("<FIELD ") == 7
    for name, ucd in {
        "_r": r"pos\.(distance|angDistance)",  # the second since DaCHS 2.13
        "MJD": "time.epoch",
        "RA": "POS_EQ_RA_MAIN",
        "Decl": "POS_EQ_DEC_MAIN",
        "ID": "ID_MAIN",
    }.items():
        (field,) = [one for one in answer.split("<FIELD ") if f' name="{name}"' in one]
        assert re.search(f' ucd="{ucd}"', field.partition(">")[0])


def test_the_whole_table_is_the_public_file_to_the_last_digit(tap, antares_list):
    # exact comparison: both sides are the double nearest to the printed number
    public = np.loadtxt(antares_list, skiprows=2)
    decl, ra, nhit, beta, mjd = public.T
    assert (ra == 360.0).any()
    table = tap.search("SELECT * FROM ant20_01.main ORDER BY id", maxrec=20_000).to_table()
    assert list(table["id"]) == [f"ANT{number:04d}" for number in range(1, len(public) + 1)]
    assert len(table) == 8754
    for name, column in {"mjd": mjd, "beta": beta, "nhit": nhit, "decl": decl}.items():
        assert np.array_equal(table[name], column), name
    assert np.array_equal(table["ra"], np.where(ra == 360.0, 0.0, ra))
