"""Patches that close what DaCHS serves but this server does not need.

This runs in the Python of DaCHS.
"""

import functools

from gavo import base, svcs
from gavo.web import grend, ifpages

_DESCRIPTORS = ("__system__/tests",)


def close_test_services():
    """Let DaCHS serve nothing from the descriptor of its own tests.

    For DaCHS 2.7 and 2.11.

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

    For DaCHS 2.7 and 2.11.

    Certificates are the task of the proxy here. We suggest that ``ACMEChallenge`` accepts only
    names of base64url characters, as RFC 8555 defines tokens.
    """
    ifpages.WellKnown.getChild = _nothing


def close_user_tables():
    """Let DaCHS keep no tables of users.

    From DaCHS 2.11 on: ADQL has ``CREATE TABLE tap_user.… AS``, and TAP the resource
    ``user_tables``, also where the operator did not import ``//tap_user``; then the first of them
    ends in an error of the database. Tables that stay need bounds for their number and size. We
    suggest to refuse both unless ``//tap_user`` was imported.
    """
    from gavo.adql import nodes
    from gavo.web import tap_uploads

    nodes.Statement.addFieldInfos = _without_creation(nodes.Statement.addFieldInfos)
    tap_uploads.PersistentUploadRenderer.render = _no_user_tables
    tap_uploads.PersistentUploadRenderer.getChild = _nothing


def close_form_of_products():
    """Let DaCHS serve no form for products.

    From DaCHS 2.13 on: ``/__system__/products/p/form`` ends in an error, because its core
    returns a list. We suggest to allow ``get`` only, as nothing links the form.
    """
    initialise = grend.ServiceBasedPage.__init__

    @functools.wraps(initialise)
    def initialise_unless_form(self, request, service):
        if self.name == "form" and service.rd.sourceId == "__system__/products":
            raise svcs.UnknownURI("There is nothing at this address.")
        initialise(self, request, service)

    grend.ServiceBasedPage.__init__ = initialise_unless_form


def _without_creation(add):
    @functools.wraps(add)
    def add_unless_created(self, context):
        if self.createAs:
            raise base.ValidationError("This service keeps no tables of users.", "QUERY")
        return add(self, context)

    return add_unless_created


def _no_user_tables(self, request):
    raise svcs.UnknownURI("There is nothing at this address.")


def _nothing(self, name, request):
    raise svcs.UnknownURI("There is nothing at this address.")
