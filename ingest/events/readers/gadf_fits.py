"""GADF event lists in FITS: what other tools made, and this project's own product again.

The table is the HDU with HDUCLAS1 = EVENTS, or else the one called EVENTS. GADF 0.3 asks for
EVENT_ID, TIME, RA, DEC and ENERGY; the last may be missing here, since not every neutrino
telescope gives one. TIME counts seconds (or TIMEUNIT) from MJDREFI + MJDREFF in the time scale
TIMESYS, and becomes MJD in UTC. In the scale UTC a day has 86 400 s, so a leap second is no time
of its own, as in unix time.

Our own product has more columns: EVENT_NAME, MJD (UTC, taken instead of TIME), DET_ID, RUN_ID,
FRAME_INDEX, TRIGGER_COUNTER, ZENITH, AZIMUTH, ANG_ERR, N_HITS, LIKELIHOOD, TOPOLOGY, QUALITY.
Units are those of TUNIT; TNULL stands for a missing integer.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from astropy import units as u
from astropy.io import fits
from astropy.time import Time

from ingest.core.errors import InputError
from ingest.events.fields import FIELDS, Chunk, chunk_dtype
from ingest.events.readers._columns import SECONDS_PER_DAY, integers, refuse_empty
from ingest.events.readers._damage import REPAIR, damage_told, unreadable
from ingest.events.readers.base import DEFAULT_CHUNK_ROWS, FileFacts, Reader

Array = npt.NDArray[Any]

SIGNATURE: Final = b"SIMPLE  ="
GZIP: Final = b"\x1f\x8b"
COLUMNS: Final[dict[str, str]] = {
    "event_name": "EVENT_NAME", "event_no": "EVENT_ID", "det_id": "DET_ID", "run_id": "RUN_ID",
    "frame_index": "FRAME_INDEX", "trigger_counter": "TRIGGER_COUNTER", "mjd": "MJD",
    "zenith": "ZENITH", "azimuth": "AZIMUTH", "ra": "RA", "dec": "DEC", "ang_err": "ANG_ERR",
    "energy": "ENERGY", "n_hits": "N_HITS", "likelihood": "LIKELIHOOD", "topology": "TOPOLOGY",
    "quality": "QUALITY",
}  # fmt: skip
UNITS: Final = {
    "mjd": u.d, "zenith": u.deg, "azimuth": u.deg, "ra": u.deg, "dec": u.deg, "ang_err": u.deg,
    "energy": u.GeV,
}  # fmt: skip
MEANT: Final = {"energy": u.TeV}
"""Units GADF prescribes where TUNIT is missing and they are not ours."""
SCALES: Final = {"UTC", "TT", "TAI", "TDB", "TCG", "TCB"}
PLACES: Final = {"LOCAL", "TOPOCENTER", "TOPOCENT", "GEOCENTER", "GEOCENTR"}
FRAMES: Final = {"ICRS", "FK5"}
"""FK5 at J2000 is within 0.03 arcsec of ICRS."""
_TEXT = {"event_name", "topology"}
_HEADER = (
    "ORIGIN", "TELESCOP", "INSTRUME", "CREATOR", "OBS_ID", "HDUVERS", "HDUDOC", "DATE", "AUTHOR",
    "KID", "RELEASE", "TIMESYS", "MJDREFI", "MJDREFF", "CHECKSUM", "DATASUM",
)  # fmt: skip


class GadfFitsReader(Reader):
    """Reads the EVENTS table of a GADF FITS file."""

    format = "gadf-fits"
    title = "GADF event list (FITS)"
    gives: tuple[str, ...] = tuple(COLUMNS)

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with _opened(path) as hdus, _told(path, "header of EVENTS"):
            hdu = _events(hdus, path)
            _all_there(hdu, path)
            header = hdu.header
            self._number = hdus.index_of(hdu)
            self._rows = int(header["NAXIS2"])
            names = {column.name.upper(): column.name for column in hdu.columns}
            nulls = {column.name: column.null for column in hdu.columns}
            self._columns = {field: names[name] for field, name in COLUMNS.items() if name in names}
            self._nulls = {field: nulls[name] for field, name in self._columns.items()}
            self._time = names.get("TIME")
            self._check(header)
            self._check_types(hdu.columns)
            self._factors = {
                field: self._factor(hdu.columns[name], unit, MEANT.get(field, unit))
                for field, unit in UNITS.items()
                if (name := self._columns.get(field))
            }
            if "mjd" not in self._columns and self._time is not None:
                second = u.Unit(header.get("TIMEUNIT", "s").strip() or "s")
                self._seconds = self._factor(hdu.columns[self._time], u.s, second)
                self._epoch(header)
            self._header = {key: header[key] for key in _HEADER if key in header}
            self._facts = self._times(header)
            told = header.get("SIMULATE")
            self._simulated = told if isinstance(told, bool) else None
            site = f"{header.get('TELESCOP', '')} {header.get('INSTRUME', '')}".lower()
        self._site = next((name for name in ("antares", "orca", "arca") if name in site), None)
        self.gives = tuple(name for name in COLUMNS if name in self._columns or name == "mjd")

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Look for FITS with a table of events."""
        with path.open("rb") as stream:
            if not stream.read(len(SIGNATURE)).startswith(SIGNATURE):
                return False
        with _opened(path) as hdus:
            try:
                _events(hdus, path)
            except InputError:
                return False
        return True

    def facts(self) -> FileFacts:
        """Return what the keywords of the table say: times are UTC, livetime in s."""
        return FileFacts(
            detector=self._site,
            n_events=self._rows,
            # only our own products say it
            simulated=self._simulated,
            provenance=dict(self._header),
            **self._facts,
        )

    def where(self, row: int) -> str:
        """Name the row of the table; FITS counts from 1."""
        return f"EVENTS row {row + 1}"

    def chunks(self, rows: int = DEFAULT_CHUNK_ROWS) -> Iterator[Chunk]:
        """Yield the events in file order.

        Raises
        ------
        ingest.core.errors.InputError
            If rows cannot be read, or a value does not fit its field.
        """
        refuse_empty(self._rows, self.path)
        for first in range(0, self._rows, rows):
            stop = min(first + rows, self._rows)
            # opened anew for each chunk, so that pages and scaled columns do not pile up
            with _opened(self.path) as hdus, _told(self.path, self.where(first)):
                block = hdus[self._number].data[first:stop]
                values = {
                    field: _native(block.field(name)) for field, name in self._columns.items()
                }
                times = None
                if "mjd" not in self._columns:
                    times = _native(block.field(self._time)).astype(np.float64)
            chunk = np.empty(stop - first, chunk_dtype(self.gives))
            self._fill(chunk, values, first)
            if times is not None:
                chunk["mjd"] = self._mjd(times)
            yield chunk

    def _fill(self, chunk: Chunk, values: dict[str, Array], first: int) -> None:
        def where(row: int) -> str:
            return self.where(first + row)

        for field, column in values.items():
            if field in _TEXT:
                chunk[field] = np.char.strip(column.astype(np.str_))
            elif FIELDS[field].startswith("i"):
                null = self._nulls[field]
                missing = None if null is None or null == "" else column == null
                chunk[field] = integers(column, field, self.path, where, missing)
            else:
                chunk[field] = column * self._factors.get(field, 1.0)

    def _mjd(self, seconds: Array) -> Array:
        """Return MJD in UTC of seconds since the epoch; what is no time stays NaN."""
        known = np.isfinite(seconds) & (np.abs(seconds) < 100 * 366 * SECONDS_PER_DAY)
        days = np.where(known, seconds, 0.0) * self._seconds / SECONDS_PER_DAY
        with warnings.catch_warnings():
            # astropy warns of UTC before 1960 and far in the future; checks refuse such dates
            warnings.simplefilter("ignore")
            time = Time(self._day, self._fraction + days, format="mjd", scale=self._scale)
            mjd: Array = np.where(known, time.utc.mjd, np.nan)
        return mjd

    def _epoch(self, header: Any) -> None:
        missing = [key for key in ("MJDREFI", "MJDREFF", "TIMESYS") if key not in header]
        if missing:
            self._refuse(
                f"the keywords {', '.join(missing)} are missing",
                None,
                "the epoch and the scale of TIME",
                "deliver the file with the keywords GADF prescribes",
            )
        self._day, self._fraction = float(header["MJDREFI"]), float(header["MJDREFF"])
        scale = str(header["TIMESYS"]).strip().upper()
        place = str(header.get("TIMEREF", "LOCAL")).strip().upper()
        if scale not in SCALES:
            self._refuse("this time scale is not known", scale, ", ".join(sorted(SCALES)))
        if place not in PLACES:
            self._refuse(
                "TIME is not that of the detector",
                f"TIMEREF {place}",
                "LOCAL, TOPOCENTER or GEOCENTER",
                "deliver times of arrival at the detector",
            )
        if not (0 <= self._day < 100_000 and abs(self._fraction) <= 1):
            self._refuse(
                "the epoch of TIME is no date",
                f"MJDREFI {self._day}, MJDREFF {self._fraction}",
                "days since 1858-11-17",
            )
        self._scale = scale.lower()

    def _check(self, header: Any) -> None:
        missing = [COLUMNS[field] for field in ("ra", "dec") if field not in self._columns]
        if "mjd" not in self._columns and self._time is None:
            missing.append("TIME")
        if missing:
            self._refuse(
                f"columns are missing: {', '.join(missing)}",
                ", ".join(self._columns.values()) or "none of GADF's columns",
                "TIME (or MJD), RA, DEC",
            )
        frame = str(header.get("RADECSYS", header.get("RADESYS", "ICRS"))).strip().upper()
        equinox = header.get("EQUINOX", 2000.0)
        if frame not in FRAMES or float(equinox) != 2000.0:
            self._refuse(
                "positions are in another frame",
                f"{frame}, equinox {equinox}",
                "ICRS, or FK5 at equinox 2000",
                "convert the positions to ICRS",
            )

    def _check_types(self, columns: Any) -> None:
        for field, name in {**self._columns, "TIME": self._time}.items():
            if name is None:
                continue
            kind = columns[name].dtype
            wanted = "SU" if field in _TEXT else "iufb"
            if kind.base.kind not in wanted or kind.shape:
                self._refuse(
                    f"the column {name} is of a wrong type",
                    columns[name].format,
                    "text" if field in _TEXT else "one number per row",
                )

    def _times(self, header: Any) -> dict[str, Any]:
        """Return begin, end and livetime, where keywords say them and the scale is known."""
        livetime = header.get("LIVETIME")
        found: dict[str, Any] = {
            "livetime": float(livetime) if isinstance(livetime, int | float) else None
        }
        keys = ("MJDREFI", "MJDREFF", "TIMESYS", "TSTART", "TSTOP")
        if all(key in header for key in keys):
            self._seconds = getattr(self, "_seconds", 1.0)
            self._epoch(header)
            ends = self._mjd(np.array([header["TSTART"], header["TSTOP"]], np.float64))
            names = ("start_mjd", "stop_mjd")
            found |= {n: float(t) for n, t in zip(names, ends, strict=True) if np.isfinite(t)}
        return found

    def _factor(self, column: Any, unit: Any, meant: Any) -> float:
        try:
            return float((u.Unit(column.unit) if column.unit else meant).to(unit))
        except (ValueError, TypeError):
            self._refuse(
                f"the unit of {column.name} cannot be used",
                column.unit,
                f"a unit that can be converted to {unit}",
            )
            raise AssertionError from None

    def _refuse(self, problem: str, value: object, expected: str, remedy: str = REPAIR) -> None:
        raise InputError(
            problem, file=self.path, where="EVENTS", value=value, expected=expected, remedy=remedy
        )


def _native(values: Any) -> Array:
    """Return a column in the byte order of this machine, as an array of its own."""
    array = np.array(values)
    return array.astype(array.dtype.newbyteorder("="))


def _told(path: Path, where: str | None = None) -> contextlib.AbstractContextManager[None]:
    """Turn whatever astropy throws at a damaged file into an InputError."""
    return damage_told(path, where, "FITS", "header")


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with path.open("rb") as stream:
            found = stream.read(len(SIGNATURE))
    except OSError as error:
        raise unreadable(path, error) from None
    if not found.startswith(SIGNATURE):
        packed = found.startswith(GZIP)
        raise InputError(
            "the file is compressed" if packed else "this is not a FITS file",
            file=path,
            value=found,
            expected=f"{SIGNATURE!r} at its start",
            remedy=f"gunzip {path.name}" if packed else "give the file's true format",
        )
    with warnings.catch_warnings():
        # astropy warns where it repairs a header; what is damaged is found by our own checks
        warnings.simplefilter("ignore")
        with _told(path):
            hdus = fits.open(path, memmap=True, lazy_load_hdus=False)
        try:
            yield hdus
        finally:
            with contextlib.suppress(Exception):
                hdus.close()


def _events(hdus: Any, path: Path) -> Any:
    with _told(path):
        tables = [hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU)]
        by_class = [h for h in tables if str(h.header.get("HDUCLAS1", "")).strip() == "EVENTS"]
        found = by_class or [hdu for hdu in tables if hdu.name == "EVENTS"]
    if len(found) == 1:
        return found[0]
    raise InputError(
        "the file has several tables of events" if found else "there is no table of events",
        file=path,
        value=", ".join(hdu.name or "unnamed" for hdu in found or tables) or "no tables",
        expected="one table with HDUCLAS1 = EVENTS or called EVENTS",
        remedy="deliver a GADF event list",
    )


def _all_there(hdu: Any, path: Path) -> None:
    """Check that the rows the header claims are in the file."""
    header = hdu.header
    claimed = int(header["NAXIS1"]) * int(header["NAXIS2"])
    stored = path.stat().st_size - int(hdu.fileinfo()["datLoc"])
    if claimed > stored or min(int(header["NAXIS1"]), int(header["NAXIS2"])) < 0:
        raise InputError(
            "the file is shorter than its header claims",
            file=path,
            where="EVENTS",
            value=f"{stored} bytes",
            expected=f"{header['NAXIS2']} rows of {header['NAXIS1']} bytes",
            remedy=REPAIR,
        )
