"""A server with two releases that are not public, and the provider whose tokens it accepts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attack.test_embargo import LIVES, NAME, enter, write_release
from tests.instances import Instance, copy_checkout
from tests.logins.provider import Provider, is_installed
from tests.templates import Templates, port


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    if not is_installed():
        pytest.skip("the provider is not installed: ./setup.sh test")
    log = tmp_path_factory.mktemp("provider") / "log"
    # tokens are for the public address of the server, where nginx listens
    with Provider(port(70), f"http://localhost:{port(40)}", log) as made:
        yield made


@pytest.fixture(scope="module")
def server(
    provider: Provider, tmp_path_factory: pytest.TempPathFactory, templates: Templates
) -> Iterator[Instance]:
    """Serve a hidden and a sealed release; members have tokens or passwords."""
    folder = tmp_path_factory.mktemp("logins")
    checkout = copy_checkout(folder / "checkout")
    site = folder / "site.toml"
    secret = folder / "secret"
    secret.write_text('OIDCClientSecret "for-tests-of-the-gateway"\n')
    site.write_text(
        f'[site]\nurl = "{provider.audience}"\n'
        f"[proxy]\nport = {provider.audience.rpartition(':')[2]}\n"
        f'[login]\nissuers = ["{provider.issuer}"]\naudience = ["{provider.audience}"]\n'
        'groups = {"/km3net" = "collaboration", "/others" = "others"}\n'
        f'client = "gateway"\nclient_secret_file = "{secret}"\ngateway_port = {port(60)}\n'
    )
    os.chmod(folder, 0o755)
    extra = {"PYTHONPATH": str(checkout), "KM3VO_SITE": str(site)}
    made = Instance(folder / "var", port(30), extra)
    try:
        templates.copy("antares", made)
        for name, life in LIVES.items():
            write_release(Path(checkout), name, life)
        done = made.km3vo("import", *(word for name in LIVES for word in ("--release", name)))
        assert done.returncode == 0, done.stderr
        done = enter(made, "add", NAME)
        assert done.returncode == 0, done.stderr
        made.up()
        yield made
    finally:
        made.reset()
