"""Registry capabilities of alert streams, which DaCHS 2.7 to 2.13 do not have.

A publication with the renderer ``external`` that has ``streamEndpoint`` metadata becomes a
capability of the VOEvent standard with an interface for each endpoint, as the schema
VOEventRegExt 2 has it. DaCHS carries that schema and knows its prefix, but builds nothing
with it. All other publications stay as they are. See ``voevent.rd`` for how to use it. This
runs in the Python of DaCHS.
"""

from gavo import base
from gavo.registry import capabilities
from gavo.registry.model import VOR

STANDARD = "ivo://ivoa.net/std/voevent"
KEY = "streamEndpoint"


class StreamEndpoint(VOR.interface):
    """An endpoint through which a stream is followed; its standardID says how."""

    _a_xsi_type = "voe:StreamEndpoint"
    _a_standardID = None
    _additionalPrefixes = frozenset(["voe", "xsi"])


class StreamCapabilityMaker(capabilities.ExternalCapabilityMaker):
    """Makes the capability of a stream, or what DaCHS makes where there is none."""

    renderer = "external"

    def _makeCapability(self, publication):
        endpoints = list(publication.iterMeta(KEY, propagate=False))
        if not endpoints:
            return super()._makeCapability(publication)
        text = base.getMetaText(
            publication, "description", propagate=False, macroPackage=publication.parent
        )
        return VOR.capability(standardID=STANDARD)[
            VOR.description[text],
            [self._interface(one, publication) for one in endpoints],
        ]

    def _interface(self, endpoint, publication):
        said = {
            key: base.getMetaText(endpoint, key, macroPackage=publication.parent)
            for key in ("accessURL", "standardID")
        }
        for key, value in said.items():
            if value and "\\" in value:
                said[key] = publication.parent.expand(value)
            if not value:
                raise base.ReportableError(f"A {KEY} without {key} in {publication.parent.id}.")
        return StreamEndpoint(role="std", standardID=said["standardID"])[
            VOR.accessURL(use="full")[said["accessURL"]]
        ]


def install():
    """Let DaCHS use it; again and again changes nothing."""
    # This dictionary takes classes and gives instances of them.
    capabilities._getCapabilityMaker.registry["external"] = StreamCapabilityMaker
