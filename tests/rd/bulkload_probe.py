"""Runs in DaCHS' Python, where the grammar runs: packs tables, or tells why they do not fit.

Arguments: the grammar's path, the columns as JSON: name, type, unit and properties, the number of
rows that are sorted at once along ra and dec, or 0, and FITS files. The COPY stream goes to
standard output.
"""

import importlib.util
import json
import sys

from gavo import base


class Definition:
    """As much of a DaCHS column as the grammar looks at."""

    def __init__(self, name, type, unit=None, **properties):
        self.name, self.type, self.unit, self.properties = name, type, unit, properties

    def getProperty(self, name, default=None):
        return self.properties.get(name, default)

    def hasProperty(self, name):
        return name in self.properties


def main(grammar, columns, together, *sources):
    spec = importlib.util.spec_from_file_location("bulkload", grammar)
    bulkload = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bulkload)
    order = ("ra", "dec") if int(together) else ()
    bulkload.ROWS_PER_BLOCK = int(together) or bulkload.ROWS_PER_BLOCK
    wanted = [Definition(**one) for one in json.loads(columns)]
    tables = bulkload.opened(sources, wanted)
    stream = bulkload.Stream(bulkload.pack(bulkload.batches(tables), order))
    try:
        # the first piece is the header, and the columns are compared for the second
        pieces = [stream.read(17), stream.read(17), stream.read(17)]
    except base.ReportableError as refusal:
        sys.exit(str(refusal))
    for piece in pieces:
        sys.stdout.buffer.write(piece)
    while piece := stream.read(17):
        sys.stdout.buffer.write(piece)


main(*sys.argv[1:])
