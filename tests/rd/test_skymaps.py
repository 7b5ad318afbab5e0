"""Sky maps as users send them: what has no value is counted, not taken for a probability of 0."""

from __future__ import annotations

import importlib.util
import io

import numpy as np
import pytest
from astropy.io import fits

from km3vo.analysis import Region
from tests.instances import ROOT

UNSEEN = -1.6375e30
"""What HEALPix writes into cells without a value."""


@pytest.fixture(scope="module")
def skymaps():
    spec = importlib.util.spec_from_file_location("skymaps", ROOT / "rd/km3net/skymaps.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_cells_without_a_value_are_counted(skymaps) -> None:
    values = np.full(12 * 4**2, 1 / 160)
    values[:30], values[30:32] = UNSEEN, np.nan
    table = fits.BinTableHDU.from_columns([fits.Column("PROB", "D", array=values)])
    table.header.update({"PIXTYPE": "HEALPIX", "ORDERING": "NESTED", "COORDSYS": "C", "NSIDE": 4})
    content = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(content)
    found, uniq, (order, is_nested, pixels) = skymaps.read(content.getvalue())
    assert (uniq, order, is_nested, pixels) == (None, 2, True, None)
    region = Region.from_map(found, order=order, nested_cells=is_nested)
    assert region.unknown == 32
    assert region.probability == pytest.approx(np.where(np.arange(192) < 32, 0, 1 / 160))
