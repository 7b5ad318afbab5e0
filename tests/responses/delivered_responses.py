"""The responses in ``inputs/``."""

from __future__ import annotations

from pathlib import Path

INPUTS = Path(__file__).resolve().parents[2] / "inputs"
_AREA = "effective_area_brighttrackselection_allflavour_skyavg.json"
DELIVERED = {
    "acceptance": ("antares-acceptance", INPUTS / "ant20_01/acceptance.txt"),
    "background": ("antares-background", INPUTS / "ant20_01/background.txt"),
    "uhe_aeff": ("effective-area-json", INPUTS / "evts23_01" / _AREA),
    "arca115_aeff": ("gadf", INPUTS / "irf_arca115/aeff.fits"),
    "arca115_edisp": ("gadf", INPUTS / "irf_arca115/edisp.fits"),
    "arca115_psf": ("gadf", INPUTS / "irf_arca115/psf.fits"),
    "arca115_bkg_nu": ("gadf", INPUTS / "irf_arca115/bkg_nu.fits"),
    "arca115_bkg_mu": ("gadf", INPUTS / "irf_arca115/bkg_mu.fits"),
    "arca230_aeff": ("arca230-csv", INPUTS / "irf_arca230/aeff_coszen_allnumuCC_track.csv"),
    "arca230_edisp": ("arca230-csv", INPUTS / "irf_arca230/energyresponse_numuCC_track.csv"),
    "arca230_bkg": ("arca230-csv", INPUTS / "irf_arca230/bkg_track.csv"),
}
"""By a short name: the format and the file."""
