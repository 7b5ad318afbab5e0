"""The two tables in which gammapy's DataStore finds products: OBS-INDEX and HDU-INDEX.

Source: GADF 0.3, "Data storage". They are built from the headers of the products.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from astropy.io import fits

from ingest.core.errors import InputError
from ingest.core.files import atomic_write
from ingest.core.fitstable import Card, FitsColumn, Value, write_primary, write_table
from ingest.events.product.header import FORMAT_CARDS, TIME_CARDS

OBS_INDEX_NAME: Final = "obs-index.fits.gz"
HDU_INDEX_NAME: Final = "hdu-index.fits.gz"

_PLACE: Final = ("GEOLON", "GEOLAT", "ALTITUDE")
# columns that are also keywords of EVENTS
_OBS_COLUMNS: Final = (
    FitsColumn("OBS_ID", "i8", "", "", "meta.id"),
    FitsColumn("ALT_PNT", "f8", "deg"),
    FitsColumn("AZ_PNT", "f8", "deg"),
    FitsColumn("ONTIME", "f8", "s"),
    FitsColumn("LIVETIME", "f8", "s"),
    FitsColumn("DEADC", "f8"),
    FitsColumn("TSTART", "f8", "s"),
    FitsColumn("TSTOP", "f8", "s"),
    FitsColumn("OBS_MODE", "S16"),
    FitsColumn("TELESCOP", "S32"),
    FitsColumn("INSTRUME", "S32"),
)
_COUNT: Final = FitsColumn("EVENT_COUNT", "i8", "", "", "meta.number")
_HDU_COLUMNS: Final = (
    FitsColumn("OBS_ID", "i8"),
    FitsColumn("HDU_TYPE", "S16"),
    FitsColumn("HDU_CLASS", "S16"),
    FitsColumn("FILE_DIR", "S128"),
    FitsColumn("FILE_NAME", "S128"),
    FitsColumn("HDU_NAME", "S32"),
    FitsColumn("SIZE", "i8", "byte", "of the file"),
)


@dataclass(frozen=True)
class Response:
    """An HDU with an instrument response for one observation or for all.

    Parameters
    ----------
    path : pathlib.Path
        The FITS file.
    hdu_type, hdu_class, hdu_name : str
        As in GADF: ``aeff``, ``aeff_2d``, ``EFFECTIVE AREA``.
    obs_id : int, optional
        The observation; None for all.
    """

    path: Path
    hdu_type: str
    hdu_class: str
    hdu_name: str
    obs_id: int | None = None


def write_index(
    directory: Path, products: Sequence[Path], responses: Iterable[Response] = ()
) -> None:
    """Write ``obs-index.fits.gz`` and ``hdu-index.fits.gz`` into a directory.

    RA_PNT and DEC_PNT are not written: the detector does not point.

    Parameters
    ----------
    directory : pathlib.Path
        Directory of the index files, which contains all other files.
    products : sequence of pathlib.Path
        Event lists written by :func:`ingest.events.product.write_event_list`.
    responses : iterable of Response
        The instrument responses that belong to them.

    Raises
    ------
    ingest.core.errors.InputError
        If there are no products, two have the same OBS_ID, or a file is in another directory.
    """
    if not products:
        raise InputError(
            "there are no products to index",
            file=directory,
            expected="at least one event list",
            remedy="convert a file first",
        )
    responses = list(responses)
    observations: dict[int, tuple[Value, ...]] = {}
    hdus: list[tuple[Value, ...]] = []
    place: list[Card] = []
    for path in products:
        header = fits.getheader(path, "EVENTS")
        obs_id = int(header["OBS_ID"])
        if obs_id in observations:
            raise InputError(
                "two products have the same OBS_ID",
                file=path,
                value=obs_id,
                expected="one product per observation",
                remedy="give each run a unique number",
            )
        observations[obs_id] = (*(header[one.name] for one in _OBS_COLUMNS), header["NAXIS2"])
        place = [(name, header[name], header.comments[name]) for name in _PLACE]
        hdus.append(_hdu_row(directory, path, obs_id, "events", "events", "EVENTS"))
        hdus.append(_hdu_row(directory, path, obs_id, "gti", "gti", "GTI"))
        hdus += [
            _hdu_row(directory, one.path, obs_id, one.hdu_type, one.hdu_class, one.hdu_name)
            for one in responses
            if one.obs_id in (None, obs_id)
        ]
    _write(
        directory / OBS_INDEX_NAME,
        "OBS_INDEX",
        (*_OBS_COLUMNS, _COUNT),
        [observations[obs_id] for obs_id in sorted(observations)],
        [("HDUCLAS1", "INDEX", ""), ("HDUCLAS2", "OBS", ""), *TIME_CARDS, *place],
    )
    _write(
        directory / HDU_INDEX_NAME,
        "HDU_INDEX",
        _HDU_COLUMNS,
        sorted(hdus, key=lambda row: (row[0], str(row[1]) not in ("events", "gti"), row[1:])),
        [("HDUCLAS1", "INDEX", ""), ("HDUCLAS2", "HDU", "")],
    )


def _hdu_row(
    directory: Path, path: Path, obs_id: int, hdu_type: str, hdu_class: str, hdu_name: str
) -> tuple[Value, ...]:
    try:
        place = path.resolve().relative_to(directory.resolve())
    except ValueError:
        raise InputError(
            "the file is outside the directory of the index",
            file=path,
            expected=f"a file below {directory}",
            remedy="move the file there, or write the index in a parent directory",
        ) from None
    folder = "" if place.parent == Path() else place.parent.as_posix()
    return obs_id, hdu_type, hdu_class, folder, place.name, hdu_name, path.stat().st_size


def _write(
    path: Path,
    name: str,
    columns: Sequence[FitsColumn],
    rows: Sequence[tuple[Value, ...]],
    cards: Iterable[Card],
) -> None:
    content = BytesIO()
    write_primary(content, ())
    write_table(content, name, columns, rows, (*FORMAT_CARDS, *cards))
    # no date or file name in the gzip header: the same content gives the same bytes
    with atomic_write(path) as stream:
        stream.write(gzip.compress(content.getvalue(), mtime=0))
