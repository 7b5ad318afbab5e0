"""The vocabulary of an event inside the ingestion: names, types, units and missing values.

A reader yields chunks, numpy structured arrays whose fields are a subset of :data:`FIELDS`.
A chunk is either in *detector coordinates* (it has ``dir_x, dir_y, dir_z`` and ``unix_seconds,
unix_nanoseconds``) or *on the sky already* (it has ``ra, dec`` and ``mjd``). What is
published of it, with descriptions and UCDs, is said by the resource descriptors in ``rd/``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Chunk = npt.NDArray[np.void]
"""A structured array of events; its fields are a subset of :data:`FIELDS`."""

MISSING_INTEGER: Final = int(np.iinfo(np.int32).min)
"""Stands for "not given" in integer fields; floats use NaN, text uses the empty string.
It becomes TNULL in FITS and NULL in the database, and is never a measured value."""

FIELDS: Final[dict[str, str]] = {
    # who it is
    "event_name": "U48",  # km3.<det_id>.<run_id>.<frame_index>.<trigger_counter>, ANT0001, ...
    "event_no": "i8",  # the number GADF calls EVENT_ID; unique within a release
    "det_id": "i4",
    "run_id": "i4",
    "frame_index": "i4",
    "trigger_counter": "i8",
    # when: UTC
    "unix_seconds": "i8",  # whole UTC seconds since 1970-01-01, leap seconds not counted
    "unix_nanoseconds": "i8",  # the rest of the second, 0 to 999 999 999
    "mjd": "f8",  # d, UTC
    # where, in the detector: x = UTM easting, y = UTM northing, z = up
    "dir_x": "f8",  # unit vector of the way the particle goes
    "dir_y": "f8",
    "dir_z": "f8",
    "zenith": "f8",  # deg, where the particle comes from
    "azimuth": "f8",  # deg, where it comes from, from true north over east
    # where, on the sky: ICRS
    "ra": "f8",  # deg, [0, 360)
    "dec": "f8",  # deg, [-90, 90]
    "glon": "f8",  # deg, galactic; only where asked for
    "glat": "f8",
    # what it was
    "ang_err": "f8",  # deg, the reconstruction's own estimate of its angular error
    "ang_err_cl": "f8",  # probability that the true direction is within ang_err
    "err_50": "f8",  # deg, radius that contains the true direction with 50 % probability
    "err_68": "f8",
    "err_90": "f8",
    "err_99": "f8",
    "energy": "f8",  # GeV
    "n_hits": "i4",
    "likelihood": "f8",
    "topology": "U16",  # track, starting track, shower
    "quality": "i8",  # flags
}
"""Every field a chunk may have, with its numpy type; units as in the comments."""


def chunk_dtype(names: tuple[str, ...]) -> np.dtype[np.void]:
    """Return the structured type of a chunk that has the fields `names`, in that order.

    Raises
    ------
    KeyError
        If a name is none of :data:`FIELDS`.
    """
    return np.dtype([(name, FIELDS[name]) for name in names])
