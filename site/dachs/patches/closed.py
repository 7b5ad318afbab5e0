"""Patches that close what DaCHS serves but this server does not need.

This runs in the Python of DaCHS.
"""

import functools

from gavo import svcs
from gavo.web import grend, ifpages

_DESCRIPTORS = ("__system__/tests",)


def close_test_services():
    """Let DaCHS serve nothing from the descriptor of its own tests.

    For DaCHS 2.7; we have not tested later versions.

    ``//tests`` is for DaCHS' developers. We suggest to serve it only with ``[web]enabletests``.
    """
    initialise = grend.ResourceBasedPage.__init__

    @functools.wraps(initialise)
    def initialise_if_open(self, request, rd):
        if rd.sourceId in _DESCRIPTORS:
            raise svcs.UnknownURI("There is nothing at this address.")
        initialise(self, request, rd)

    grend.ResourceBasedPage.__init__ = initialise_if_open


def close_well_known():
    """Let DaCHS serve nothing below ``/.well-known``.

    For DaCHS 2.7; we have not tested later versions.

    Certificates are the task of the proxy here. We suggest that ``ACMEChallenge`` accepts only
    names of base64url characters, as RFC 8555 defines tokens.
    """
    ifpages.WellKnown.getChild = _nothing


def _nothing(self, name, request):
    raise svcs.UnknownURI("There is nothing at this address.")
