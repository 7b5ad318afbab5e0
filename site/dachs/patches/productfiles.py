"""Patches of how DaCHS delivers the files of data products.

This runs in the Python of DaCHS.
"""

import functools

from gavo.protocols import products


def answer_head_requests_for_products():
    """Let DaCHS end its answer to a request for the headers of a product.

    For DaCHS 2.7 and 2.11.

    ``FileProduct.render`` returns what Twisted's ``File`` does: an empty text for ``HEAD``, which
    means that everything is said. ``ProductRenderer._deliver`` ignores it and never ends the
    answer, so that the client waits for ever and keeps its connection. We suggest to call
    ``request.finish`` there.
    """
    render = products.FileProduct.render

    @functools.wraps(render)
    def render_to_the_end(self, request):
        answer = render(self, request)
        if answer == b"":
            request.finish()
            return None
        return answer

    products.FileProduct.render = render_to_the_end
