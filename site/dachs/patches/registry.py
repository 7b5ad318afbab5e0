"""Patches of DaCHS' registry records."""

from gavo import base
from gavo.registry import builders, capabilities, common, oaiinter
from gavo.registry.model import VOR

VOEVENT_STANDARD = "ivo://ivoa.net/std/voevent"
ENDPOINT_KEY = "streamEndpoint"
_LONGEST_TOKEN = 1000
"""Characters; DaCHS' own resumption tokens have about 200."""


def register_alert_streams():
    """Let DaCHS write the VOEvent capability of an alert stream into its registry record.

    For DaCHS 2.7 and 2.11.

    DaCHS carries the schema VOEventRegExt 2 and knows its prefix, but has no way to produce the
    capability. We suggest a capability maker that turns each ``streamEndpoint`` in the metadata
    of a publication into an interface of type ``voe:StreamEndpoint``, with its ``accessURL`` and
    its ``standardID`` (which names the protocol). Here this is done for publications with the
    renderer ``external`` that have such metadata; all other publications stay as they are.
    ``voevent.rd`` shows the use.
    """
    # This dictionary takes classes and returns instances of them.
    capabilities._getCapabilityMaker.registry["external"] = StreamCapabilityMaker


def state_rights_of_tables():
    """Let DaCHS write the rights into the records of tables.

    For DaCHS 2.7 and 2.11.

    Only records of services have the metadata ``rights``, although VODataService has it for data
    resources as well.
    """
    make = builders.ResourceMaker._makeResource
    if make.__name__ == "_make_with_rights":
        return

    def _make_with_rights(self, carrier, sets):
        resource = make(self, carrier, sets)
        if isinstance(self, builders.DataCollectionResourceMaker):
            # here, before capabilities are added, because the order of elements matters
            resource = resource[builders._rightsBuilder.build(carrier)]
        return resource

    builders.ResourceMaker._makeResource = _make_with_rights


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


def bound_resumption_tokens():
    """Let DaCHS refuse resumption tokens of OAI-PMH that are longer than its own.

    For DaCHS 2.7 and 2.11.

    Tokens are compressed, and become up to a thousand times longer when they are read. We suggest
    a largest length, here of the token itself.
    """
    parse = oaiinter.parseResumptionToken
    if parse.__name__ != "_parse_short_token":
        oaiinter.parseResumptionToken = _make_bounded(parse)


def _make_bounded(parse):
    def _parse_short_token(pars):
        if len(pars["resumptionToken"]) > _LONGEST_TOKEN:
            raise common.BadResumptionToken("This is no resumption token of this server.")
        return parse(pars)

    return _parse_short_token
