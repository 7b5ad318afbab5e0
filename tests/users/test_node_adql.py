"""Values in ADQL: what users give arrives unchanged, or is refused."""

import math

import pgparse
import pytest
from astropy import units
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from km3vo import BadRequestError, NodeError, adql


@given(st.text(st.characters(exclude_characters="\\", exclude_categories=["C"])))
def test_a_text_is_one_literal_with_this_value(value):
    ((target,),) = (
        one["stmt"]["SelectStmt"]["targetList"]
        for one in pgparse.parse(f"SELECT {adql.text(value)}")
    )
    # the parser leaves out an empty text
    assert target["ResTarget"]["val"]["A_Const"]["sval"].get("sval", "") == value


@pytest.mark.parametrize("value", ["a\\' OR 1=1 --", "a\nb", "a\0b"])
def test_what_servers_read_differently_is_refused(value):
    with pytest.raises(BadRequestError, match="backslash or a control character"):
        adql.text(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_keeps_its_value(value):
    assert float(adql.number(value, "x")) == value


@pytest.mark.parametrize("value", [math.nan, math.inf, "1; DROP", None, [1]])
def test_only_finite_numbers_are_accepted(value):
    with pytest.raises(BadRequestError, match=r"index is .*, not a finite number"):
        adql.number(value, "index")


@given(st.text())
def test_a_name_of_a_table_has_only_letters_digits_and_underscores(value):
    try:
        assert set(adql.name(value, "the release").lower()) <= set(
            "abcdefghijklmnopqrstuvwxyz0123456789_"
        )
    except BadRequestError as error:
        assert error.reason.startswith("the release is")


def test_limits_are_converted_and_may_be_open():
    moments = (Time("2017-08-17T12:41:04", scale="utc"), None)
    # MJD of GW170817's signal, from 2017-08-17 = MJD 57982
    (found,) = adql.between("mjd", moments, units.d, "time")
    assert float(found.removeprefix("mjd >= ")) == pytest.approx(57982 + 45664 / 86400, abs=1e-9)
    assert adql.between("energy", (1 * units.TeV, 1 * units.PeV), units.GeV, "energy") == [
        "energy >= 1000.0",
        "energy <= 1000000.0",
    ]


@pytest.mark.parametrize(
    ("bounds", "problem"),
    [
        ((Time("2018-01-01"), Time("2017-01-01")), "begins after its end"),
        (("2017-01-01", None), "expected is an astropy Time"),
        (Time("2017-01-01"), r"pair \(from, until\)"),
        ((3 * units.deg, None), "expected is an astropy Time"),
    ],
)
def test_wrong_limits_are_explained(bounds, problem):
    with pytest.raises(BadRequestError, match=problem):
        adql.between("mjd", bounds, units.d, "time")


def test_an_asterisk_stands_for_anything_and_a_percent_sign_is_refused():
    assert adql.pattern("stream", "icecube*") == "stream LIKE 'icecube%'"
    assert adql.pattern("stream", "100%") == "stream = '100%'"
    with pytest.raises(BadRequestError):
        adql.pattern("stream", "100%*")


def test_errors_have_one_base_class_and_name_the_address():
    error = BadRequestError("too large", "https://vo.example.org")
    assert isinstance(error, NodeError) and isinstance(error, ValueError)
    assert (error.reason, error.url) == ("too large", "https://vo.example.org")
    assert str(error) == "too large (https://vo.example.org)"
