"""A real provider of OpenID Connect, driven by tests."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

_FOLDER = Path(__file__).parent


def is_installed() -> bool:
    """Return whether npm has installed the provider."""
    return (_FOLDER / "node_modules" / "oidc-provider").exists()


class Provider:
    """A provider whose keys, tokens and failures a test determines.

    Parameters
    ----------
    port : int
        Where it listens on the loopback interface.
    audience : str
        The address of the server that its tokens are for.
    log : pathlib.Path
        Where it writes its complaints.
    """

    def __init__(self, port: int, audience: str, log: Path) -> None:
        self.issuer = f"http://localhost:{port}"
        self.audience = audience
        with log.open("w") as complaints:
            self._process = subprocess.Popen(
                ["node", "provider.mjs", str(port), audience],
                cwd=_FOLDER,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                text=True,
            )
        self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.communicate()

    def token(self, by: str = "current", header: dict[str, Any] | None = None, **claims) -> str:
        """Return a token with claims of the test; None removes one."""
        claims = {"wlcg.groups": ["/km3net"]} | claims
        return str(self._do("sign", header=header or {}, claims=claims, **{"with": by}))

    def granted(self, **asked: str) -> str:
        """Return a token that the provider issues to a program, by client credentials."""
        reply = requests.post(
            f"{self.issuer}/token",
            data={"grant_type": "client_credentials", "resource": self.audience} | asked,
            auth=("job", "for%20tests%20only"),
            timeout=30,
        )
        reply.raise_for_status()
        return str(reply.json()["access_token"])

    def rotate(self) -> None:
        """Replace the keys."""
        self._do("rotate")

    def list_keys(self, keys: dict[str, Any] | None) -> None:
        """List what is in `keys` as "is", instead of the keys that sign; None for these."""
        self._do("keys", keys=keys)

    def leave(self) -> None:
        """Refuse all connections."""
        self._do("away", away=True)

    def come_back(self) -> None:
        """Accept connections again."""
        self._do("away", away=False)

    def _do(self, what: str, **more: Any) -> Any:
        assert self._process.stdin is not None
        print(json.dumps({"do": what} | more), file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())
