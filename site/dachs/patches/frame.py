"""Patches of DaCHS' web pages: they look like the pages of ours.

This runs in the Python of DaCHS.
"""

import functools

from gavo import base
from gavo.formal import nevowc
from gavo.web import common, grend
from twisted.web import template
from twisted.web.template import tags

from . import protected


def put_pages_into_our_frame():
    """Let DaCHS' pages have the head, the navigation and the style sheets of all pages here.

    For DaCHS 2.7 and 2.11.

    DaCHS' pages have no viewport, a fixed width of their content and a sidebar that comes first,
    and so cannot be read on a telephone; their language is not stated, and they have no landmarks
    for those who do not see them. An operator can change colours, but the elements of the page
    only by a copy of each template. We suggest one template for what surrounds the content of all
    pages, as here.
    """
    nevowc.TemplatedPage.defaultDoctype = b"<!DOCTYPE html>"
    make = nevowc.TemplatedPage._getDoc

    @functools.wraps(make)
    def make_in_frame(self, request):
        root = make(self, request)
        if self.loader is not None:
            type(root).loader = _FramedLoader(self.loader)
        return root

    nevowc.TemplatedPage._getDoc = make_in_frame
    common.CommonRenderers.commonhead = _common_head
    grend.GavoRenderMixin.withsidebar = _with_sidebar


class _FramedLoader:
    """Loads what another loader does, with our frame around the content of the page."""

    def __init__(self, loader):
        self._loader = loader

    def load(self):
        return [_framed(part) for part in self._loader.load()]


def _framed(part):
    from pages.frame import frame

    if not isinstance(part, template.Tag):
        return part
    if part.tagName == "html":
        part = part.clone()
        part.attributes["lang"] = "en"
        part.children = [_framed(child) for child in part.children]
    elif part.tagName == "head":
        part = part.clone()
        part.children.append(tags.xml(frame().head))
    elif part.tagName == "body":
        part = part.clone()
        content = template.Tag("main", {"id": "content", "class": "dachs"}, part.children)
        content.render, part.render = part.render, None
        part.children = [tags.xml(frame().top), content, tags.xml(frame().end)]
    return part


@template.renderer
def _common_head(self, request, tag):
    """Render what all heads have; as DaCHS does, without its style sheets."""
    children = list(tag.children)
    scripts = [
        tags.script(src=base.makeSitePath(f"/static/js/{name}.js"))
        for name in ("jquery-gavo", "gavo")
    ]
    return tag.clear()[tags.meta(charset="utf-8"), scripts, children]


@template.renderer
def _with_sidebar(self, request, tag):
    """Render the content and what is known about the resource, beside it or below."""
    children = list(tag.children)
    return tag.clear()[
        tags.div(id="body")[children],
        self._sidebar,
    ]


def show_logins_to_those_who_have_them():
    """Let DaCHS offer a login only where it changes something.

    For DaCHS 2.7 and 2.11.

    ``authinfo`` writes "Log in" on every page, also where all data are public; visitors cannot
    know that they need none. We suggest to look whether the resource restricts anything, as here:
    to members of the collaboration, before its publication.
    """
    offer = grend.GavoRenderMixin.authinfo

    @template.renderer
    @functools.wraps(offer)
    def offer_where_needed(self, request, tag):
        if getattr(request, "login", None):  # by a token, see bearers.py
            return tag[tags.a(href="/logout")["Log out"]]
        rd = getattr(self, "rd", None) or getattr(getattr(self, "service", None), "rd", None)
        needed = request.getUser() or (rd is not None and protected.protection(rd))
        return offer(self, request, tag) if needed else ""

    grend.GavoRenderMixin.authinfo = offer_where_needed
