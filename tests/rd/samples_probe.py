"""Reads samples as the services of limits do; runs in the Python of DaCHS.

Prints what a service gets while releases are imported again: numbers of events and messages.
"""

import json
import os
import sys
import types

import numpy
from astropy.io import fits
from gavo import base, utils

module, inputs, checkout = sys.argv[1:]
sys.path.insert(0, checkout)
from km3vo import analysis  # noqa: E402

base.setConfig("inputsDir", inputs)
samples, _ = utils.loadPythonModule(module)
facts = os.path.join(inputs, "here", "release.json")
service = types.SimpleNamespace(
    rd=types.SimpleNamespace(schema="here"),
    getProperty={"acceptance": "acceptance.txt", "background": "background.txt"}.get,
)
known = samples.Samples(analysis)
read, found = [], []


def deliver(count, *, simulated=False, acceptance=1.0):
    """Exchange the directory of the release, as an import does; all files have the same time."""
    made = os.path.join(inputs, "made")
    os.makedirs(os.path.join(made, "data", "responses"))
    columns = [fits.Column("EVENT_NAME", "8A", array=[f"ANT{i:04}" for i in range(count)])]
    columns += [
        fits.Column(name, "D", array=numpy.full(count, 1.0))
        for name in ("RA", "DEC", "ANG_ERR", "MJD")
    ]
    primary = fits.PrimaryHDU()
    primary.header["ANGRES"] = 0.4
    table = fits.BinTableHDU.from_columns(columns, name="EVENTS")
    fits.HDUList([primary, table]).writeto(os.path.join(made, "data", "here.fits"))
    texts = {
        "data/responses/acceptance.txt": f"{' '.join([str(acceptance)] * 20)}\n" * 16,
        "data/responses/background.txt": "6720.96 70.914 -0.6\n",
        "release.json": json.dumps({"simulated": simulated}),
    }
    for name, text in texts.items():
        with open(os.path.join(made, name), "w", encoding="utf-8") as stream:
            stream.write(text)
    for folder, _, names in os.walk(made):
        for name in names:
            os.utime(os.path.join(folder, name), (1e9, 1e9))
    place = os.path.join(inputs, "here")
    if os.path.exists(place):
        os.rename(place, os.path.join(inputs, f"old{len(found)}"))
    os.rename(made, place)


def ask():
    """Ask for the sample; note its number of events, the acceptance, and whether it is new."""
    try:
        sample = known.of(service)
    except base.ReportableError as error:
        found.append(str(error))
        return
    is_new = not any(sample is one for one in read)
    read.append(sample)
    found.append([len(sample.dec), float(sample.acceptance.values[0, 0]), is_new])


deliver(3)
ask()
ask()
deliver(4)
ask()
deliver(4, acceptance=2.0)
ask()
ask()
deliver(4, simulated=True)
ask()
deliver(5)
ask()
print(json.dumps(found))
