"""Products of a release are sorted into periods, which must not overlap."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from ingest.core.errors import InputError
from ingest.events.delivery import Manifest, load_manifest
from ingest.events.periods import FILE, tables_of_periods, write_periods
from ingest.events.product import EventListContent

Y2020, Y2021 = 58849.0, 59215.0
"""MJD of the first of January."""


def release(periods: str | None) -> Manifest:
    manifest = load_manifest("evts21_01")
    section = manifest.release.model_copy(update={"products": "per-file", "periods": periods})
    return manifest.model_copy(update={"release": section})


def product(folder: Path, name: str, *times: float) -> Path:
    columns = [
        fits.Column("MJD", "D", array=np.array(times, float)),
        fits.Column("RA", "D", array=np.zeros(len(times))),
    ]
    path = folder / name
    fits.HDUList(
        [fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns, name="EVENTS")]
    ).writeto(path, overwrite=True)
    return path


def contents(products: list[Path]) -> dict[str, EventListContent]:
    return {path.name: EventListContent.of(path) for path in products}


def test_a_product_is_in_the_period_of_its_first_event(tmp_path: Path) -> None:
    products = [
        product(tmp_path, "c.fits", Y2021, Y2021 + 40),
        product(tmp_path, "b.fits", Y2020 + 31, Y2020 + 1),
        product(tmp_path, "a.fits", Y2021 - 2e-6, Y2020 + 20),
        product(tmp_path, "empty.fits"),
    ]
    years = write_periods(release("year"), contents(products), tmp_path)
    assert [(one.name, one.rows, one.files) for one in years] == [
        ("2020", 4, ("a.fits", "b.fits")),
        ("2021", 2, ("c.fits",)),
    ]
    assert (years[0].begin, years[0].end) == (Y2020 + 1, Y2021 - 2e-6)
    assert tables_of_periods(tmp_path.iterdir()) == tuple(one.table for one in years)
    months = write_periods(release("month"), contents(products[:2]), tmp_path)
    assert [one.name for one in months] == ["2020-01", "2021-01"]


def test_a_release_without_periods_has_one_table(tmp_path: Path) -> None:
    products = [product(tmp_path, "a.fits", Y2020)]
    assert write_periods(release(None), contents(products), tmp_path) == []
    assert tables_of_periods(tmp_path.iterdir()) == ()


def test_the_table_of_a_period_depends_on_its_rows_only(tmp_path: Path) -> None:
    def tables(*times: float) -> list[str]:
        products = [
            product(tmp_path, "a.fits", Y2020, Y2020 + 1),
            product(tmp_path, "b.fits", *times),
        ]
        return [one.table for one in write_periods(release("year"), contents(products), tmp_path)]

    before = tables(Y2021, Y2021 + 1)
    assert tables(Y2021, Y2021 + 1) == before
    with fits.open(tmp_path / "b.fits", "update") as hdus:
        hdus[0].header["TITLE"] = "another"
    assert tables(Y2021, Y2021 + 1) == before
    after = tables(Y2021, Y2021 + 1.5)
    assert (after[0] == before[0], after[1] == before[1]) == (True, False)
    # as PostgreSQL's identifiers
    assert max(len(one) for one in after) < 64


def test_periods_that_overlap_are_refused(tmp_path: Path) -> None:
    products = [
        product(tmp_path, "a.fits", Y2020 + 300, Y2021 + 5),
        product(tmp_path, "b.fits", Y2021 + 2, Y2021 + 9),
    ]
    with pytest.raises(InputError) as refusal:
        write_periods(release("year"), contents(products), tmp_path)
    text = str(refusal.value)
    assert "the period 2021 begins before the period 2020 ends" in text
    assert "a.fits" in text
    assert str(Y2021 + 5) in text
    assert not (tmp_path / FILE).exists()


def test_periods_need_a_product_for_each_file() -> None:
    section = json.loads(release("year").release.model_dump_json())
    with pytest.raises(ValueError, match='periods need products = "per-file"'):
        type(release("year").release).model_validate(section | {"products": "one"})
