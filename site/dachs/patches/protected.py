"""Patches that keep releases from those who may not see them yet.

The descriptor of such a release has the property ``protected``, with one of two values. If it is
``data``, its metadata are public: pages that describe it are open, and everything else asks for a
login. If it is ``everything``, nobody but a member of the collaboration learns that it exists:
all answers are those for a release that does not exist. The property comes from the manifest, by
``about.py`` in ``ingest``.

This runs in the Python of DaCHS.
"""

import functools
import threading

from gavo import base, registry, svcs
from gavo.protocols import adqlglue, creds, datalink, products, soda
from gavo.web import adminrender, common, metarender

from . import versions

GROUP = "collaboration"
"""DaCHS' group of the users who may see what is not public; see ``about.py`` in ``ingest``."""
_DEEPEST = 20
"""How many parts the path of a resource has at most; DaCHS looks for a descriptor at each."""
_OPEN = ("info", "howtocite", "coverage")
"""The renderers that show metadata only."""
_DESCRIPTION = (
    metarender.ServiceInfoRenderer,
    metarender.HowToCiteRenderer,
    metarender.CoverageRenderer,
)


def close_protected_releases():
    """Let DaCHS serve nothing of a protected release to others than members.

    For DaCHS 2.7 and 2.11.

    ``limitTo`` protects one service: its descriptor, tables and other services stay visible, such
    as the one for files, and each has to be limited separately. With it, also the pages that only
    describe a service need a login. We suggest ``limitTo`` for a whole descriptor, with a choice
    whether its metadata are public.
    """
    for renderer in _DESCRIPTION:
        renderer.openRenderer = True
    creds.hasCredentials = _refusing(creds.hasCredentials, False)
    creds.getGroupsForUser = _refusing(creds.getGroupsForUser, frozenset())
    _guard_addresses()
    _guard_descriptions()
    _guard_records()
    _guard_tables()


def lock_products():
    """Let DaCHS ask for a login before it serves anything of a product under embargo.

    For DaCHS 2.7 and 2.11.

    ``getProductForRAccref`` looks for previews first and at the embargo later, so the preview of
    a product under embargo is public; DataLink does not look at all, and shows the size of the
    product and further links. We suggest to look at the embargo first, and an
    ``AuthenticationFault`` in DataLink.
    """
    find = products.getProductForRAccref

    @functools.wraps(find)
    def find_or_lock(accref, authGroups=None):
        rich = products.RAccref.fromString(accref)
        try:
            locked = _LockedPreview.fromRAccref(rich, authGroups)
        except base.NotFoundError:
            locked = None
        return locked or find(rich, authGroups)

    products.getProductForRAccref = find_or_lock
    _guard_links()


def compare_passwords_in_one_place():
    """Let DaCHS know the administrator by the check that all other logins have to pass.

    From DaCHS 2.13 on: ``getAuthUser`` has its own check of the administrator's password. We
    suggest ``creds.isAdmin`` there.
    """
    common.Request.getAuthUser = _authenticated_user


def _authenticated_user(self):
    user = self.getUser()
    return user if user and creds.hasCredentials(user, self.getPassword(), None) else None


class _LockedPreview(products.UnauthorizedProduct):
    """A product that needs a login. By its name, DaCHS makes no preview of it."""


def protection(rd):
    """Return what is protected of a descriptor: "data", "everything", or None."""
    return rd.getProperty("protected", None)


def _refusing(check, nobody):
    """Let a check of a login refuse what DaCHS cannot compare: no passwords, and too long ones.

    Without a login it does not ask the database, so the time of an answer tells nothing either.
    """

    @functools.wraps(check)
    def check_any(user, password, *group):
        if not user:
            return nobody
        try:
            return check(user, password or "", *group)
        except (svcs.ForbiddenURI, ValueError):
            return nobody

    return check_any


def is_member(request):
    """Return whether a request has the login of a member of the collaboration."""
    return creds.hasCredentials(request.getUser(), request.getPassword(), GROUP)


def _is_hidden(rd, request):
    """Return whether a descriptor does not exist, as far as the reader may know."""
    return protection(rd) == "everything" and not is_member(request)


def _guard_addresses():
    """Guard all addresses below the name of a descriptor."""
    process = common.Request.process

    @functools.wraps(process)
    def process_guarded(self):
        _guard_root()
        return process(self)

    common.Request.process = process_guarded


@functools.cache
def _guard_root():
    # imported late, because it makes the server
    from gavo.web import root

    locate = root.ArchiveService._locateResourceBasedChild

    @functools.wraps(locate)
    def locate_if_open(self, request, segments):
        if len(segments) > _DEEPEST:
            raise svcs.UnknownURI("No matching RD")
        rd, (_, *rest) = _descriptor(segments)
        if rd is not None and protection(rd) is not None:
            if is_member(request):
                request.setHeader("Cache-Control", "private")
            elif protection(rd) == "everything":
                raise svcs.UnknownURI("No matching RD")
            elif not rest or rest[0] not in _OPEN:
                raise svcs.Authenticate()
        return locate(self, request, segments)

    root.ArchiveService._locateResourceBasedChild = locate_if_open


def _descriptor(segments):
    """Return the descriptor to which a path leads, as DaCHS finds it, and the rest of the path."""
    for end in range(1, len(segments)):
        try:
            return base.caches.getRD("/".join(segments[:end])), segments[end:]
        except base.RDNotFound:
            continue
    return None, [None]


def _guard_descriptions():
    """Guard the pages about a descriptor, for visitors and for the administrator."""
    describe, administrate = metarender.RDInfoRenderer.getChild, adminrender.AdminRenderer.getChild

    @functools.wraps(describe)
    def describe_if_open(self, name, request):
        page = describe(self, name, request)
        if _is_hidden(page.rd, request):
            raise base.RDNotFound(page.rd.sourceId)
        return page

    @functools.wraps(administrate)
    def administrate_if_open(self, name, request):
        page = administrate(self, name, request)
        if _is_hidden(page.clientRD, request):
            raise svcs.UnknownURI(f"No such resource descriptor: {page.clientRD.sourceId}")
        return page

    metarender.RDInfoRenderer.getChild = describe_if_open
    adminrender.AdminRenderer.getChild = administrate_if_open


def _guard_records():
    """Guard the registry records at ``/getRR``, also of what is not registered."""
    make = metarender.ResourceRecordMaker.getChild

    @functools.wraps(make)
    def make_if_open(self, name, request):
        *folders, resource = [name.decode(), *(one.decode() for one in request.postpath)]
        try:
            rd = base.caches.getRD("/".join(folders))
            published = getattr(rd.getById(resource), "publications", ())
        except base.NotFoundError:
            return make(self, name, request)
        # the record of a table has its number of rows
        if _is_hidden(rd, request) or (protection(rd) and not published):
            raise svcs.UnknownURI(
                f"The resource {'/'.join(folders)}#{resource} is unknown at this site."
            )
        return make(self, name, request)

    metarender.ResourceRecordMaker.getChild = make_if_open


def _guard_tables():
    """Let tables be unknown, on pages about tables and in ADQL."""
    find, fields = registry.getTableDef, adqlglue.DaCHSFieldInfoGetter.getInfosFor

    @functools.wraps(find)
    def find_if_open(name):
        table = find(name)
        if protection(table.rd) == "everything":
            raise base.NotFoundError(name, what="table", within="DaCHS' table listing.")
        return table

    @functools.wraps(fields)
    def fields_if_open(self, name):
        known = adqlglue.adqlTableRefToDaCHS(name)
        if protection(self.mth.getTableDefForTable(known).rd) is not None:
            raise base.NotFoundError(known, "table", "published tables")
        return fields(self, name)

    registry.getTableDef = find_if_open
    adqlglue.DaCHSFieldInfoGetter.getInfosFor = fields_if_open


_reader = threading.local()
"""Who asks DataLink, while it describes products."""


def _guard_links():
    adapt, describe = datalink.DatalinkCore.adaptForRenderer, datalink.ProductDescriptor.fromAccref

    @functools.wraps(adapt)
    def adapt_for_reader(self, renderer, queryMeta):
        _reader.login = versions.login_of(queryMeta)
        try:
            return adapt(self, renderer, queryMeta)
        finally:
            _reader.login = None, None

    def describe_if_open(cls, identifier, accref, *more, **named):
        groups = creds.getGroupsForUser(*getattr(_reader, "login", (None, None)))
        if products.UnauthorizedProduct.fromRAccref(products.RAccref(accref), groups):
            return soda.DatalinkFault.AuthenticationFault(
                identifier, "This data set is not public yet; please log in.", semantics="#this"
            )
        return describe.__func__(cls, identifier, accref, *more, **named)

    datalink.DatalinkCore.adaptForRenderer = adapt_for_reader
    datalink.ProductDescriptor.fromAccref = classmethod(describe_if_open)
