"""Logins by tokens of a real provider, and by all that only look like them."""

from __future__ import annotations

import base64
import http.client
import json
import subprocess
import time
from typing import Any, Final
from urllib.parse import quote

import pytest
import pyvo
import requests

from tests.attack.answers import ask
from tests.attack.test_embargo import HIDDEN, MISSING, NAME, ROWS, SEALED, addresses, same
from tests.instances import ROOT, Instance
from tests.logins.provider import Provider

pytestmark = [pytest.mark.slow, pytest.mark.long]

_FORM: Final = f"/{SEALED}/nu/cone/form"
_PRODUCT: Final = f"{SEALED}/data/{SEALED}.fits"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def status(server: Instance, token: str, path: str = _FORM) -> int:
    return ask(server, path, **bearer(token))[0]


def test_a_member_with_a_token_uses_everything(server: Instance, provider: Provider) -> None:
    session = requests.Session()
    session.headers.update(bearer(provider.granted()))
    for name, rows in ROWS.items():
        cone = pyvo.dal.SCSService(f"{server.url}/{name}/nu/cone/scs.xml", session=session)
        assert len(cone.search((0, 0), 180, maxrec=10000)) == rows
        for path in (
            f"/{name}", f"/{name}/nu/cone/form", f"/{name}/nu/cone/info", f"/browse/{name}/nu",
            f"/{name}/nu/files/static/{name}.fits", f"/{name}/nu/ps/api?RA=7.3&DEC=-76.9&SR=1",
        ):  # fmt: skip
            reply = session.get(server.url + path, timeout=60)
            assert reply.status_code == 200, path
            assert reply.headers["Cache-Control"] == "private, no-store", path
    assert session.get(f"{server.url}/getproduct/{_PRODUCT}", timeout=60).status_code == 200
    identifier = quote(f"ivo://km3net.org/~?{_PRODUCT}", safe="")
    links = session.get(f"{server.url}/km3net/nu/dl/dlmeta?ID={identifier}", timeout=60).text
    assert "events.csv" in links
    # TAP stays what it is for everybody
    tap = pyvo.dal.TAPService(server.tap, session=session)
    with pytest.raises(pyvo.dal.DALQueryError, match="Could not locate table"):
        tap.search(f"SELECT * FROM {SEALED}.main")
    # and nothing that a member saw is kept for others
    assert ask(server, f"/{HIDDEN}")[0] == 404
    assert ask(server, _FORM)[0] == 401


def test_a_token_makes_nobody_an_administrator(server: Instance, provider: Provider) -> None:
    token = provider.token(sub="gavoadmin", preferred_username="gavoadmin")
    assert status(server, token) == 200
    for path in (f"/browse/{SEALED}/nu", _FORM):
        assert "/admin/" not in ask(server, path, **bearer(token))[2]
    code, _, text = ask(server, "/__system__/services/overview/admin/ant20_01/nu", **bearer(token))
    assert code == 403
    assert "Reload" not in text


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (["/km3net"], 200),
        ("/km3net", 200),
        (["/others", "/km3net"], 200),
        (["/others"], 403),
        (["/km3net/arca"], 403),
        (["collaboration"], 403),
        ("/km3net /others", 403),
        ({"/km3net": True}, 403),
        ([["/km3net"], None, 7], 403),
        (None, 403),
    ],
    ids=str,
)
def test_groups_are_lists_or_a_text(
    server: Instance, provider: Provider, groups: Any, expected: int
) -> None:
    token = provider.token(**{"wlcg.groups": groups})
    assert status(server, token) == expected
    # without the group, a hidden release is what a missing one is
    assert status(server, token, f"/{HIDDEN}/nu/cone/info") == (200 if expected == 200 else 404)


@pytest.mark.parametrize("claim", ["groups", "eduperson_entitlement"])
def test_groups_may_be_in_other_claims(server: Instance, provider: Provider, claim: str) -> None:
    assert status(server, provider.token(**{"wlcg.groups": None, claim: ["/km3net"]})) == 200


NOW: Final = int(time.time())
WRONG: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "other audience": ({"aud": "https://elsewhere.example.org"}, "for another service"),
    "no audience": ({"aud": None}, "does not say for whom"),
    "part of the audience": ({"aud": "http://localhost"}, "for another service"),
    "expired": ({"exp": NOW - 120}, "has expired"),
    "no end": ({"exp": None}, "until when"),
    "end that is no number": ({"exp": "soon"}, "not valid"),
    "not yet": ({"nbf": NOW + 7200}, "not valid yet"),
    "issued in the future": ({"iat": NOW + 7200}, "not valid yet"),
    "other issuer": ({"iss": "https://elsewhere.example.org"}, "another issuer"),
    "issuer with a slash": ({"iss": "SLASH"}, "another issuer"),
    "no issuer": ({"iss": None}, "another issuer"),
    "issuer that is a list": ({"iss": ["x"]}, "another issuer"),
    "nobody": ({"sub": None}, "does not say"),
    "none": ({"by": "none"}, "of another type than its key"),
    "public key as a secret": ({"by": "public"}, "of another type than its key"),
    "other key": ({"by": "other"}, "its signature is wrong"),
    "unknown key": ({"header": {"kid": "nothing"}}, "its key is unknown"),
    "key that is a list": ({"header": {"kid": ["x"]}}, "key is unknown|not a JSON Web Token"),
    "path as a key": ({"header": {"kid": "../../dev/null"}}, "its key is unknown"),
    "another algorithm": ({"header": {"alg": "PS256"}}, "of another type than its key"),
    "another type": ({"header": {"typ": "logout+jwt"}}, "of another type"),
    "what must be understood": (
        {"header": {"crit": ["invented"], "invented": 1}},
        "another type|not a JSON Web Token",
    ),
    "huge": ({"padding": "x" * 9000}, "too long"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_token_is_refused_with_a_reason(
    server: Instance, provider: Provider, name: str
) -> None:
    claims, reason = WRONG[name]
    if claims.get("iss") == "SLASH":
        claims = {"iss": f"{provider.issuer}/"}
    check_refused(server, provider.token(**claims), reason)


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("x", "not a JSON Web Token"),
        ("a.b.c", "not a JSON Web Token"),
        ("eyJhbGciOiJSUzI1NiJ9.W10.x", "not a JSON Web Token"),
        ("\xff\xfe", "not a JSON Web Token"),
        (".".join(["e30"] * 5), "not a JSON Web Token"),
        (base64.b64encode(b'{"a":' * 1200).decode() + ".e30.x", "not a JSON Web Token"),
        ("", "not one token"),
    ],
    ids=["word", "words", "list", "bytes", "parts", "depth", "nothing"],
)
def test_what_is_no_token_is_refused(server: Instance, token: str, reason: str) -> None:
    check_refused(server, token, reason)


def check_refused(server: Instance, token: str, reason: str) -> None:
    """Check that all answers are the same refusal, whatever is at the address."""
    answers = set()
    for path in (f"/{HIDDEN}", f"/{MISSING}", _FORM, f"/getproduct/{_PRODUCT}", "/", "/login"):
        code, headers, text = ask(server, path, **bearer(token))
        challenge = headers["WWW-Authenticate"]
        assert code == 401
        assert challenge.startswith("Bearer realm=")
        assert 'error="invalid_token"' in challenge
        assert headers["Cache-Control"] == "no-store"
        answers.add((challenge, text))
    ((challenge, text),) = answers
    assert text.removesuffix("\n") in challenge
    assert any(one in text for one in reason.split("|")), text


def test_clocks_may_differ_a_little(server: Instance, provider: Provider) -> None:
    now = int(time.time())
    assert status(server, provider.token(exp=now - 30)) == 200
    assert status(server, provider.token(nbf=now + 30, iat=now + 30)) == 200


def test_a_token_without_the_group_learns_nothing(server: Instance, provider: Provider) -> None:
    stranger = bearer(provider.token(**{"wlcg.groups": ["/others"]}))
    for there, elsewhere in zip(addresses(HIDDEN), addresses(MISSING), strict=True):
        shown = same(ask(server, there, **stranger), HIDDEN)
        assert shown == same(ask(server, elsewhere, **stranger), MISSING), there


def test_a_name_of_a_member_is_no_login(server: Instance, provider: Provider) -> None:
    token = provider.token(sub=NAME, **{"wlcg.groups": []})
    assert status(server, token) == 403
    sent = base64.b64encode(f"{provider.issuer} ada:by token".encode()).decode()
    assert ask(server, _FORM, Authorization=f"Basic {sent}")[0] == 401
    reply = ask(
        server, f"/{SEALED}/nu/cone/capabilities", **bearer(provider.token(sub="a\r\nb: c"))
    )
    assert reply[0] == 200
    assert reply[1]["b"] is None


_NAMES: Final = """
import sys
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from patches import tokens
key = ec.generate_private_key(ec.SECP256R1())
class Issuer:
    url = "https://idp.example.org"
    def key(self, kid):
        return key.public_key(), ("ES256",)
settings = {"audience": ["vo"], "leeway": 0, "groups": {}, "group_claims": []}
for sub in ("a b", "a?b", "a%20b", "\\u00e4", "\\u00f6", "\\ud800", "ada@idp"):
    claims = {"iss": Issuer.url, "aud": "vo", "exp": 4e9, "sub": sub}
    token = tokens.Token(jwt.encode(claims, key, "ES256"), {Issuer.url: Issuer()})
    print(token.check(settings)[0])
"""


def test_no_two_persons_have_the_same_name() -> None:
    done = subprocess.run(
        ["/usr/bin/python3", "-c", _NAMES],
        env={"PYTHONPATH": str(ROOT / "site" / "dachs")},
        capture_output=True,
        text=True,
        check=True,
    )
    names = [line.split(" ")[1] for line in done.stdout.splitlines()]
    assert len(set(names)) == len(names) == 7
    assert names[-1] == "ada@idp"


def test_challenges_say_where_tokens_come_from(server: Instance, provider: Provider) -> None:
    reply = requests.get(server.url + _FORM, timeout=30)
    assert reply.status_code == 401
    challenge = reply.headers["WWW-Authenticate"]
    assert challenge.startswith("Basic realm=")
    address = f"{provider.audience}/.well-known/oauth-protected-resource"
    assert f'Bearer realm="KM3NeT VO Server", resource_metadata="{address}"' in challenge
    described = json.loads(ask(server, "/.well-known/oauth-protected-resource")[2])
    assert described["resource"] == provider.audience
    assert described["authorization_servers"] == [provider.issuer]


def test_two_logins_at_once_are_refused(server: Instance, provider: Provider) -> None:
    connection = http.client.HTTPConnection("localhost", server.port, timeout=30)
    connection.putrequest("GET", _FORM)
    connection.putheader("Authorization", "Basic YWRhOng=")
    connection.putheader("Authorization", f"Bearer {provider.token()}")
    connection.endheaders()
    assert connection.getresponse().status == 401


_ASK: Final = """
import sys
from patches import issuers
issuers._PAUSE = -1
issuer = issuers.Issuer(sys.argv[1])
for line in sys.stdin:
    try:
        issuer.fetch()
    except issuers.IssuerError as problem:
        print("no", problem, flush=True)
    else:
        print(issuer.is_known, sorted(map(str, issuer._keys)), flush=True)
"""


def test_odd_lists_of_keys_change_nothing(provider: Provider) -> None:
    """Without a server, which asks every ten seconds only."""
    asking = subprocess.Popen(
        ["/usr/bin/python3", "-c", _ASK, provider.issuer],
        env={"PYTHONPATH": str(ROOT / "site" / "dachs")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert asking.stdin is not None and asking.stdout is not None

    def ask_again() -> str:
        print(file=asking.stdin, flush=True)
        return asking.stdout.readline()

    def number(size: int) -> str:
        return base64.urlsafe_b64encode(b"\xc1" * size).decode().rstrip("=")

    try:
        assert ask_again().startswith("True")
        for keys in (
            [], {}, "x", None, ["x"], [None], [{}], [{"kty": "oct", "kid": "a", "k": "c2VjcmV0"}],
            [{"kty": "RSA", "kid": "short", "n": number(64), "e": "AQAB"}],
            [{"kty": "RSA", "kid": "a", "n": number(256), "e": "AQAB", "use": "enc"}],
            [{"kty": "RSA", "kid": "a", "n": number(256), "e": "AQAB", "alg": "HS256"}],
            [{"kty": "RSA", "kid": ["a"], "n": number(256), "e": "AQAB"}],
            [{"kty": "EC", "crv": "P-256", "kid": "a", "x": "AA", "y": "AA"}],
            [{"kty": ["RSA"], "crv": {"a": 1}}],
            [{"kty": "RSA", "kid": "x" * 300_000, "n": number(256), "e": "AQAB"}],
        ):  # fmt: skip
            provider.list_keys({"is": keys})
            assert ask_again().startswith("no "), keys
        provider.list_keys({"is": [{"kty": "RSA", "kid": "a", "n": number(256), "e": "AQAB"}, 7]})
        assert ask_again() == "True ['a']\n"
    finally:
        provider.list_keys(None)
        asking.terminate()
        asking.communicate()


def test_keys_are_rotated_and_a_provider_may_be_away(server: Instance, provider: Provider) -> None:
    """The last test: it changes the keys."""
    before = provider.token()
    assert status(server, before) == 200
    provider.rotate()
    time.sleep(10)
    after = provider.token()
    assert status(server, after) == 200
    assert status(server, before) == 401
    provider.leave()
    time.sleep(10)
    try:
        assert status(server, after) == 200
        code, _, text = ask(server, _FORM, **bearer(provider.token(header={"kid": "new"})))
        assert (code, text) == (401, "This token cannot be used: its key is unknown.\n")
        assert status(server, after) == 200
    finally:
        provider.come_back()
    log = "".join(path.read_text() for path in (server.var / "logs").glob("*.log"))
    assert "No keys of the identity provider: " in log
    assert "; those that are known are used for a day" in log
    assert after.split(".")[1] not in log
