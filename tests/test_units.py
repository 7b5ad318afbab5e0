import numpy as np
import pytest
from astropy import units as u

from ingest.core import units


def test_one_gev():
    # 1 eV = 1.602176634e-19 J, exact by definition of the SI
    assert units.gev_to_joule(1.0) == pytest.approx(1.602176634e-10, rel=1e-15)
    assert units.gev_to_tev(1.0) == 0.001


def test_conversions_agree_with_astropy():
    energies = np.geomspace(1, 1e9, 19)
    quantity = energies * u.GeV
    np.testing.assert_allclose(units.gev_to_joule(energies), quantity.to_value(u.J), rtol=1e-15)
    np.testing.assert_allclose(units.gev_to_tev(energies), quantity.to_value(u.TeV), rtol=1e-15)


def test_missing_energies_stay_missing():
    energies = np.array([np.nan, 2000.0])
    assert np.isnan(units.gev_to_tev(energies)[0])
    assert np.isnan(units.gev_to_joule(energies)[0])
