import numpy as np
import pytest

from ingest.core import units


def test_constants_are_those_of_the_si():
    # CODATA: h c = 1.239841984e-6 eV m
    hc = units.PLANCK * units.LIGHT_SPEED / units.ELEMENTARY_CHARGE
    assert hc == pytest.approx(1.239841984e-6, rel=4e-10)


def test_one_gev():
    assert units.energy_to_wavelength_m(1.0) == pytest.approx(1.239842e-15, rel=2e-7)
    assert units.gev_to_joule(1.0) == pytest.approx(1.602176634e-10, rel=1e-15)
    assert units.gev_to_tev(1.0) == 0.001
    assert units.tev_to_gev(0.12) == pytest.approx(120)
    assert units.gev_to_ev(1.0) == 1e9


def test_astropy_agrees():
    from astropy import units as u

    energies = np.geomspace(1, 1e9, 19)
    quantity = energies * u.GeV
    np.testing.assert_allclose(
        units.energy_to_wavelength_m(energies),
        quantity.to_value(u.m, u.spectral()),
        rtol=1e-14,
    )
    np.testing.assert_allclose(units.gev_to_joule(energies), quantity.to_value(u.J), rtol=1e-15)
    np.testing.assert_allclose(units.gev_to_tev(energies), quantity.to_value(u.TeV), rtol=1e-15)


def test_what_is_not_given_stays_so():
    energies = np.array([np.nan, 2000.0])
    assert np.isnan(units.gev_to_tev(energies)[0])
    assert np.isnan(units.energy_to_wavelength_m(energies)[0])


def test_the_highest_energy_has_the_smallest_wavelength():
    # the ANTARES energy range as ObsCore wants it: em_min from E_max
    assert units.energy_to_wavelength_m(1e8) < units.energy_to_wavelength_m(1e2)
