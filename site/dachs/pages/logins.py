"""Where tokens for this server come from. This runs in the Python of DaCHS."""

import json

from patches.settings import settings

from .answers import DATA_POLICY, Answer, NotFound
from .visits import server_url


def resource(visit):
    """Return which providers issue tokens for this server, see RFC 9728."""
    issuers = settings("login")["issuers"]
    if not issuers:
        raise NotFound("There is nothing at this address.")
    content = {
        "resource": server_url(),
        "authorization_servers": issuers,
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["openid"],
    }
    return Answer(
        json.dumps(content).encode(),
        "application/json",
        policy=DATA_POLICY,
        headers={"Access-Control-Allow-Origin": "*"},
        max_age=3600,
    )
