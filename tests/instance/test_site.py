"""The settings of a data centre, and how DaCHS reads them."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

from ingest.core.errors import ManifestError
from ingest.instance import site as site_module
from ingest.instance.site import SITE_FILES, load_site, render

INSTANCE = {
    "root_dir": "/var/km3 vo",
    "group": "km3vo",
    "account": "km3vo",
    "port": 8080,
    "server_url": "http://localhost:8080",
}


def override(path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    path.write_text(text, "utf-8")
    monkeypatch.setenv("KM3VO_SITE", str(path))


def test_the_projects_own_site_is_valid(monkeypatch) -> None:
    monkeypatch.delenv("KM3VO_SITE", raising=False)
    assert load_site().authority.id == "km3net.org"


def test_a_site_overrides_only_the_settings_it_has(tmp_path, monkeypatch) -> None:
    override(tmp_path / "site.toml", monkeypatch, '[site]\nname = "Süd & Co <50% $x>"\n')
    site = load_site()
    assert site.site.name == "Süd & Co <50% $x>"
    assert site.site.bind_address == "127.0.0.1"
    parser = configparser.ConfigParser()
    parser.read_string(render(site, "gavo.rc", **INSTANCE))
    assert parser["web"]["sitename"] == "Süd & Co <50% $x>"
    assert parser["general"]["rootDir"] == "/var/km3 vo"


@pytest.mark.parametrize(
    "line",
    [
        'site.name = "a\\n[web]\\nadminpasswd: known"',
        'site.name = "a\\rserverPort: 80"',
        'site.name = "a\\u2028b"',
        'site.name = ""',
        "site.name = 5",
        'publisher.name = "swallows the next line \\\\"',
        'contact.address = "x\\npublisherID: ivo://other/org"',
        'contact.email = "nobody"',
        'contact.email = "a@b.org\\ncreator.name: x"',
        'authority.id = "km3net.org/x"',
        'authority.short_name = "thirteen char"',
        'authority.created = "yesterday"',
        'authority.reference_url = "javascript:alert(1)"',
        'site.url = "http://vo.km3net.org/path"',
        'site.url = "vo.km3net.org"',
        'site.url = "http://x\\n[web]"',
        'site.bind_address = "999.1"',
        'site.bind_address = "example.org"',
        'site.cors_origins = "("',
        'site.cors_origins = "a\\nadminpasswd: b"',
        'site.nam = "misspelt"',
        "sites = {}",
        'site = "not a table"',
    ],
)
def test_an_invalid_setting_is_an_error_with_its_name(tmp_path, monkeypatch, line: str) -> None:
    override(tmp_path / "site.toml", monkeypatch, line + "\n")
    with pytest.raises(ManifestError) as caught:
        load_site()
    message = str(caught.value)
    assert str(tmp_path / "site.toml") in message
    assert line.partition(" ")[0] in message
    assert "remedy:" in message
    assert caught.value.exit_code == 2


def test_a_site_that_cannot_be_read(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("KM3VO_SITE", str(tmp_path / "none.toml"))
    with pytest.raises(ManifestError, match=r"none\.toml: the file cannot be read"):
        load_site()


def test_every_setting_is_used() -> None:
    templates = "".join(
        path.read_text("utf-8") for path in SITE_FILES.glob("*.*") if path.name != "site.toml"
    )
    code = "".join(
        path.read_text("utf-8")
        for folder in (SITE_FILES / "dachs", Path(site_module.__file__).parents[1])
        for path in folder.rglob("*.py")
    )
    # these are for repositories and for asking registries, and not for DaCHS
    for section, values in load_site().model_dump(exclude={"deposit", "registry"}).items():
        for key in values:
            if key not in ("url", "bind_address", "cors_origins"):
                template = re.search(rf"\$\{{?{section}_{key}\b", templates)
                used = template or f'["{key}"]' in code or f"{section}.{key}" in code
                assert used, f"{section}.{key}"


def test_invalid_settings_stop_the_command(instance, tmp_path) -> None:
    (tmp_path / "site.toml").write_text('[site]\nname = "a\\nb"\n')
    done = instance.km3vo("import", KM3VO_SITE=str(tmp_path / "site.toml"))
    assert done.returncode == 2
    assert "site.name" in done.stderr
    assert instance.km3vo("instance", "status").returncode == 0
