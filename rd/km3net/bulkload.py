"""A DaCHS grammar that loads a FITS table into PostgreSQL by binary COPY.

Used in a resource descriptor as ``<customGrammar module="../km3net/bulkload"/>`` in a data
element with exactly one ``make``. Each column of the table is filled from the FITS column of the
same name, ignoring case, or from the one named in ``<property name="fits">NAME</property>``.
Units are converted from those of the file (TUNIT) to those of the table. NaN, TNULL and the
empty string become NULL.

A column with ``<property name="computed">SQL expression</property>`` is not in the file: the
database computes it from the other columns. Such columns come last in a table. They also allow
types that PostgreSQL does not accept in binary form, such as pgSphere's.

A table with ``<property name="sorted_by">ra dec</property>``, the names of two columns, is stored
in the order of ``skyorder.py``, in blocks of a million rows. Sorting the rows on their way in is
much faster than in the database, or with CLUSTER afterwards, which rewrites the table.

The columns of file and table are compared before any data are sent, but values are not checked:
DaCHS' validation of rows is bypassed, so the values must have been checked when the file was
made.

This runs in the Python of DaCHS and uses only what Debian provides for DaCHS.
"""

import io
import os

import numpy
from astropy import units
from astropy.io import fits
from gavo import base
from gavo.utils import loadPythonModule

skyorder, _ = loadPythonModule("skyorder", relativeTo=os.path.abspath(__file__))

# A few MB, so that rows stay in the processor's cache from reading to sending.
ROWS_PER_CHUNK = 8_192
# Rows that are sorted at once, which bounds the memory.
ROWS_PER_BLOCK = 1 << 20
# Bytes passed to the database at once; the default of psycopg2 is 8 kB.
BYTES_PER_SEND = 1 << 20

# The format of each type in PostgreSQL's binary COPY: big-endian, of a fixed size.
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


def RowIterator(grammar, source, sourceRow=None):  # the name that DaCHS requires
    """Return the function with which DaCHS fills the data element's table from `source`."""

    def load(data):
        (table,) = data.tables.values()
        if table.tableDef.viewStatement:
            return  # its rows are in the tables of its periods
        table.ensureOnDiskMatches()
        fill(table.connection, table.tableDef, table.tableName, [source])

    return load


def fill(connection, definition, name, sources):
    """Append the rows of files to a table that has the columns of a definition.

    COPY alone is not enough for computed columns: it needs a binary input function for every type
    in a table, even for columns that are not sent, and pgSphere's types have none. Adding columns
    afterwards rewrites the whole table; a temporary table on the way writes it once.
    """
    stored, computed = divided(definition)
    if not computed:
        copy(connection, name, rows_of(definition, sources))
        return
    names = ", ".join(str(one.name) for one in stored)
    values = [names, *(one.getProperty("computed") for one in computed)]
    connection.execute(
        "CREATE TEMPORARY TABLE delivered ON COMMIT DROP AS"
        f" SELECT {names} FROM {name} WITH NO DATA"
    )
    copy(connection, "delivered", rows_of(definition, sources))
    connection.execute(f"INSERT INTO {name} SELECT {', '.join(values)} FROM delivered")
    connection.execute("DROP TABLE delivered")


def divided(definition):
    """Return the columns of a table that files fill, and those that the database computes."""
    computed = [one for one in definition if one.hasProperty("computed")]
    stored = list(definition)[: len(definition.columns) - len(computed)]
    if any(one.hasProperty("computed") for one in stored):
        raise base.ReportableError(f"{definition.getQName()}: computed columns must come last")
    return stored, computed


def rows_of(definition, sources):
    """Return the COPY stream with the rows of files, in the columns that they fill."""
    stored, _ = divided(definition)
    order = definition.getProperty("sorted_by", "").split()
    if not set(order) <= {one.name for one in stored}:
        raise base.ReportableError(
            f"{definition.getQName()}: sorted_by names a column that is not stored"
        )
    return Stream(pack(batches(opened(sources, stored)), order))


def copy(connection, name, stream, is_new=False):
    """Append the rows of a binary COPY stream to a table.

    A table that is new in this transaction can be stored as VACUUM would leave it, so that reading
    it for the first time changes nothing on the disk.
    """
    # Not table.copyIn, which sends pieces of 8 kB.
    with connection.cursor() as cursor:
        options = "FORMAT binary, FREEZE" if is_new else "FORMAT binary"
        cursor.copy_expert(f"COPY {name} FROM STDIN WITH ({options})", stream, BYTES_PER_SEND)


def find_events(hdus, source):
    """Return the binary table EVENTS of a file, or the only one."""
    tables = [hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU)]
    chosen = [hdu for hdu in tables if hdu.name == "EVENTS"] or tables
    if len(chosen) != 1:
        raise base.ReportableError(
            f"{source} has {len(tables)} binary tables; expected one, or one called EVENTS"
        )
    return chosen[0]


class Column:
    """A column of the database table and the FITS column that fills it."""

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
        self.field = self.fits_column.name
        self._compare(definition, events)

    def is_like(self, other):
        """Return whether the other's values are packed in the same way."""
        return (self.field, self.factor, self.fits_column.null) == (
            other.field, other.factor, other.fits_column.null
        )  # fmt: skip

    def _compare(self, definition, events):
        dtype = events.columns.dtype[self.field]
        form = self.fits_column.format
        if self.fits_column.bscale or self.fits_column.bzero:
            raise self._mismatch("is scaled in the file (TSCAL, TZERO), which is not supported")
        wanted = {None: "S"}.get(self.form, "f" if self.form and "f" in self.form else "iu")
        if dtype.kind not in wanted or dtype.shape or "L" in str(form):
            raise self._mismatch(f"is {definition.type}, but the file's column holds {form}")
        if dtype.kind in "iu" and dtype.itemsize > int(self.form[2:]):
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
            if dtype.kind in "iu":
                raise self._mismatch("is an integer and cannot change its unit")

    def _mismatch(self, problem):
        return base.ReportableError(
            f"{self.source} does not fit the table: column {self.name} {problem}"
        )

    def fields(self, rows):
        """Return the column's values in the format of COPY, and their lengths.

        Parameters
        ----------
        rows : numpy.ndarray
            Rows of the file.

        Returns
        -------
        values : numpy.ndarray, shape (rows,)
            The values, padded to the same number of bytes.
        lengths : numpy.ndarray of int, shape (rows,)
            The number of bytes to send of each value; -1 for NULL, of which none is sent.
        """
        if self.form is None:
            return self._text(rows[self.field])
        return self._numbers(rows[self.field])

    def _numbers(self, numbers):
        if numbers.dtype.kind == "f":
            missing = numpy.isnan(numbers)
            if self.factor != 1.0:
                numbers = numbers * self.factor
        elif self.fits_column.null is None:
            missing = numpy.zeros(len(numbers), bool)
        else:
            missing = numbers == self.fits_column.null
        packed = numbers.astype(self.form)
        return packed, numpy.where(missing, -1, packed.dtype.itemsize)

    def _text(self, texts):
        texts = numpy.ascontiguousarray(texts)
        lengths = numpy.char.str_len(texts)
        width = max(lengths.max(), 1)
        if (texts.view(numpy.uint8).reshape(len(texts), -1)[:, :width] == ord(" ")).any():
            # Trailing spaces in a FITS string are not significant.
            texts = numpy.char.rstrip(texts, b" \0")
            lengths = numpy.char.str_len(texts)
            width = max(lengths.max(), 1)
        return texts.astype(f"S{width}"), numpy.where(lengths == 0, -1, lengths)


def opened(sources, stored):
    """Yield the columns and the table of each file, which is open meanwhile."""
    for source in sources:
        with fits.open(source, memmap=True) as hdus:
            events = find_events(hdus, source)
            yield [Column(one, events, source) for one in stored], events


def batches(tables):
    """Yield columns and rows, as many as are sorted at once.

    Rows of several tables come together if their columns are packed in the same way. They are as in
    the file: of ``events.data``, astropy decodes whole columns of text, and copies all columns when
    the file is closed. An array is overwritten as soon as the next one is asked for.

    Parameters
    ----------
    tables : iterable of (list of Column, astropy.io.fits.BinTableHDU)
        The columns that are filled, and the rows that fill them.
    """
    columns, block, count = [], None, 0
    for own, events in tables:
        row = events.columns.dtype.newbyteorder(">")
        if count and not (row == block.dtype and all(map(Column.is_like, own, columns))):
            yield columns, block[:count]
            count = 0
        if block is None or row != block.dtype:
            block = numpy.empty(ROWS_PER_BLOCK, row)
        columns, left, place = own, events.header["NAXIS2"], events.fileinfo()
        with open(place["file"].name, "rb") as stream:
            stream.seek(place["datLoc"])
            while left:
                part = block[count : count + left]
                if stream.readinto(part.view(numpy.uint8)) < part.nbytes:
                    raise base.ReportableError(f"{place['file'].name} ends before its last row")
                count += len(part)
                left -= len(part)
                if count == ROWS_PER_BLOCK:
                    yield columns, block
                    count = 0
    if count:
        yield columns, block[:count]


def pack(of_columns, order=()):
    """Yield the binary COPY stream of rows, in pieces.

    Parameters
    ----------
    of_columns : iterable of (list of Column, numpy.ndarray)
        The rows, and the columns that they fill.
    order : sequence of str, optional
        The names of the two columns of positions along which each array is sorted.
    """
    yield _PREAMBLE
    for columns, rows in of_columns:
        pieces = [slice(i, i + ROWS_PER_CHUNK) for i in range(0, len(rows), ROWS_PER_CHUNK)]
        if order:
            places = [one for name in order for one in columns if one.name == name]
            found = [_pixels(rows[piece], *places) for piece in pieces]
            numbers = numpy.argsort(numpy.concatenate(found), kind="stable")
        for piece in pieces:
            yield _pack_chunk(columns, rows[numbers[piece]] if order else rows[piece])
    yield _END


def _pixels(rows, *places):
    return skyorder.pixels(*(rows[one.field] * one.factor for one in places))


def _pack_chunk(columns, rows):
    """Return rows as bytes: their fields one after the other, without the padding."""
    fields = [column.fields(rows) for column in columns]
    row_type = [("count", ">i2")]
    for number, (values, _) in enumerate(fields):
        row_type += [(f"length{number}", ">i4"), (f"value{number}", values.dtype)]
    packed = numpy.empty(len(rows), row_type)
    packed["count"] = len(columns)
    bytes_of = packed.view(numpy.uint8).reshape(len(rows), -1)
    keep = None
    for number, (values, lengths) in enumerate(fields):
        packed[f"length{number}"] = lengths
        packed[f"value{number}"] = values
        width = values.dtype.itemsize
        if (lengths != width).any():
            if keep is None:
                keep = numpy.ones(bytes_of.shape, bool)
            first = packed.dtype.fields[f"value{number}"][1]
            keep[:, first : first + width] = numpy.arange(width) < lengths[:, None]
    return packed.tobytes() if keep is None else bytes_of[keep].tobytes()


class Stream(io.RawIOBase):
    """A readable file made of pieces of bytes, as required by psycopg2."""

    def __init__(self, pieces):
        self.pieces = iter(pieces)
        self.rest = memoryview(b"")

    def readable(self):
        """Return True."""
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
