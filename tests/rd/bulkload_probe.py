"""Runs in DaCHS' Python, where the grammar runs: packs a table, or tells why it does not fit.

Arguments: the grammar's path, a FITS file, and the columns as JSON: name, type, unit and
properties. The COPY stream goes to standard output.
"""

import importlib.util
import json
import sys

from astropy.io import fits
from gavo import base


class Definition:
    """As much of a DaCHS column as the grammar looks at."""

    def __init__(self, name, type, unit=None, **properties):
        self.name, self.type, self.unit, self.properties = name, type, unit, properties

    def getProperty(self, name, default=None):
        return self.properties.get(name, default)

    def hasProperty(self, name):
        return name in self.properties


def main(grammar, source, columns):
    spec = importlib.util.spec_from_file_location("bulkload", grammar)
    bulkload = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bulkload)
    with fits.open(source) as hdus:
        try:
            events = bulkload.find_events(hdus, source)
            wanted = [
                bulkload.Column(Definition(**one), events, source) for one in json.loads(columns)
            ]
        except base.ReportableError as refusal:
            sys.exit(str(refusal))
        parts = ((wanted, part) for part in bulkload.blocks(events))
        stream = bulkload.Stream(bulkload.pack(parts))
        while piece := stream.read(17):
            sys.stdout.buffer.write(piece)


main(*sys.argv[1:])
