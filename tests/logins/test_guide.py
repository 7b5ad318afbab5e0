"""What the users' guide says about logins works, with each program that it names."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from km3vo import BadRequestError, Node
from tests.attack.test_embargo import HIDDEN, NAME, PASSWORD, ROWS, SEALED
from tests.instances import ROOT, Instance
from tests.logins.provider import Provider

pytestmark = [pytest.mark.slow, pytest.mark.long]

_GUIDE = (ROOT / "docs" / "users-guide.md").read_text()
_SECTION = _GUIDE.partition("## Releases that are not public\n")[2].partition("\n## ")[0]
_BLOCKS = re.findall(r"^```(bash|py)\n(.*?)^```$", _SECTION, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(3), ids=("curl", "km3vo", "pyvo"))
def test_what_the_guide_says_works(
    server: Instance, provider: Provider, tmp_path: Path, number: int
) -> None:
    assert [language for language, _ in _BLOCKS] == ["bash", "py", "py"]
    language, text = _BLOCKS[number]
    agent = tmp_path / "oidc-token"
    agent.write_text(f"#!/bin/sh\necho {provider.granted()}\n")
    agent.chmod(0o755)
    text = text.replace("https://vo.example.org", server.url).replace("evts24_01", SEALED)
    command = ["bash", "-euo", "pipefail", "-c"] if language == "bash" else [sys.executable, "-c"]
    done = subprocess.run(
        [*command, text],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "TOKEN": provider.granted()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if number == 0:
        assert (tmp_path / f"{SEALED}.fits").read_bytes().startswith(b"SIMPLE")
    else:
        assert re.search(r"\d", done.stdout)


def test_a_token_is_sent_to_its_node_only(server: Instance, provider: Provider) -> None:
    token = provider.granted()
    with pytest.raises(BadRequestError, match="no place for a token"):
        Node("http://vo.example.org", token=token)
    with pytest.raises(BadRequestError, match="not a token"):
        Node(server.url, token="a\r\nb")
    session = Node(server.url, token=token)._session
    assert session.get(f"{server.url}/{HIDDEN}").request.headers["Authorization"] != ""
    for url in (f"{provider.issuer}/jwks", f"{server.url.replace('localhost', '127.0.0.1')}/"):
        assert "Authorization" not in session.get(url).request.headers


@pytest.mark.parametrize(("name", "count"), [(SEALED, ROWS[SEALED]), (HIDDEN, None)])
def test_stilts_sends_a_password_when_it_is_asked(
    server: Instance, name: str, count: int | None
) -> None:
    cone = f"{server.url}/{name}/nu/cone/scs.xml?RA=0&DEC=0&SR=180&MAXREC=10000"
    # the second names since STILTS 3.5
    names = (("star.basicauth.user", "star.basicauth.password"), ("auth.username", "auth.password"))
    login = " ".join(f"-D{user}={NAME} -D{secret}='{PASSWORD}'" for user, secret in names)
    done = subprocess.run(
        ["stilts", "tpipe", f"in={cone}", "ifmt=votable", "omode=count"],
        env=os.environ | {"JDK_JAVA_OPTIONS": login},
        capture_output=True,
        text=True,
        check=False,
    )
    if count is None:
        assert done.returncode != 0
    else:
        assert f"rows: {count}" in done.stdout, done.stderr
