"""A DaCHS grammar that loads the responses of all releases into the tables of this schema.

Beside each response that a release publishes is a FITS file with the rows of its table, whose name
is in the header (``IRFTABLE``). All files are loaded at each import, by binary COPY, so the tables
always have the responses that are online, except for those of releases that are not public. This
runs in the Python of DaCHS.
"""

import glob
import os

from astropy.io import fits
from gavo import base
from gavo.utils import loadPythonModule

_HERE = os.path.abspath(__file__)
bulkload = loadPythonModule("../km3net/bulkload", relativeTo=_HERE)[0]
facts_of = loadPythonModule("../km3net/facts", relativeTo=_HERE)[0].facts_of
PATTERN = "[a-z]*/data/responses/*.table.fits"
"""The files with rows, below the inputs directory."""


def RowIterator(grammar, source, sourceRow=None):  # the name that DaCHS requires
    """Return the function with which DaCHS fills the tables."""

    def load(data):
        tables = {table.tableDef.id: table for table in data.tables.values()}
        for table in tables.values():
            table.ensureOnDiskMatches()
        for path in sorted(glob.glob(os.path.join(base.getConfig("inputsDir"), PATTERN))):
            if not facts_of(path.split("/")[-4]).get("protected"):
                _load(path, tables)

    return load


def _load(path, tables):
    """Append the rows of a file to its table."""
    with fits.open(path) as hdus:
        name, rows = hdus[0].header["IRFTABLE"], hdus[1]
        if name not in tables:
            raise base.ReportableError(
                f"{path} is for the table {name}; there are {', '.join(tables)}"
            )
        table = tables[name]
        columns = [bulkload.Column(one, rows, path) for one in table.tableDef]
        stream = bulkload.Stream(bulkload.pack(bulkload.batches([(columns, rows)])))
        bulkload.copy(table.connection, table.tableName, stream)
