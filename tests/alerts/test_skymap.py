"""Sky maps are read correctly in all conventions; expected values are analytic."""

import gzip
import io
import math
import time
import tracemalloc
import zlib
from pathlib import Path

import cdshealpix
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import Latitude, Longitude, SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy_healpix import level_ipix_to_uniq, lonlat_to_healpix, uniq_to_level_ipix
from hypothesis import given, settings
from hypothesis import strategies as st
from mocpy import MOC

from ingest.alerts.notices.model import PacketError
from ingest.alerts.skymaps.model import MAX_RANGES, SkyMap, map_regions, read_map, simplified
from ingest.alerts.skymaps.multiorder import MAX_ORDER, cell_areas
from tests.alerts.sample_maps import (
    CENTRE,
    KAPPA,
    cap,
    fisher,
    fisher_radius,
    flat_bytes,
    flat_density,
    multi_order,
    pixel_area,
    table_bytes,
)

NSIDE = 64
AREA = pixel_area(NSIDE).value
AREA_DEG2 = AREA * math.degrees(1) ** 2


def check(sky, tolerance=0.06):
    """Compare a map with the distribution that it was made from."""
    apart = SkyCoord(*sky.best(), unit="deg").separation(SkyCoord(*CENTRE, unit="deg"))
    assert apart.deg < 1
    for level in (0.5, 0.9):
        assert sky.area(level) == pytest.approx(cap(fisher_radius(level, KAPPA)), rel=tolerance)
    assert sky.probability.sum() == pytest.approx(1, abs=1e-9)
    there = SkyCoord(*CENTRE, unit="deg").directional_offset_by(
        np.arange(0, 360, 3) * u.deg, fisher_radius(0.7, KAPPA) * u.deg
    )
    found = sky.probability_density_at(there.ra.deg, there.dec.deg)
    expected = fisher(there.ra.deg, there.dec.deg, CENTRE, KAPPA)
    assert np.mean(found / expected) == pytest.approx(1, abs=0.05)
    assert np.mean(sky.containment_at(there.ra.deg, there.dec.deg)) == pytest.approx(0.7, abs=0.03)


@pytest.mark.parametrize("scheme", ["NESTED", "RING"])
@pytest.mark.parametrize(
    ("name", "unit", "scale"),
    [
        ("PROB", "pix-1", AREA),
        ("PROBABILITY", None, AREA),
        ("T", "unknown", AREA),
        ("PROBDENSITY", "sr-1", 1.0),
        ("SIGNAL", None, 1.0),
        ("VALUE", "1/deg^2", 1 / math.degrees(1) ** 2),
        ("PROBDENSITY", None, 1 / math.degrees(1) ** 2),
        ("density of events", "deg-2", 1 / math.degrees(1) ** 2),
    ],
)
def test_flat_maps_are_read_in_every_unit(scheme, name, unit, scale):
    values = flat_density(NSIDE, CENTRE, KAPPA, scheme.lower()) * scale
    sky = read_map(flat_bytes(values, NSIDE, name=name, unit=unit, scheme=scheme))
    check(sky)
    assert sky.remarks == ()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("code", "per_row"), [("D", 1024), ("E", 1024), ("E", 1)])
def test_rows_of_1024_pixels_are_read_as_healpy_writes_them(packed, code, per_row, tmp_path):
    values = flat_density(NSIDE, CENTRE, KAPPA, "ring") * AREA
    content = flat_bytes(
        values, NSIDE, scheme="RING", per_row=per_row, code=code, packed=packed,
        INDXSCHM="IMPLICIT", FIRSTPIX=0, LASTPIX=12 * NSIDE**2 - 1,
    )  # fmt: skip
    check(read_map(content))
    path = tmp_path / "map.fits"
    path.write_bytes(content)
    check(read_map(path))


@pytest.mark.parametrize("system", ["G", "E"])
@pytest.mark.parametrize("scheme", ["NESTED", "RING"])
def test_maps_in_other_coordinates_are_transformed_to_icrs(system, scheme):
    values = flat_density(NSIDE, CENTRE, KAPPA, scheme.lower(), system) * AREA
    check(read_map(flat_bytes(values, NSIDE, scheme=scheme, system=system)))


def test_a_multi_order_map_in_galactic_coordinates_is_transformed_to_icrs():
    check(read_map(multi_order(system="G")))


@pytest.mark.parametrize(
    ("name", "unit", "per"),
    [
        ("PROBDENSITY", "sr-1", lambda area: 1.0),
        ("PROBDENSITY", None, lambda area: 1.0),
        # IceCube has the unit in the name of the column
        ("PROBABILITY DENSITY [deg-2]", None, lambda area: 1 / math.degrees(1) ** 2),
        ("PROBABILITY", "pix-1", lambda area: area),
        ("PROB", None, lambda area: area),
    ],
)
def test_multi_order_maps_are_read_in_every_unit(name, unit, per):
    check(read_map(multi_order(name, unit, per)))


@pytest.mark.parametrize("scheme", ["NESTED", "RING"])
def test_partial_maps_with_pixel_numbers_are_read(scheme):
    values = flat_density(NSIDE, CENTRE, KAPPA, scheme.lower()) * AREA
    kept = np.flatnonzero(values > values.max() * 1e-6)
    content = table_bytes(
        [("PIXEL", "J", None, kept), ("PROB", "D", "pix-1", values[kept])],
        {"PIXTYPE": "HEALPIX", "ORDERING": scheme, "NSIDE": NSIDE, "COORDSYS": "C",
         "INDXSCHM": "EXPLICIT", "OBJECT": "PARTIAL"},
    )  # fmt: skip
    sky = read_map(content)
    check(sky)
    assert sky.probability_density_at([330.0], [35.0]) == [0]
    assert sky.containment_at([330.0], [35.0]) == [1]


def test_partial_maps_from_a_first_pixel_on_are_read():
    values = flat_density(NSIDE, CENTRE, KAPPA, "ring") * AREA
    first = int(np.flatnonzero(values > values.max() * 1e-6)[0]) - 5
    content = flat_bytes(
        values[first:], NSIDE, scheme="RING", FIRSTPIX=first, LASTPIX=12 * NSIDE**2 - 1
    )
    check(read_map(content))


def test_other_columns_are_ignored():
    values = flat_density(NSIDE, CENTRE, KAPPA) * AREA
    distance = np.full(len(values), 40.0)
    content = table_bytes(
        [("PROB", "D", "pix-1", values), ("DISTMU", "D", "Mpc", distance),
         ("FLAG", "11X", None, np.zeros((len(values), 11), bool)),
         ("NOTE", "3A", None, np.full(len(values), "abc"))],
        {"PIXTYPE": "HEALPIX", "ORDERING": "NESTED", "NSIDE": NSIDE, "COORDSYS": "C"},
    )  # fmt: skip
    check(read_map(content))


def test_unsigned_cell_numbers_are_read():
    with fits.open(io.BytesIO(multi_order())) as hdus:
        uniq, density = hdus[1].data["UNIQ"].astype("u8"), hdus[1].data["PROBDENSITY"]
    column = fits.Column("UNIQ", "K", bzero=2**63, array=uniq)
    table = fits.BinTableHDU.from_columns([column, fits.Column("PROBDENSITY", "D", array=density)])
    table.header.update({"PIXTYPE": "HEALPIX", "ORDERING": "NUNIQ", "COORDSYS": "C"})
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(stream)
    check(read_map(stream.getvalue()))


@pytest.mark.parametrize(
    ("name", "word"),
    # the numbers 1 to 48; and integers of both signs
    [("explicit", "integrals 1176 "), ("implicit", "not probabilities")],
)
def test_maps_of_other_quantities_from_a_library_are_refused(name, word):
    folder = Path(cdshealpix.__file__).parent / "tests" / "resources"
    with pytest.raises(PacketError, match=word):
        read_map(folder / f"skymap-{name}.fits")


def test_pixels_without_value_and_slightly_negative_ones_are_taken_as_zero():
    values = flat_density(NSIDE, CENTRE, KAPPA) * AREA
    far = np.flatnonzero(values < values.max() * 1e-9)
    values[far[:100]], values[far[100:150]], values[far[150:160]] = np.nan, -1.6375e30, -1e-12
    sky = read_map(flat_bytes(values, NSIDE))
    check(sky)
    pixels = 12 * NSIDE**2
    assert sky.remarks == (
        f"150 of {pixels} pixels without value: taken as 0",
        f"10 of {pixels} pixels below 0: taken as 0",
    )


def test_a_scan_of_a_part_of_the_sky_has_nan_elsewhere_and_is_read():
    values = flat_density(NSIDE, CENTRE, KAPPA) * AREA
    values[values < values.max() * 1e-6] = np.nan
    check(read_map(flat_bytes(values, NSIDE)))


def test_a_map_that_is_nearly_normalised_is_normalised_with_a_remark():
    values = flat_density(NSIDE, CENTRE, KAPPA) * 0.8
    sky = read_map(flat_bytes(values, NSIDE, name="PROBDENSITY", unit="sr-1"))
    check(sky)
    assert sky.remarks == ("the map integrates to 0.8: normalised",)


def test_a_wrong_unit_is_corrected_with_a_remark():
    values = flat_density(NSIDE, CENTRE, KAPPA) * AREA
    sky = read_map(flat_bytes(values, NSIDE, name="PROBDENSITY", unit="sr-1"))
    check(sky)
    assert sky.remarks == ("unit 'sr-1' is wrong: values are per pixel",)


def test_negligible_pixels_are_merged_without_moving_probability():
    values = flat_density(256, CENTRE, 20_000.0) * pixel_area(256).value
    sky = read_map(flat_bytes(values, 256))
    assert len(sky.uniq) < 20_000 < len(values)
    assert sky.area(0.9) == pytest.approx(cap(fisher_radius(0.9, 20_000.0)), rel=0.03)
    # where the probability is high, the values of the file are unchanged
    pixel = int(values.argmax())
    order, cell = uniq_to_level_ipix(sky.uniq[[int(sky.density.argmax())]])
    assert (order[0], cell[0]) == (8, pixel)
    assert sky.probability.max() == pytest.approx(values[pixel] / values.sum(), rel=1e-12)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.68, 0.9, 0.99, 0.9999])
def test_regions_agree_with_those_of_mocpy(level):
    sky = read_map(multi_order())
    moc = sky.region(level)
    inside = moc.contains_lonlat(*centres_of(sky))
    held = sky.probability[inside].sum()
    assert held >= level - 1e-12
    # the cells that mocpy selects, and the one that crosses the level
    theirs = MOC.from_valued_healpix_cells(
        sky.uniq.astype(np.uint64), sky.density, 6, values_are_densities=True,
        cumul_to=level, strict=False,
    )  # fmt: skip
    assert theirs.difference(moc).empty()
    assert held - level <= sky.probability.max() + 1e-12
    assert moc.sky_fraction * 4 * math.pi * math.degrees(1) ** 2 == pytest.approx(sky.area(level))


def centres_of(sky):
    order, cell = uniq_to_level_ipix(sky.uniq)
    from astropy_healpix import healpix_to_lonlat

    lon, lat = healpix_to_lonlat(cell, 2**order, order="nested")
    return Longitude(lon), Latitude(lat)


def test_regions_and_containment_agree():
    sky = read_map(multi_order())
    random = np.random.default_rng(5)
    ra, dec = random.uniform(120, 180, 5000), random.uniform(-60, -10, 5000)
    for level in (0.5, 0.9):
        inside = sky.region(level).contains_lonlat(Longitude(ra, u.deg), Latitude(dec, u.deg))
        reached = sky.containment_at(ra, dec)
        assert (reached[~inside] > level).all()
        assert (reached[inside] <= level + sky.probability.max()).all()


def test_cells_that_are_equally_dense_are_in_a_region_together():
    uniq = level_ipix_to_uniq(np.zeros(12, np.int64), np.arange(12))
    sky = SkyMap.from_cells(uniq, np.r_[np.ones(6), np.zeros(6)])
    assert sky.area(0.5) == sky.area(1.0) == pytest.approx(cap(180) / 2)
    assert list(sky.containment_at([45.0, 45.0], [45.0, -80.0])) == [pytest.approx(1), 1]


def test_other_software_reads_a_written_map(tmp_path):
    sky = read_map(multi_order())
    path = sky.write(
        tmp_path / "our.fits", {"OBJECT": "KM3-230213A", "DATE": "2026-01-01T00:00:00"}
    )
    ours = read_map(path)
    assert np.array_equal(ours.uniq, sky.uniq)
    assert ours.density == pytest.approx(sky.density, rel=1e-12)
    # mocpy
    theirs = MOC.from_multiordermap_fits_file(str(path), cumul_from=0, cumul_to=0.9, strict=False)
    share = theirs.sky_fraction * 4 * math.pi * math.degrees(1) ** 2
    assert share == pytest.approx(sky.area(0.9), rel=0.01)
    # as GCN recommends: astropy and astropy-healpix
    table = Table.read(path)
    assert table["PROBDENSITY"].unit == u.Unit("sr-1")
    level, cell = uniq_to_level_ipix(np.asarray(table["UNIQ"]))
    match = lonlat_to_healpix(CENTRE[0] * u.deg, CENTRE[1] * u.deg, 2**level, order="nested")
    (row,) = np.flatnonzero(match == cell)
    assert table["PROBDENSITY"][row] == sky.probability_density_at(*CENTRE)
    keywords = {"PIXTYPE": "HEALPIX", "ORDERING": "NUNIQ", "COORDSYS": "C", "MOCORDER": 6,
                "INDXSCHM": "EXPLICIT", "OBJECT": "KM3-230213A",
                "DATE": "2026-01-01T00:00:00"}  # fmt: skip
    assert {key: table.meta[key] for key in keywords} == keywords
    with fits.open(path) as hdus:
        hdus.verify("exception")


def test_the_regions_of_a_map_are_mocs_in_ascii(tmp_path):
    regions = map_regions(multi_order())
    assert regions.origin == "map"
    sky = read_map(multi_order())
    assert MOC.from_string(regions.region_50) == sky.region(0.5)
    assert MOC.from_string(regions.region_90) == sky.region(0.9)


def test_a_region_of_many_ranges_is_degraded_to_one_that_contains_it():
    random = np.random.default_rng(6)
    values = random.exponential(size=12 * 128**2)
    regions = map_regions(flat_bytes(values / values.sum(), 128))
    moc = MOC.from_string(regions.region_90)
    exact = read_map(flat_bytes(values / values.sum(), 128)).region(0.9)
    assert len(exact.to_depth29_ranges) > MAX_RANGES >= len(moc.to_depth29_ranges)
    assert exact.difference(moc).empty()
    assert simplified(moc) == moc


@given(st.integers(0, MAX_ORDER), st.floats(0, 1, exclude_max=True))
def test_cell_numbers_are_exact_at_all_orders(order, part):
    """Versions of astropy-healpix that used a logarithm are wrong at the end of high orders."""
    cells = np.array([int(part * 12 * 4**order), 0, 12 * 4**order - 1])
    uniq = level_ipix_to_uniq(order, cells)
    assert list(uniq) == [4 * 4**order + int(cell) for cell in cells]
    level, cell = uniq_to_level_ipix(uniq)
    assert list(level) == [order] * 3
    assert list(cell) == list(cells)
    assert cell_areas(order) == pytest.approx(4 * math.pi / 12 / 4**order)


GOOD = flat_bytes(flat_density(8, CENTRE, 30.0) * pixel_area(8).value, 8)


def changed(**cards):
    with fits.open(io.BytesIO(GOOD)) as hdus:
        hdus[1].header.update(cards)
        stream = io.BytesIO()
        hdus.writeto(stream)
    return stream.getvalue()


def edited(old, new):
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new.ljust(len(old))[: max(len(old), len(new))])


def card(keyword, value):
    return f"{keyword:<8}= {value:>20}".encode()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "not a FITS file"),
        (b"not base64 after all", "not a FITS file"),
        (b"<html>404</html>" * 1000, "not a FITS file"),
        (GOOD[:2000], "no END"),
        (GOOD[:6000], "shorter"),
        (GOOD[:2880], "no HEALPix map"),
        (GOOD[:5760], "shorter"),
        (b"SIMPLE  =                    T" + b" " * 3_000_000, "no END"),
        (edited(card("NAXIS2", 768), card("NAXIS2", 10**12)), "shorter"),
        (edited(card("NAXIS2", 768), card("NAXIS2", -1)), "damaged"),
        (edited(card("NAXIS2", 768), card("NAXIS2", "'x'")), "damaged"),
        (edited(card("NAXIS1", 8), card("NAXIS1", 0)), "wider"),
        # the rest would keep astropy.io.fits busy for a minute, with gigabytes of memory
        (edited(card("TFIELDS", 1), card("TFIELDS", 999_999_999)), "format of a column is unknown"),
        (edited(card("NAXIS", 0), card("NAXIS", 999_999_999)), "FITS header is damaged"),
        (GOOD[:2880] + b"COMMENT".ljust(80) * 400_000 + GOOD[2880:], "no END"),
        (changed(NSIDE=7), "not a power of two"),
        (changed(NSIDE=0), "not a power of two"),
        (changed(NSIDE=2**40), "not a power of two"),
        (changed(NSIDE=1024), "does not agree with NSIDE"),
        (changed(NSIDE=4, FIRSTPIX=0, LASTPIX=767), "number is out of range"),
        (changed(NSIDE="eight"), "not a power of two"),
        (changed(ORDERING="SPIRAL"), "pixel ordering is unknown"),
        (changed(COORDSYS="MARS"), "coordinate system is unknown"),
        (edited(b"TFORM1  = 'D       '", b"TFORM1  = 'Z       '"), "format of a column is unknown"),
        (edited(b"TFORM1  = 'D       '", b"TFORM1  = '9999999D'"), "wider"),
        (b"\x1f\x8b" + b"\x08 nonsense", "compressed map is damaged"),
        (gzip.compress(GOOD)[:-400], "compressed map is truncated"),
    ],
)
def test_bytes_that_are_not_a_map_are_refused_quickly(content, word):
    begin = time.process_time()
    with pytest.raises(PacketError, match=word):
        read_map(content)
    assert time.process_time() - begin < 2


@pytest.mark.parametrize(
    ("values", "name", "unit", "word"),
    [
        (np.full(768, 5.0), "PROB", "pix-1", "none of its integrals is 1"),
        (np.linspace(-9000, -1, 768), "T", None, "no positive values|perhaps likelihoods"),
        (np.linspace(-9, 3, 768), "T", None, "perhaps likelihoods"),
        (np.linspace(0, 40, 768), "2DLLH", None, "likelihoods or significances"),
        (np.linspace(0, 40, 768), "TS", None, "likelihoods or significances"),
        (np.linspace(20000, 20040, 768), "T", None, "none of its integrals is 1"),
        (np.zeros(768), "PROB", "pix-1", "no positive values"),
        (np.full(768, np.nan), "PROB", "pix-1", "no positive values"),
        (np.full(768, np.inf), "PROB", "pix-1", "infinite"),
    ],
)
def test_maps_of_other_quantities_are_refused(values, name, unit, word):
    with pytest.raises(PacketError, match=word):
        read_map(flat_bytes(values, 8, name=name, unit=unit))


def test_the_error_names_the_integrals_and_the_file(tmp_path):
    path = tmp_path / "llh.fits"
    path.write_bytes(flat_bytes(np.full(768, 5.0), 8))
    with pytest.raises(PacketError) as caught:
        read_map(path)
    assert caught.value.file == str(path)
    # 768 pixels of 5; 4 pi of 5; 41253 square degrees of 5
    assert "3840 (sum)" in str(caught.value)
    assert "62.8319 (sr)" in str(caught.value)
    assert "206265 (deg2)" in str(caught.value)


@pytest.mark.parametrize(
    "uniq", [[4, 5, 16], [4, 4], [3, 5], [-4, 5], [2**62, 5]], ids=str
)  # fmt: skip
def test_overlapping_and_invalid_cells_are_refused(uniq):
    content = table_bytes(
        [("UNIQ", "K", None, np.array(uniq)), ("PROBDENSITY", "D", "sr-1", np.ones(len(uniq)))],
        {"PIXTYPE": "HEALPIX", "ORDERING": "NUNIQ", "COORDSYS": "C"},
    )
    with pytest.raises(PacketError, match=r"overlap|number is out of range"):
        read_map(content)


def test_a_decompression_bomb_is_refused_early(monkeypatch, tmp_path):
    from ingest.alerts.skymaps import healpix_table

    monkeypatch.setattr(healpix_table, "MAX_BYTES", 20 << 20)
    squeeze = zlib.compressobj(9, wbits=31)
    bomb = b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(200)) + squeeze.flush()
    path = tmp_path / "bomb.fits.gz"
    path.write_bytes(bomb)
    for source in (bomb, path):
        tracemalloc.start()
        with pytest.raises(PacketError, match="too large"):
            read_map(source)
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
        tracemalloc.stop()


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_damaged_map_is_read_or_refused(data):
    content = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, 7000))
        content[place] = data.draw(st.integers(0, 255))
    try:
        sky = read_map(bytes(content[: data.draw(st.sampled_from([None, 5000, 8000, 9000]))]))
    except PacketError:
        return
    assert sky.probability.sum() == pytest.approx(1)
