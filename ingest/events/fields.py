"""The fields of an event during the ingestion: names, types, units and missing values.

A reader yields chunks: structured numpy arrays whose fields are a subset of :data:`FIELDS`.
A chunk is either in *detector coordinates* (it has ``dir_x, dir_y, dir_z`` and ``unix_seconds,
unix_nanoseconds``) or already *on the sky* (it has ``ra, dec`` and ``mjd``). Descriptions and
UCDs of the published columns are in the resource descriptors in ``rd/``.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Chunk = npt.NDArray[np.void]
"""A structured array of events; its fields are a subset of :data:`FIELDS`."""

MISSING_INTEGER: Final = int(np.iinfo(np.int32).min)
"""Marks a missing value in integer fields; float fields use NaN, text fields the empty string.
It becomes TNULL in FITS and NULL in the database, and is never a measured value."""

FIELDS: Final[dict[str, str]] = {
    # identity
    "event_name": "U48",  # km3.<det_id>.<run_id>.<frame_index>.<trigger_counter>, ANT0001, ...
    "event_no": "i8",  # EVENT_ID in GADF; unique within a release
    "det_id": "i4",
    "run_id": "i4",
    "frame_index": "i4",
    "trigger_counter": "i8",
    # time, UTC
    "unix_seconds": "i8",  # whole seconds since 1970-01-01, leap seconds not counted
    "unix_nanoseconds": "i8",  # fraction of the second, 0 to 999 999 999
    "mjd": "f8",
    # direction in the detector frame: x = UTM easting, y = UTM northing, z = up
    "dir_x": "f8",  # unit vector along the direction of propagation
    "dir_y": "f8",
    "dir_z": "f8",
    "zenith": "f8",  # of the direction of origin
    "azimuth": "f8",  # of the direction of origin, from true north through east
    # position on the sky, ICRS
    "ra": "f8",  # [0, 360)
    "dec": "f8",  # [-90, 90]
    "glon": "f8",  # galactic; only on request
    "glat": "f8",
    # reconstruction
    "ang_err": "f8",  # angular error estimated by the reconstruction
    "ang_err_cl": "f8",  # probability that the true direction is within ang_err
    "err_50": "f8",  # radius that contains the true direction with 50 % probability
    "err_68": "f8",
    "err_90": "f8",
    "err_99": "f8",
    "energy": "f8",
    "n_hits": "i4",
    "likelihood": "f8",
    "topology": "U16",  # track, starting track, shower
    "quality": "i8",  # flags
    # only of alerts, see ALERT
    "alert_id": "U128",
    "ivorn": "U255",
    "sha256": "U64",  # of the packet
    "retracted": "i4",
    "revision": "i4",
    "notice_mjd": "f8",
    "instrument": "U32",
    "pipeline": "U64",
    "far": "f8",  # false-alarm rate
    "signalness": "f8",
    "p_value": "f8",
    "n_events": "i4",
    "event_ids": "U1024",  # of the detector events, separated by spaces
    "region_90": "U4000",  # MOC in ASCII
}
"""Every field a chunk may have, with its numpy type."""

FIELD_UNITS: Final[dict[str, str]] = {
    "unix_seconds": "s",
    "unix_nanoseconds": "ns",
    "mjd": "d",
    **dict.fromkeys(("zenith", "azimuth", "ra", "dec", "glon", "glat"), "deg"),
    **dict.fromkeys(("ang_err", "err_50", "err_68", "err_90", "err_99"), "deg"),
    "energy": "GeV",
    "notice_mjd": "d",
    "far": "Hz",
}
"""Units of the fields that have one, in the spelling of astropy."""

VECTOR: Final = ("dir_x", "dir_y", "dir_z")
"""The direction of propagation in the detector frame."""
UNIX_TIME: Final = ("unix_seconds", "unix_nanoseconds")
"""The exact time of an event."""
ERROR_RADII: Final = ("err_50", "err_68", "err_90", "err_99")
"""Containment radii, which few formats provide."""
GALACTIC: Final = ("glon", "glat")
ALERT: Final = (
    "alert_id", "ivorn", "sha256", "retracted", "revision", "notice_mjd", "instrument", "pipeline",
    "far", "signalness", "p_value", "n_events", "event_ids", "region_90",
)  # fmt: skip
"""What a catalogue of alerts has besides the fields of events."""


def chunk_dtype(names: tuple[str, ...]) -> np.dtype[np.void]:
    """Return the structured type of a chunk that has the fields `names`, in that order.

    Raises
    ------
    KeyError
        If a name is not in :data:`FIELDS`.
    """
    return np.dtype([(name, FIELDS[name]) for name in names])
