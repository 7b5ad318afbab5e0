"""A DaCHS grammar that loads a FITS table into PostgreSQL by binary COPY.

Used in a resource descriptor as ``<customGrammar module="../km3net/bulkload"/>`` in a data
element with exactly one ``make``. Each column of the table takes the FITS column of its name,
upper case or lower; one with ``<property name="fits">NAME</property>`` takes another one.
Units are converted from what the file declares (TUNIT) to what the table declares. NaN, TNULL
and the empty string become NULL.

A column with ``<property name="computed">SQL expression</property>`` is not in the file: the
database computes it from the other columns. Such columns come last in a table. They are also
the way to have types that PostgreSQL cannot take in binary form, such as pgSphere's.

File and table are compared before a byte is sent. Values are not: DaCHS' row validation is
passed by, so what comes here must have been checked when the file was made.

This runs in the Python of DaCHS and uses only what Debian gives DaCHS.
"""

import io

import numpy
from astropy import units
from astropy.io import fits
from gavo import base

ROWS_PER_CHUNK = 50_000

# The form in which PostgreSQL takes a type in a binary COPY: big-endian, of a fixed size.
BINARY_FORMS = {
    "smallint": ">i2",
    "integer": ">i4",
    "bigint": ">i8",
    "real": ">f4",
    "double precision": ">f8",
    "text": None,
}

# PGCOPY signature, no flags, no header extension
_PREAMBLE = b"PGCOPY\n\xff\r\n\x00" + b"\x00" * 8
_END = b"\xff\xff"


def RowIterator(grammar, source, sourceRow=None):  # DaCHS' name for the entry point
    """Return the function with which DaCHS fills the data element's table from `source`."""

    def load(data):
        (table,) = data.tables.values()
        with fits.open(source, memmap=True) as hdus:
            events = find_events(hdus, source)
            definitions = list(table.tableDef)
            computed = [one for one in definitions if one.hasProperty("computed")]
            stored = definitions[: len(definitions) - len(computed)]
            if any(one.hasProperty("computed") for one in stored):
                raise base.ReportableError(
                    f"{table.tableDef.getQName()}: computed columns must come last"
                )
            columns = [Column(one, events, source) for one in stored]
            table.ensureOnDiskMatches()
            # COPY asks each type in the table for a binary input, whether it is sent or not.
            for one in computed:
                table.connection.execute(f"ALTER TABLE {table.tableName} DROP {one.name}")
            table.copyIn(Stream(pack(columns, len(events.data))), binary=True)
            for one in computed:
                table.connection.execute(
                    f"ALTER TABLE {table.tableName} ADD {one.name} {one.type} GENERATED ALWAYS AS"
                    f" ({one.getProperty('computed')}) STORED"
                )

    return load


def find_events(hdus, source):
    """Return the HDU with the events: the one called EVENTS, or the first table."""
    for hdu in hdus:
        if hdu.name == "EVENTS" and isinstance(hdu, fits.BinTableHDU):
            return hdu
    raise base.ReportableError(f"{source} has no table EVENTS")


class Column:
    """A column of the database table, with the FITS column that fills it."""

    def __init__(self, definition, events, source):
        self.name = str(definition.name)
        self.source = source
        fits_name = definition.getProperty("fits", self.name)
        if definition.type not in BINARY_FORMS:
            raise self._mismatch(f"type {definition.type} cannot be loaded")
        self.form = BINARY_FORMS[definition.type]
        names = {name.lower(): name for name in events.columns.names}
        if fits_name.lower() not in names:
            raise self._mismatch(
                f"the file has no column {fits_name.upper()}; it has "
                + ", ".join(events.columns.names)
            )
        self.fits_column = events.columns[names[fits_name.lower()]]
        self.values = events.data[names[fits_name.lower()]]
        self._compare(definition)

    def _compare(self, definition):
        kind = self.values.dtype.kind
        wanted = {None: "SU"}.get(self.form, "f" if self.form and "f" in self.form else "iu")
        if kind not in wanted or self.values.ndim != 1:
            raise self._mismatch(
                f"is {definition.type}, but the file's column holds {self.values.dtype}"
            )
        if kind in "iu" and self.values.dtype.itemsize > int(self.form[2:]):
            raise self._mismatch(f"is {definition.type}, too small for the file's numbers")
        self.factor = 1.0
        declared, delivered = definition.unit or "", self.fits_column.unit or ""
        if declared != delivered:
            try:
                self.factor = units.Unit(delivered).to(units.Unit(declared))
            except (ValueError, units.UnitsError):
                raise self._mismatch(
                    f"has the unit '{declared}', the file's column '{delivered}'"
                ) from None
            if kind in "iu":
                raise self._mismatch("is an integer and cannot change its unit")

    def _mismatch(self, problem):
        return base.ReportableError(
            f"{self.source} does not fit the table: column {self.name} {problem}"
        )

    def slots(self, start, stop):
        """Return the COPY fields of some rows: bytes, and how many of them count.

        Returns
        -------
        fields : numpy.ndarray of uint8, shape (rows, 4 + width)
            The length, then the value.
        used : numpy.ndarray of int, shape (rows,)
            How many bytes of a row's field are sent; 4 for a NULL.
        """
        if self.form is None:
            lengths, values = self._text(numpy.asarray(self.values[start:stop]))
        else:
            lengths, values = self._numbers(numpy.asarray(self.values[start:stop]))
        prefix = lengths.astype(">i4").view(numpy.uint8).reshape(-1, 4)
        return numpy.hstack([prefix, values]), 4 + numpy.maximum(lengths, 0)

    def _numbers(self, numbers):
        if numbers.dtype.kind == "f":
            missing = numpy.isnan(numbers)
            if self.factor != 1.0:
                numbers = numbers * self.factor
        else:
            missing = numbers == self.fits_column.null
            if self.fits_column.null is None:
                missing = numpy.zeros(len(numbers), bool)
        packed = numpy.ascontiguousarray(numbers.astype(self.form))
        width = packed.dtype.itemsize
        return numpy.where(missing, -1, width), packed.view(numpy.uint8).reshape(-1, width)

    def _text(self, texts):
        if texts.dtype.kind == "U":
            texts = numpy.char.encode(texts, "utf-8")
        texts = numpy.ascontiguousarray(texts)
        lengths = numpy.char.str_len(texts)
        values = texts.view(numpy.uint8).reshape(len(texts), texts.dtype.itemsize)
        return numpy.where(lengths == 0, -1, lengths), values


def pack(columns, n_rows):
    """Yield the binary COPY stream of the rows, in pieces."""
    yield _PREAMBLE
    count = numpy.array([len(columns)], ">i2").view(numpy.uint8)
    for start in range(0, n_rows, ROWS_PER_CHUNK):
        stop = min(start + ROWS_PER_CHUNK, n_rows)
        pieces = [numpy.tile(count, (stop - start, 1))]
        keep = [numpy.ones((stop - start, 2), bool)]
        for column in columns:
            fields, used = column.slots(start, stop)
            pieces.append(fields)
            keep.append(numpy.arange(fields.shape[1]) < used[:, None])
        yield numpy.hstack(pieces)[numpy.hstack(keep)].tobytes()
    yield _END


class Stream(io.RawIOBase):
    """A readable file over pieces of bytes, as psycopg2 wants one."""

    def __init__(self, pieces):
        self.pieces = iter(pieces)
        self.rest = memoryview(b"")

    def readable(self):
        """Say that this can be read."""
        return True

    def read(self, size=-1):
        """Return up to `size` bytes, fewer at the end of a piece, none at the end."""
        while not self.rest:
            try:
                self.rest = memoryview(next(self.pieces))
            except StopIteration:
                return b""
        if size is None or size < 0:
            size = len(self.rest)
        piece, self.rest = self.rest[:size], self.rest[size:]
        return piece.tobytes()
