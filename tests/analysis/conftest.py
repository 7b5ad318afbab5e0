"""The sample of ANTARES with its published responses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from km3vo.analysis import Acceptance, Polynomial, Sample


@pytest.fixture(scope="session")
def antares(delivered: Path) -> Sample:
    folder = delivered / "ant20_01"
    dec, ra, _, beta, mjd = np.loadtxt(folder / "PublicData_0717.dat", comments="#").T
    return Sample(
        release="ant20_01",
        event_id=np.array([f"ANT{line:04}" for line in range(1, len(dec) + 1)]),
        ra=ra,
        dec=dec,
        ang_err=beta,
        mjd=mjd,
        polynomial=Polynomial.from_text((folder / "background.txt").read_text()),
        acceptance=Acceptance.from_text((folder / "acceptance.txt").read_text()),
        resolution=0.4,
    )
