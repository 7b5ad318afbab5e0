"""What tokens of identity providers say: who somebody is, and in which groups.

This runs in the Python of DaCHS, of which it uses nothing.
"""

import string
import urllib.parse

import jwt

_LONGEST = 8192
"""Characters of a token."""
_LONGEST_NAME = 255
_SAFE = string.punctuation.replace("%", "")
_TYPES = (None, "jwt", "at+jwt", "application/at+jwt")
_REASONS = (
    (jwt.ExpiredSignatureError, "it has expired"),
    (jwt.ImmatureSignatureError, "it is not valid yet; is a clock wrong?"),
    (jwt.InvalidAudienceError, "it was issued for another service"),
    (jwt.InvalidIssuerError, "it is from another issuer"),
    (jwt.InvalidSignatureError, "its signature is wrong"),
    (jwt.MissingRequiredClaimError, "it does not say for whom, by whom, or until when it is"),
)


class RefusedError(Exception):
    """A token cannot be used; the message says why."""


class Login(str):
    """The login of somebody who has a token, in the place of a password.

    No request can send one: what requests send are plain strings.

    Attributes
    ----------
    groups : frozenset of str
        The groups of DaCHS to which the person belongs.
    """

    groups = frozenset()

    @classmethod
    def with_groups(cls, groups):
        """Return the login of a member of `groups`."""
        made = cls("by token")
        made.groups = frozenset(groups)
        return made


class Token:
    """A token whose signature has not been checked yet.

    Parameters
    ----------
    text : str
        The token.
    issuers : dict of str to Issuer
        The providers that may have issued it, by their names.

    Raises
    ------
    RefusedError
        If it cannot be a token of theirs.
    """

    def __init__(self, text, issuers):
        if len(text) > _LONGEST:
            raise RefusedError("it is too long")
        try:
            header = jwt.get_unverified_header(text)
            claims = jwt.decode(text, options={"verify_signature": False})
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise RefusedError("it is not a JSON Web Token") from None
        self._text = text
        self.issuer = issuers.get(claims.get("iss")) if _is_name(claims.get("iss")) else None
        if self.issuer is None:
            raise RefusedError("it is from another issuer")
        kind = header.get("typ")
        if "crit" in header or (kind.lower() if isinstance(kind, str) else kind) not in _TYPES:
            raise RefusedError("it is of another type")
        self._algorithm = header.get("alg")
        self.kid = header.get("kid")
        if not isinstance(self.kid, (str, type(None))):
            raise RefusedError("its key is unknown")

    def check(self, settings):
        """Return name and login of the person.

        Parameters
        ----------
        settings : dict
            The section ``login`` of the settings.

        Returns
        -------
        name : str
            It cannot be that of a user of DaCHS, because it contains a blank.
        login : Login

        Raises
        ------
        RefusedError
            If the token is not valid.
        """
        key, algorithms = self.issuer.key(self.kid) or (None, ())
        if key is None:
            raise RefusedError("its key is unknown")
        if self._algorithm not in algorithms:
            raise RefusedError("its signature is of another type than its key")
        try:
            claims = jwt.decode(
                self._text,
                key,
                algorithms=[self._algorithm],
                audience=settings["audience"],
                issuer=self.issuer.url,
                leeway=settings["leeway"],
                options={"require": ["iss", "aud", "exp", "sub"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as problem:
            for kind, reason in _REASONS:
                if isinstance(problem, kind):
                    raise RefusedError(reason) from None
            raise RefusedError("it is not valid") from None
        if claims["iss"] != self.issuer.url or not _is_name(claims["sub"]):
            raise RefusedError("it is not valid")
        # no two persons get the same name, which owns jobs
        subject = urllib.parse.quote(claims["sub"], safe=_SAFE, errors="surrogatepass")
        name = f"{self.issuer.url} {subject}"
        return name, Login.with_groups(_groups(claims, settings))


def _is_name(value):
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME


def _groups(claims, settings):
    """Return the groups of DaCHS to which the groups in a token lead."""
    known = settings["groups"]
    for claim in settings["group_claims"]:
        found = _claim(claims, claim)
        found = [found] if isinstance(found, str) else found
        if isinstance(found, list):
            yield from (known[one] for one in found if isinstance(one, str) and one in known)


def _claim(claims, name):
    """Return a claim; names with dots are names, as in WLCG's, or paths, as in Keycloak's."""
    if name in claims:
        return claims[name]
    for part in name.split("."):
        if not isinstance(claims, dict):
            return None
        claims = claims.get(part)
    return claims
