"""Changed settings of the site reach the running server."""

import urllib.request

import pytest

ORIGIN = "https://elsewhere.example.org"


def allowed(instance):
    request = urllib.request.Request(f"{instance.tap}/capabilities", headers={"Origin": ORIGIN})
    with urllib.request.urlopen(request, timeout=30) as reply:
        return reply.headers["Access-Control-Allow-Origin"]


@pytest.mark.slow
def test_up_applies_settings_that_an_import_has_written(instance, tmp_path):
    site = tmp_path / "site.toml"
    site.write_text('[site]\ncors_origins = "https://only.example.org"\n')
    assert allowed(instance) == ORIGIN
    try:
        for command in (["import"], ["instance", "up"]):
            done = instance.km3vo(*command, KM3VO_SITE=str(site))
            assert done.returncode == 0, done.stderr
        assert allowed(instance) is None
    finally:
        instance.up()
    assert allowed(instance) == ORIGIN


def test_up_leaves_a_server_alone_whose_settings_did_not_change(instance):
    before = (instance.var / "server.pid").read_text()
    instance.up()
    assert (instance.var / "server.pid").read_text() == before
