"""Patches of DaCHS, applied while it runs.

Each function changes one thing, says for which version of DaCHS, and describes the problem
as it could be reported to DaCHS' developers. All were written for DaCHS 2.7, the version in
Debian 12; applying one twice does no harm. Remove a function once Debian's DaCHS can do the same.

What cannot be patched from within DaCHS is handled elsewhere, and described in the same way:

- ``rd/alerts/regions.sql``: the database functions behind queries by region,
- ``webpages.py`` in ``ingest``: files that must exist before the server starts,
- ``vocabularies.py`` in ``ingest``: IVOA vocabularies without a network.

Descriptors note the problems of DaCHS 2.7 that they avoid: a table called ``products``
(``km3net/nu.rd``), polygons without an xtype and views beside their tables (``alerts/nu.rd``),
a time frame in ``stc2`` (``ant20_01/nu.rd``).

This runs in the Python of DaCHS.
"""

from gavo import api, base
from gavo.base import macros
from gavo.imp import pyparsing
from gavo.registry import capabilities
from gavo.registry.model import VOR
from gavo.rsc import data
from gavo.utils import parsetricks

VOEVENT_STANDARD = "ivo://ivoa.net/std/voevent"
ENDPOINT_KEY = "streamEndpoint"


def import_in_one_transaction():
    """Let ``dachs imp`` commit once, when all data elements of a descriptor have been made.

    For DaCHS 2.7.

    ``dachs imp`` commits after each data element, and again when it takes a table out of ObsCore.
    If a later element fails, its predecessors' new tables are online beside its own old table,
    and the resource is missing from ObsCore. We suggest that ``gavo.user.importing.process``
    hands a connection to ``makeData`` that is committed only after the loop over the data
    elements, perhaps on request (``dachs imp --atomic``). Readers then see either the former
    state or the new one.
    """
    api.makeData = _make_data


def _make_data(dd, connection, **more):
    """Make a data element and leave the commit to the end of ``dachs imp``."""
    connection.commit = lambda: None
    try:
        return data.makeData(dd, connection=connection, **more)
    finally:
        del connection.commit


def expand_macros_at_backslashes():
    """Let DaCHS look for macros only where a text has a backslash.

    For DaCHS 2.7.

    ``MacroExpander.expand`` tries its grammar at each character of each text, such as the code of
    a mixin. This takes a third of the time of ``dachs imp`` and ``dachs pub``. All alternatives
    of the grammar begin with a backslash, so we suggest to try it only there; the result is the
    same.
    """
    macros.MacroExpander.expand = _expand


def _expand(self, text):
    """Replace the macros in a text."""
    parts, done, place = [], 0, text.find("\\")
    with parsetricks._PYPARSE_LOCK:
        # as scanString does: what is cached belongs to another text
        pyparsing.ParserElement.resetCache()
        while place >= 0:
            try:
                end, found = self._macroGrammar._parse(text, place, callPreParse=False)
            except pyparsing.ParseException:
                end = place + 1
            else:
                parts += [text[done:place], *map(str, found)]
                done = end
            place = text.find("\\", end)
    return "".join([*parts, text[done:]])


def register_alert_streams():
    """Let DaCHS write the VOEvent capability of an alert stream into its registry record.

    For DaCHS 2.7; versions up to 2.13 do not have it either.

    DaCHS carries the schema VOEventRegExt 2 and knows its prefix, but has no way to produce the
    capability. We suggest a capability maker that turns each ``streamEndpoint`` in the metadata
    of a publication into an interface of type ``voe:StreamEndpoint``, with its ``accessURL`` and
    its ``standardID`` (which names the protocol). Here this is done for publications with the
    renderer ``external`` that have such metadata; all other publications stay as they are.
    ``voevent.rd`` shows the use.
    """
    # This dictionary takes classes and returns instances of them.
    capabilities._getCapabilityMaker.registry["external"] = StreamCapabilityMaker


class StreamEndpoint(VOR.interface):
    """An endpoint at which a stream can be followed; its standardID names the protocol."""

    _a_xsi_type = "voe:StreamEndpoint"
    _a_standardID = None
    _additionalPrefixes = frozenset(["voe", "xsi"])


class StreamCapabilityMaker(capabilities.ExternalCapabilityMaker):
    """Makes the capability of a stream, or DaCHS' usual one for a publication without endpoints."""

    renderer = "external"

    def _makeCapability(self, publication):
        endpoints = list(publication.iterMeta(ENDPOINT_KEY, propagate=False))
        if not endpoints:
            return super()._makeCapability(publication)
        text = base.getMetaText(
            publication, "description", propagate=False, macroPackage=publication.parent
        )
        return VOR.capability(standardID=VOEVENT_STANDARD)[
            VOR.description[text],
            [self._interface(one, publication) for one in endpoints],
        ]

    def _interface(self, endpoint, publication):
        values = {
            key: base.getMetaText(endpoint, key, macroPackage=publication.parent)
            for key in ("accessURL", "standardID")
        }
        for key, value in values.items():
            if value and "\\" in value:
                values[key] = publication.parent.expand(value)
            if not value:
                raise base.ReportableError(
                    f"A {ENDPOINT_KEY} without {key} in {publication.parent.id}."
                )
        return StreamEndpoint(role="std", standardID=values["standardID"])[
            VOR.accessURL(use="full")[values["accessURL"]]
        ]
