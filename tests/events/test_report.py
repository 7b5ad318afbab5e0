"""The page of an import shows what was delivered and what the checks found; texts stay texts."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from browser import chromium
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from PIL import Image

from ingest.core.errors import InputError
from ingest.core.files import sha256
from ingest.events.checks import Checker, Expectations
from ingest.events.delivery import AcquiredFile, load_manifest
from ingest.events.difference import ColumnChange, Difference
from ingest.events.fields import chunk_dtype
from ingest.events.readers import open_reader
from ingest.events.report import ImportReport, write_report
from ingest.events.report.plot import BOTTOM, LEFT, RIGHT, plot
from ingest.events.survey import SkyCounts, Survey
from ingest.events.survey.distribution import Distribution

HEADER = "# ANTARES\n# Decl RA Nhit Beta MJD\n"
HOSTILE = '<script>alert("1")</script>&'


def line(number, dec=-10.0, beta=0.5):
    return f"{dec}\t{number % 360}.0\t{20 + number}\t{beta}\t{54_200 + number}.25\n"


def surveyed(path, lines, reject=()):
    """Return the survey of a list, and the error that ended it."""
    path.write_text(HEADER + "".join(lines))
    survey = Survey(54_129.0, 58_119.0)
    expected = Expectations(start_mjd=54_129.0, stop_mjd=58_119.0, reject=frozenset(reject))
    checker = Checker(open_reader(path, "antares-text"), expected, observe=survey.include)
    survey.checks.append(checker.report)
    try:
        for _ in survey.located(checker.checked_chunks()):
            pass
    except InputError as error:
        return survey, error
    return survey, None


def import_report(folder, lines, name="PublicData_0717.dat", **more):
    path = folder / name
    survey, error = surveyed(path, lines, more.pop("reject", ()))
    manifest = load_manifest("ant20_01")
    file = AcquiredFile(path, f"INPUTS {HOSTILE}", sha256(path), simulated=False)
    return ImportReport(manifest, [file], survey, error=error, dachs="2.7", **more)


def page(path):
    text = path.read_text()
    return text, etree.HTML(text)


def words(tree):
    return " ".join(" ".join(tree.xpath("//main//text()")).split()).replace("\u202f", "")


def test_what_is_rejected_is_listed_with_its_place(tmp_path):
    lines = [line(n) for n in range(50)]
    lines[3], lines[7] = line(3, dec=95.0), line(7, dec=-91.0)
    report = import_report(tmp_path, lines, reject=["declination"], imported=48)
    written = write_report(tmp_path / "reports", report)
    assert written == tmp_path / "reports" / "index.html"
    _, tree = page(written)
    text = words(tree)
    for number, what in ((50, "rows read"), (48, "accepted"), (2, "rejected"), (48, "imported")):
        assert f"{number} {what}" in text
    assert "declination: 2 rows, reject-row" in text
    assert "PublicData_0717.dat, line 6: dec = 95.0" in text
    assert "PublicData_0717.dat, line 10: dec = -91.0" in text
    assert sha256(tmp_path / "PublicData_0717.dat") in text
    assert "DaCHS 2.7" in text
    # rejected rows are drawn: days 3 and 7, each in a bar of its own
    assert len(tree.xpath("//figure[h3='time (UTC)']//*[@class='rejected']")) == 2


def test_a_refused_import_does_not_replace_the_page_of_the_one_online(tmp_path):
    folder = tmp_path / "reports"
    good = import_report(tmp_path, [line(n) for n in range(9)], imported=9)
    before = write_report(folder, good).read_bytes()
    (tmp_path / "bad").mkdir()
    bad = import_report(tmp_path / "bad", [line(1), line(2, beta=-0.5), line(3)])
    refused = write_report(folder, bad)
    assert refused == folder / "refused.html"
    assert (folder / "index.html").read_bytes() == before
    _, tree = page(refused)
    text = words(tree)
    assert "Refused. What was online before is unchanged." in text
    assert "the angular error is negative" in text and "line 4" in text
    assert "0 imported" in text and "3 rows read" in text
    # also what was read before the error has pictures
    assert tree.xpath("//figure[h3='number of hits']")
    write_report(folder, good)
    assert not refused.exists()
    assert len(list(folder.glob("20*.html"))) >= 1


def test_hostile_texts_stay_texts(tmp_path):
    report = import_report(tmp_path, [line(n) for n in range(9)], name="a&b<i>.dat", imported=9)
    release = report.manifest.release.model_copy(update={"title": HOSTILE, "instrument": HOSTILE})
    manifest = report.manifest.model_copy(update={"release": release})
    error = InputError(HOSTILE, file=HOSTILE, where=HOSTILE, value="\x1b[2J\x00", remedy=HOSTILE)
    difference = Difference(9, 9, "time", 0, 0, 1, columns=(ColumnChange(HOSTILE, "", 1),))
    text, tree = page(
        write_report(
            tmp_path / "reports",
            replace(report, manifest=manifest, error=error, difference=difference),
        )
    )
    assert not tree.xpath("//script | //i | //iframe")
    assert "<script" not in text
    assert tree.xpath("//h1/text()") == [HOSTILE]
    assert tree.xpath("//h3[text()='a&b<i>.dat']")


def test_the_page_fits_on_a_phone_and_loads_nothing(tmp_path):
    lines = [line(n) for n in range(50)]
    lines[3] = line(3, dec=95.0)
    path = write_report(
        tmp_path / "reports", import_report(tmp_path, lines, reject=["declination"], imported=49)
    )
    text, tree = page(path)
    assert set(re.findall(r'(?:src|href)="([^"]{5})', text)) == {"data:"}
    with chromium(tmp_path / "profile") as driver:
        for width in (360, 1280):
            size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": True}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            driver.get(path.as_uri())
            wide = driver.execute_script("return document.documentElement.scrollWidth")
            assert wide <= width
            drawn = driver.execute_script("return document.querySelector('img').naturalWidth")
            assert drawn > 500
        assert driver.get_log("browser") == []
    (source,) = tree.xpath("//img/@src")
    picture = Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("RGBA")
    # transparent outside the sky, so that it suits light and dark
    assert picture.getpixel((2, 2))[3] == 0
    assert picture.getpixel((picture.width // 2, picture.height // 4))[3] == 255


def distribution(low=0.0, high=10.0, bins=20, **more):
    return Distribution("q", "quantity", "m", low, high, bins, lambda c: c.get("q"), **more)


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(
        st.one_of(st.floats(-2, 12), st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 10.0])),
        max_size=40,
    ),
    data=st.data(),
)
def test_distributions_are_those_of_numpy(values, data):
    flags = data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    column, rejected = np.array(values, float), np.array(flags, bool)
    one = distribution()
    one.include({"q": column}, rejected if rejected.any() else None)
    for counts, kept in ((one.read, column), (one.accepted, column[~rejected])):
        finite = kept[np.isfinite(kept)]
        # values a rounding error away from an edge may be in either bin
        centred = finite[np.abs(finite * 2 - np.round(finite * 2)) > 1e-9]
        if len(centred) == len(finite):
            assert counts[1:-2].tolist() == np.histogram(finite, 20, (0, 10))[0].tolist()
        assert counts.sum() == len(kept)
        assert counts[-1] == np.count_nonzero(np.isnan(kept))
        assert counts[-2] == np.count_nonzero(kept > 10)
        assert counts[0] == np.count_nonzero(kept < 0)


def test_bars_are_where_the_values_are():
    one = distribution()
    one.include({"q": np.array([0.0, 0.1, 9.9])}, np.array([False, True, False]))
    drawn = plot(one)
    width = (RIGHT - LEFT) / 20
    accepted = [bar for bar in drawn.bars if bar.kind == "accepted"]
    (rejected,) = [bar for bar in drawn.bars if bar.kind == "rejected"]
    assert [bar.x for bar in accepted] == pytest.approx([LEFT, RIGHT - width], abs=0.5)
    assert accepted[0].y + accepted[0].height == BOTTOM
    # one accepted and one rejected row: bars of equal heights, one on the other
    assert rejected.x == accepted[0].x
    assert rejected.height == pytest.approx(accepted[0].height, abs=0.02)
    assert rejected.y + rejected.height == pytest.approx(accepted[0].y, abs=0.02)
    ticks = {tick.text: tick.place for tick in drawn.x_ticks}
    assert ticks["0"] == LEFT and ticks["10"] == RIGHT
    assert ticks["4"] == pytest.approx(LEFT + 0.4 * (RIGHT - LEFT), abs=0.01)


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (-2, 3, ["0.01", "0.1", "1", "10", "100", "1000"]),
        (4, 8, ["10⁴", "10⁵", "10⁶", "10⁷", "10⁸"]),
    ],
)
def test_logarithmic_axes_have_powers_of_ten(low, high, labels):
    one = distribution(low, high, 40, logarithmic=True)
    one.include({"q": 10.0 ** np.linspace(low, high, 40)}, None)
    assert [tick.text for tick in plot(one).x_ticks] == labels


@pytest.mark.parametrize(
    ("start", "stop", "title", "labels"),
    [
        # MJD 54101 is 2007-01-01, MJD 59215 is 2021-01-01
        (54_101.0, 58_119.0, "time (UTC)", ["2008", "2010", "2012", "2014", "2016", "2018"]),
        (59_215.0, 59_217.0, "time (UTC)",
         ["01-01 00:00", "01-01 12:00", "01-02 00:00", "01-02 12:00", "01-03 00:00"]),
        (59_215.0, 59_225.0, "time (UTC)", ["2021-01-01", "2021-01-06", "2021-01-11"]),
        (59_215.5, 59_215.5 + 4 / 24, "time (UTC), 2021-01-01",
         ["12:00", "13:00", "14:00", "15:00", "16:00"]),
    ],
)  # fmt: skip
def test_times_have_dates(start, stop, title, labels):
    survey = Survey(start, stop)
    mjd = np.linspace(start, stop, 2000)
    survey.include({"mjd": mjd}, np.zeros(len(mjd), bool))
    (drawn,) = filter(None, map(plot, survey.distributions))
    assert drawn.title == title
    assert [tick.text for tick in drawn.x_ticks] == labels


def test_the_sky_is_the_same_in_one_chunk_or_many():
    random = np.random.default_rng(5)
    ra, dec = random.uniform(0, 360, 30_000), np.degrees(np.arcsin(random.uniform(-1, 1, 30_000)))
    whole, parts = SkyCounts(), SkyCounts()
    whole.include(ra, dec)
    for first in range(0, 30_000, 7_000):
        parts.include(ra[first : first + 7_000], dec[first : first + 7_000])
    assert (whole.density == parts.density).all()
    assert whole.density.sum() == whole.count == 30_000
    # uniform on the sphere, hence equal counts in equal areas
    assert whole.density.mean() > 5 * abs(whole.density.mean() - np.median(whole.density))
    few = SkyCounts()
    few.include(ra[:10], dec[:10])
    assert few.density is None
    assert np.array_equal(few.positions, [ra[:10], dec[:10]])


def test_cosines_of_zenith_are_those_of_the_origin():
    chunk = np.zeros(1, chunk_dtype(("dir_x", "dir_y", "dir_z")))
    chunk["dir_z"] = 0.753  # propagates upwards: comes from below
    survey = Survey()
    survey.include({name: chunk[name] for name in chunk.dtype.names}, np.zeros(1, bool))
    (one,) = (d for d in survey.distributions if d.name == "cos_zenith")
    (filled,) = np.flatnonzero(one.read[1:-2])
    edge = one.low + filled * (one.high - one.low) / one.bins
    assert edge == pytest.approx(-0.76)
