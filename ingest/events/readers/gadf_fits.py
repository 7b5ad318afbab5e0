"""GADF event lists in FITS: those of other tools, and this project's own products.

The table is the HDU with HDUCLAS1 = EVENTS, or else the one called EVENTS. GADF 0.3 requires
EVENT_ID, TIME, RA, DEC and ENERGY; the last may be missing here, since not every neutrino
telescope gives one. TIME counts seconds (or TIMEUNIT) from MJDREFI + MJDREFF in the time scale
TIMESYS, and is converted to MJD in UTC. In the scale UTC a day has 86 400 s, so leap seconds
are not counted, as in Unix time.

Of the further columns of our own products, these are read: EVENT_NAME, MJD (UTC, used instead of
TIME), DET_ID, RUN_ID, FRAME_INDEX, TRIGGER_COUNTER, ZENITH, AZIMUTH, ANG_ERR, N_HITS, LIKELIHOOD,
TOPOLOGY, QUALITY.
Units are those of TUNIT; TNULL marks missing integers.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from astropy.io import fits
from astropy.time import Time

from ingest.core import privileges
from ingest.core.errors import InputError
from ingest.core.timescales import DAY
from ingest.events.fields import FIELD_UNITS, FIELDS, Array, Chunk
from ingest.events.readers._columns import RowRange, integers, unit_factor
from ingest.events.readers._files import REFETCH, BinaryFormat
from ingest.events.readers.base import FileFacts, TableReader

FITS: Final = BinaryFormat("FITS", b"SIMPLE  =", lambda path: fits.open(path, memmap=True))
MAX_HDUS: Final = 300
"""Files with more extensions are refused: reading their headers could take hours."""
COLUMNS: Final[dict[str, str]] = {
    "event_name": "EVENT_NAME", "event_no": "EVENT_ID", "det_id": "DET_ID", "run_id": "RUN_ID",
    "frame_index": "FRAME_INDEX", "trigger_counter": "TRIGGER_COUNTER", "mjd": "MJD",
    "zenith": "ZENITH", "azimuth": "AZIMUTH", "ra": "RA", "dec": "DEC", "ang_err": "ANG_ERR",
    "energy": "ENERGY", "n_hits": "N_HITS", "likelihood": "LIKELIHOOD", "topology": "TOPOLOGY",
    "quality": "QUALITY",
}  # fmt: skip
DEFAULT_UNITS: Final = {**FIELD_UNITS, "energy": "TeV"}
"""Units of columns without TUNIT: those GADF prescribes."""
SCALES: Final = {"UTC", "TT", "TAI", "TDB", "TCG", "TCB"}
PLACES: Final = {"LOCAL", "TOPOCENTER", "TOPOCENT", "GEOCENTER", "GEOCENTR"}
FRAMES: Final = {"ICRS", "FK5"}
"""FK5 at J2000 is within 0.03 arcsec of ICRS."""
_TEXT = {"event_name", "topology"}
_LONGEST_TIME = 100 * 366 * DAY  # s
_PROVENANCE = (
    "ORIGIN", "TELESCOP", "INSTRUME", "CREATOR", "OBS_ID", "HDUVERS", "HDUDOC", "DATE", "AUTHOR",
    "KID", "RELEASE", "TIMESYS", "MJDREFI", "MJDREFF", "CHECKSUM", "DATASUM",
)  # fmt: skip


@dataclass(frozen=True)
class _Epoch:
    """The reference of the times in a header."""

    day: float
    """MJDREFI."""
    fraction: float
    """MJDREFF."""
    scale: str
    """The time scale, as astropy spells it."""

    def utc_mjd(self, seconds: Array) -> Array:
        """Return MJD in UTC of seconds since the epoch; NaN for values that are not times."""
        valid = np.isfinite(seconds) & (np.abs(seconds) < _LONGEST_TIME)
        days = np.where(valid, seconds, 0.0) / DAY
        with warnings.catch_warnings():
            # astropy warns about UTC before 1960 and far ahead; the checks reject such dates
            warnings.simplefilter("ignore")
            time = Time(self.day, self.fraction + days, format="mjd", scale=self.scale)
            mjd: Array = np.where(valid, time.utc.mjd, np.nan)
        return mjd


class GadfFitsReader(TableReader):
    """Reads the EVENTS table of a GADF FITS file."""

    format = "gadf-fits"
    title = "GADF event list (FITS)"
    gives: tuple[str, ...] = tuple(COLUMNS)

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with _opened(path) as hdus, FITS.guard(path, "header of EVENTS"):
            hdu = _events_hdu(hdus, path)
            _check_stored(hdu, path)
            header = hdu.header
            self._number = hdus.index_of(hdu)
            self.n_rows = int(header["NAXIS2"])
            self._inspect_columns(hdu.columns)
            self._check_frame(header)
            self._facts = self._facts_of(header)
            if "mjd" not in self._columns:
                self._inspect_time(hdu)
        self.gives = tuple(name for name in COLUMNS if name in self._columns or name == "mjd")

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether this is FITS with a table of events."""
        if not FITS.recognises(path):
            return False
        with _opened(path) as hdus:
            try:
                _events_hdu(hdus, path)
            except InputError:
                return False
        return True

    def facts(self) -> FileFacts:
        """Return what the keywords of the table say."""
        return self._facts

    def where(self, row: int) -> str:
        """Return the row of the table, which FITS counts from 1."""
        return f"EVENTS row {row + 1}"

    def _open_events(self) -> contextlib.AbstractContextManager[None]:
        # each chunk opens the file, so that mapped pages and scaled columns do not accumulate
        return contextlib.nullcontext()

    def _fill(self, chunk: Chunk, events: None, rows: RowRange) -> None:
        with _opened(self.path) as hdus, FITS.guard(self.path, self.where(rows.first)):
            block = hdus[self._number].data[rows.first : rows.stop]
            values = {field: _native(block.field(name)) for field, name in self._columns.items()}
            if "mjd" not in self._columns:
                seconds = _native(block.field(self._time)).astype(np.float64) * self._seconds
        for field, column in values.items():
            if field in _TEXT:
                chunk[field] = np.char.strip(column.astype(np.str_))
            elif FIELDS[field].startswith("i"):
                null = self._nulls[field]
                missing = None if null is None or null == "" else column == null
                chunk[field] = integers(column, field, rows, missing)
            else:
                chunk[field] = column * self._factors.get(field, 1.0)
        if "mjd" not in self._columns:
            chunk["mjd"] = self._epoch.utc_mjd(seconds)

    def _inspect_columns(self, columns: Any) -> None:
        """Find the columns of the fields, their types and units."""
        names = {column.name.upper(): column.name for column in columns}
        self._columns = {field: names[name] for field, name in COLUMNS.items() if name in names}
        self._time: str | None = names.get("TIME")
        missing = [COLUMNS[field] for field in ("ra", "dec") if field not in self._columns]
        if "mjd" not in self._columns and self._time is None:
            missing.append("TIME")
        if missing:
            raise self._error(
                f"columns are missing: {', '.join(missing)}",
                ", ".join(self._columns.values()) or "none of the columns of GADF",
                "TIME (or MJD), RA, DEC",
            )
        for field, name in {**self._columns, "TIME": self._time}.items():
            if name is not None:
                self._check_type(columns[name], is_text=field in _TEXT)
        self._nulls = {field: columns[name].null for field, name in self._columns.items()}
        self._factors = {
            field: self._factor(columns[name], DEFAULT_UNITS[field], FIELD_UNITS[field])
            for field, name in self._columns.items()
            if field in FIELD_UNITS
        }

    def _check_type(self, column: Any, is_text: bool) -> None:
        kind = column.dtype
        if kind.base.kind not in ("SU" if is_text else "iufb") or kind.shape:
            raise self._error(
                f"the column {column.name} has the wrong type",
                column.format,
                "text" if is_text else "one number per row",
            )

    def _check_frame(self, header: Any) -> None:
        frame = str(header.get("RADECSYS", header.get("RADESYS", "ICRS"))).strip().upper()
        equinox = header.get("EQUINOX", 2000.0)
        if frame not in FRAMES or float(equinox) != 2000.0:
            raise self._error(
                "positions are in another frame",
                f"{frame}, equinox {equinox}",
                "ICRS, or FK5 at equinox 2000",
                "convert the positions to ICRS",
            )

    def _inspect_time(self, hdu: Any) -> None:
        """Read the unit and the epoch of TIME."""
        self._seconds = self._factor(hdu.columns[self._time], _time_unit(hdu.header), "s")
        missing = [key for key in ("MJDREFI", "MJDREFF", "TIMESYS") if key not in hdu.header]
        if missing:
            raise self._error(
                f"the keywords {', '.join(missing)} are missing",
                None,
                "the epoch and the scale of TIME",
                "deliver the file with the keywords GADF prescribes",
            )
        self._epoch = self._epoch_of(hdu.header)

    def _epoch_of(self, header: Any) -> _Epoch:
        day, fraction = float(header["MJDREFI"]), float(header["MJDREFF"])
        scale = str(header["TIMESYS"]).strip().upper()
        place = str(header.get("TIMEREF", "LOCAL")).strip().upper()
        if scale not in SCALES:
            raise self._error("the time scale is not supported", scale, ", ".join(sorted(SCALES)))
        if place not in PLACES:
            raise self._error(
                "TIME is not measured at the detector",
                f"TIMEREF {place}",
                "LOCAL, TOPOCENTER or GEOCENTER",
                "deliver times of arrival at the detector",
            )
        if not (0 <= day < 100_000 and abs(fraction) <= 1):
            raise self._error(
                "the epoch of TIME is not a date",
                f"MJDREFI {day}, MJDREFF {fraction}",
                "days since 1858-11-17",
            )
        return _Epoch(day, fraction, scale.lower())

    def _facts_of(self, header: Any) -> FileFacts:
        site = f"{header.get('TELESCOP', '')} {header.get('INSTRUME', '')}".lower()
        livetime = header.get("LIVETIME")
        # only our own products have this keyword
        simulated = header.get("SIMULATE")
        start, stop = self._data_taking(header)
        return FileFacts(
            detector=next((name for name in ("antares", "orca", "arca") if name in site), None),
            n_events=self.n_rows,
            start_mjd=start,
            stop_mjd=stop,
            livetime=float(livetime) if isinstance(livetime, int | float) else None,
            simulated=simulated if isinstance(simulated, bool) else None,
            provenance={key: header[key] for key in _PROVENANCE if key in header},
        )

    def _data_taking(self, header: Any) -> tuple[float | None, float | None]:
        """Return start and stop, MJD UTC, where the keywords give them."""
        if any(key not in header for key in ("MJDREFI", "MJDREFF", "TIMESYS", "TSTART", "TSTOP")):
            return None, None
        ends = np.array([header["TSTART"], header["TSTOP"]], np.float64)
        ends *= unit_factor(None, _time_unit(header), "s")
        start, stop = self._epoch_of(header).utc_mjd(ends).tolist()
        return start if np.isfinite(start) else None, stop if np.isfinite(stop) else None

    def _factor(self, column: Any, default: str, target: str) -> float:
        try:
            return unit_factor(column.unit, default, target)
        except (ValueError, TypeError):
            raise self._error(
                f"the unit of {column.name} is not supported",
                column.unit,
                f"a unit that can be converted to {target}",
            ) from None

    def _error(
        self, problem: str, value: object, expected: str, remedy: str = REFETCH
    ) -> InputError:
        return InputError(
            problem, file=self.path, where="EVENTS", value=value, expected=expected, remedy=remedy
        )


def _time_unit(header: Any) -> str:
    return str(header.get("TIMEUNIT", "")).strip() or "s"


def _native(values: Any) -> Array:
    """Return a copy of a column in the byte order of this machine."""
    array = np.array(values)
    return array.astype(array.dtype.newbyteorder("="))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    with warnings.catch_warnings():
        # astropy warns when it repairs a header; damage is found by our own checks
        warnings.simplefilter("ignore")
        with FITS.opened(path) as hdus:
            _load_headers(hdus, path)
            yield hdus


def _load_headers(hdus: Any, path: Path) -> None:
    """Read all headers, which astropy does when they are needed."""
    with FITS.guard(path), contextlib.suppress(IndexError):
        for number in range(MAX_HDUS + 1):
            hdus[number]
        raise InputError(
            "the file has too many extensions",
            file=path,
            expected=f"at most {MAX_HDUS}, one of them the table of events",
            remedy="deliver a file with the events alone",
        )


def _events_hdu(hdus: Any, path: Path) -> Any:
    with FITS.guard(path):
        tables = [hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU)]
        by_class = [h for h in tables if str(h.header.get("HDUCLAS1", "")).strip() == "EVENTS"]
        found = by_class or [hdu for hdu in tables if hdu.name == "EVENTS"]
    if len(found) == 1:
        return found[0]
    raise InputError(
        "the file has several tables of events" if found else "the file has no table of events",
        file=path,
        value=", ".join(hdu.name or "unnamed" for hdu in found or tables) or "no tables",
        expected="one table with HDUCLAS1 = EVENTS or called EVENTS",
        remedy="deliver a GADF event list",
    )


def _check_stored(hdu: Any, path: Path) -> None:
    """Check that the rows the header claims are in the file."""
    header = hdu.header
    claimed = int(header["NAXIS1"]) * int(header["NAXIS2"])
    with privileges.reading(path):
        size = path.stat().st_size
    stored = size - int(hdu.fileinfo()["datLoc"])
    if claimed > stored or min(int(header["NAXIS1"]), int(header["NAXIS2"])) < 0:
        raise InputError(
            "the file is shorter than its header claims",
            file=path,
            where="EVENTS",
            value=f"{stored} bytes",
            expected=f"{header['NAXIS2']} rows of {header['NAXIS1']} bytes",
            remedy=REFETCH,
        )
