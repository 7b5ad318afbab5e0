"""The samples with which services compute, and the analysis; kept in memory.

A sample is read again when one of its files has changed, that is, after the next import of its
release. This runs in the Python of DaCHS.
"""

import glob
import importlib.util
import os
import sys
import threading
import uuid

import numpy as np
from astropy.io import fits
from gavo import base
from gavo.utils import loadPythonModule

facts_of = loadPythonModule("facts", relativeTo=os.path.abspath(__file__))[0].facts_of
_ANALYSIS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "analysis")
PROPERTIES = ("acceptance", "background")
"""The properties of a service: the names of two of the responses of its release."""


def load_analysis():
    """Return the package with the analysis, as it was deployed with the shared folder.

    Each module that uses it has a copy of its own, loaded again when descriptors are read again.
    Several threads may do so at once: Python knows a copy only while it is loaded, by a name of
    its own.
    """
    name = f"km3net_analysis_{uuid.uuid4().hex}"
    spec = importlib.util.spec_from_file_location(
        name, os.path.join(_ANALYSIS, "__init__.py"), submodule_search_locations=[_ANALYSIS]
    )
    package = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(package)
    finally:
        for loaded in [one for one in list(sys.modules) if one.partition(".")[0] == name]:
            del sys.modules[loaded]
    return package


class Samples:
    """The samples of the releases, each read when it is needed first.

    Parameters
    ----------
    analysis : module
        The analysis, as loaded by :func:`load_analysis`.
    """

    def __init__(self, analysis):
        self._analysis = analysis
        self._lock = threading.Lock()
        self._known = {}

    def of(self, service):
        """Return the sample of the release to which a service belongs.

        Raises
        ------
        gavo.base.ReportableError
            If the release has no real data.
        """
        release = service.rd.schema
        paths = _paths(release, *(service.getProperty(one) for one in PROPERTIES))
        # the whole key in one go: an import exchanges the directory with all files
        try:
            key = tuple(
                (path, (state := os.stat(path)).st_mtime_ns, state.st_ino) for path in paths
            )
        except FileNotFoundError:
            key = ()
        if not key or facts_of(release).get("simulated"):
            raise base.ReportableError(
                f"There is no real sample {release} here, only a simulated one or none at all, from"
                " which nothing can be learnt about a source."
            )
        with self._lock:
            if self._known.get(release, (None,))[0] != key:
                self._known[release] = key, self._read(release, *paths)
            return self._known[release][1]

    def _read(self, release, acceptance, background, *products):
        analysis = self._analysis
        events = [fits.getdata(path, "EVENTS") for path in products]
        header = fits.getheader(products[0])
        names = np.concatenate([np.asarray(one["EVENT_NAME"]).astype(str) for one in events])
        columns = {
            name: np.concatenate([np.asarray(one[name], dtype=float) for one in events])
            for name in ("RA", "DEC", "ANG_ERR", "MJD")
        }
        return analysis.Sample(
            release=release,
            event_id=np.char.strip(names),
            ra=columns["RA"],
            dec=columns["DEC"],
            ang_err=columns["ANG_ERR"],
            mjd=columns["MJD"],
            polynomial=analysis.Polynomial.from_text(_text(background)),
            acceptance=analysis.Acceptance.from_text(_text(acceptance)),
            resolution=float(header["ANGRES"]),
        )


def _paths(release, acceptance, background):
    folder = os.path.join(base.getConfig("inputsDir"), release, "data")
    responses = os.path.join(folder, "responses")
    products = sorted(glob.glob(os.path.join(glob.escape(folder), "*.fits")))
    if not products:
        raise base.ReportableError(f"The release {release} is not online.")
    return (
        os.path.join(responses, acceptance),
        os.path.join(responses, background),
        *products,
    )


def _text(path):
    with open(path, encoding="utf-8") as stream:
        return stream.read()
