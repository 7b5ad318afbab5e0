"""Surveys as files, so that parts made by several processes can be added up."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ingest.core.files import atomic_write
from ingest.events.checks import CheckReport
from ingest.events.survey.survey import Survey

Numbers = npt.NDArray[np.generic]


def survey_file(directory: Path, product: Path) -> Path:
    """Return the file in a directory that has the survey of a product."""
    return directory / f"{product.stem}.npz"


def write_survey(path: Path, survey: Survey) -> None:
    """Write all but the checks of a survey as a compressed ``.npz`` file.

    Of the counts, of which most are zero, only the others are written, each with its place.
    """
    arrays: dict[str, Numbers] = {}
    for one in survey.distributions:
        for kind, counts in (("read", one.read), ("accepted", one.accepted)):
            places = np.flatnonzero(counts)
            arrays[f"{one.name}_{kind}"] = np.stack([places, counts[places]])
    arrays |= survey.sky.arrays()
    arrays["mjd_range"] = np.array(survey.time_range)
    with atomic_write(path) as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]


def read_survey(path: Path, checks: Iterable[CheckReport]) -> Survey:
    """Return a survey from its file and its checks.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    checks : iterable of CheckReport
        Its checks.

    Raises
    ------
    OSError, ValueError, KeyError
        If the file is missing or damaged.
    """
    with np.load(path) as arrays:
        survey = Survey(*arrays["mjd_range"].tolist())
        survey.checks += checks
        for one in survey.distributions:
            for kind, counts in (("read", one.read), ("accepted", one.accepted)):
                places, numbers = arrays[f"{one.name}_{kind}"]
                counts[places] = numbers
        survey.sky.load(arrays)
    return survey
