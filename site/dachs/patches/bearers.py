"""Patches of DaCHS' logins: it accepts tokens of identity providers.

This runs in the Python of DaCHS.
"""

import functools
import urllib.parse

from gavo import base
from gavo.protocols import creds
from gavo.web import common, weberrors
from twisted.internet import threads

from .settings import settings

_ADMINISTRATORS = "admin"
"""DaCHS' group of those who may do anything, which no token gives."""
_LEAST_WAIT = 10
METADATA = ".well-known/oauth-protected-resource"
"""Where clients learn which providers issue tokens, see RFC 9728."""


def accept_tokens():
    """Let DaCHS accept logins by tokens of OpenID Connect (``Authorization: Bearer``, RFC 6750).

    For DaCHS 2.7 and 2.11.

    DaCHS knows HTTP Basic only, with users of its own. A person with a token is no user of its
    tables; the groups come with the token. We suggest one function that returns who sent a
    request, in place of a name and a password that each part of DaCHS checks on its own.

    A token is checked before anything else, so an answer to a wrong one tells nothing about what
    is at the address. Nothing changes if ``issuers`` in the section ``login`` of the settings is
    empty.
    """
    if not settings("login")["issuers"]:
        return
    # not at the top: sites without logins by tokens need not have the library
    from .issuers import Issuer

    issuers = {url: Issuer(url) for url in settings("login")["issuers"]}
    _check_tokens(issuers)
    _know_logins()
    _complete_answers()


def is_on():
    """Return whether tokens are accepted."""
    return bool(settings("login")["issuers"])


def _check_tokens(issuers):
    from .tokens import RefusedError, Token

    process = common.Request.process
    waiting = {}

    @functools.wraps(process)
    def process_with_token(self):
        sent = self.requestHeaders.getRawHeaders(b"authorization", [])
        words = [line.decode("ascii", "replace").split(None, 1) for line in sent]
        if not any(one and one[0].lower() == "bearer" for one in words):
            return process(self)
        if len(words) > 1 or len(words[0]) < 2:
            return _refuse(self, "there is not one token but none, or another login beside it")
        try:
            token = Token(words[0][1].strip(), issuers)
        except RefusedError as problem:
            return _refuse(self, str(problem))
        issuer = token.issuer
        if issuer.key(token.kid):
            if issuer.is_due:
                _ask(issuer, waiting)
        elif issuer.may_be_asked or issuer.url in waiting:
            _ask(issuer, waiting).append(functools.partial(check, self, token, late=True))
            return None
        return check(self, token)

    def check(request, token, late=False):
        if request._disconnected:
            return None
        try:
            if not token.issuer.is_known:
                return _send(
                    request, 503, "The identity provider does not answer. Please try again soon."
                )
            request.login = token.check(settings("login"))
        except RefusedError as problem:
            return _refuse(request, str(problem))
        return process(request)

    common.Request.process = process_with_token


def _ask(issuer, waiting):
    """Ask a provider for its keys; return the list of functions that are called afterwards."""
    if issuer.url not in waiting:
        waiting[issuer.url] = []
        known = issuer.is_known
        asked = threads.deferToThread(issuer.fetch)
        asked.addErrback(
            lambda failure: base.ui.notifyWarning(
                f"No keys of the identity provider: {failure.getErrorMessage()}"
                + ("; those that are known are used for a day" if known else "")
            )
        )
        asked.addCallback(lambda _: _call_all(waiting.pop(issuer.url)))
    return waiting[issuer.url]


def _call_all(functions):
    for function in functions:
        try:
            function()
        except Exception as problem:  # the next one is of another request
            base.ui.notifyError(f"Error after keys were asked for: {problem!r}")


def _know_logins():
    """Let DaCHS' checks of passwords know logins by tokens."""
    from .tokens import Login

    user, password = common.Request.getUser, common.Request.getPassword
    authenticated = common.Request.getAuthUser
    check, groups = creds.hasCredentials, creds.getGroupsForUser

    @functools.wraps(user)
    def get_user(self):
        login = getattr(self, "login", None)
        return login[0] if login else user(self)

    @functools.wraps(password)
    def get_password(self):
        login = getattr(self, "login", None)
        return login[1] if login else password(self)

    @functools.wraps(check)
    def has_credentials(user, password, group):
        if isinstance(password, Login):
            return group != _ADMINISTRATORS and (not group or group in password.groups)
        return check(user, password, group)

    @functools.wraps(groups)
    def get_groups(user, password):
        if isinstance(password, Login):
            return set(password.groups) - {_ADMINISTRATORS}
        return groups(user, password)

    @functools.wraps(authenticated)
    def get_auth_user(self):
        name, login = authenticated(self), getattr(self, "login", None)
        return Name.of(name, login[1]) if name and login else name

    common.Request.getUser, common.Request.getPassword = get_user, get_password
    common.Request.getAuthUser = get_auth_user
    if hasattr(creds, "getGroupsForAuthUser"):  # since DaCHS 2.11
        creds.getGroupsForAuthUser = _with_groups_of_tokens(creds.getGroupsForAuthUser)
    creds.hasCredentials, creds.getGroupsForUser = has_credentials, get_groups


class Name(str):
    """The name of somebody who has a token, with the groups that the token says.

    A member of DaCHS may have the same name, and other groups.
    """

    groups = frozenset()

    @classmethod
    def of(cls, name, login):
        """Return the name of the person with a :class:`.tokens.Login`."""
        made = cls(name)
        made.groups = login.groups - {_ADMINISTRATORS}
        return made


def _with_groups_of_tokens(find):
    @functools.wraps(find)
    def find_groups(username):
        return set(username.groups) if isinstance(username, Name) else find(username)

    return find_groups


def _complete_answers():
    """Keep no answers to those with a token, and say in all challenges that tokens are accepted."""
    write, render = common.Request.write, weberrors.AuthenticatePage.render

    @functools.wraps(write)
    def complete_and_write(self, payload):
        if not self.startedWriting:
            headers = self.responseHeaders
            if getattr(self, "login", None):
                self.setHeader("Cache-Control", "private, no-store")
            challenges = headers.getRawHeaders("www-authenticate", [])
            if challenges and not any(one.startswith("Bearer") for one in challenges):
                headers.addRawHeader("www-authenticate", challenge())
        return write(self, payload)

    @functools.wraps(render)
    def render_or_forbid(self, request, **how):
        if getattr(request, "login", None):
            # another token of this person would not help, so there is no challenge
            self.status = 403
        return render(self, request, **how)

    common.Request.write = complete_and_write
    weberrors.AuthenticatePage.render = render_or_forbid


def challenge(problem=None):
    """Return a challenge that says where tokens come from, and what is wrong with one."""
    address = urllib.parse.urljoin(base.getConfig("web", "serverurl"), f"/{METADATA}")
    words = [f'realm="{base.getConfig("web", "realm")}"', f'resource_metadata="{address}"']
    if problem:
        words += ['error="invalid_token"', f'error_description="{problem}"']
    return f"Bearer {', '.join(words)}"


def _refuse(request, reason):
    problem = f"This token cannot be used: {reason}."
    request.setHeader("WWW-Authenticate", challenge(problem))
    return _send(request, 401, problem)


def _send(request, code, text):
    """Answer a request that is not passed on."""
    body = f"{text}\n".encode()
    request.setResponseCode(code)
    request.setHeader("Content-Type", "text/plain; charset=utf-8")
    request.setHeader("Content-Length", str(len(body)))
    request.setHeader("Cache-Control", "no-store")
    if code == 503:
        request.setHeader("Retry-After", str(_LEAST_WAIT))
    request.write(body)
    request.finish()
