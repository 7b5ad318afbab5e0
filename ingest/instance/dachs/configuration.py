"""The files that DaCHS reads when it starts: settings, launcher, patches and web pages.

All are made from ``site/``, ``web/`` and the settings of the site.
"""

from __future__ import annotations

import grp
import json
from pathlib import Path

from ingest import __version__
from ingest.core import privileges
from ingest.core.checkout import CHECKOUT
from ingest.core.files import NotRegularError, read_regular
from ingest.instance import postgres
from ingest.instance.dachs import webpages
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.site import SITE_FILES, DatabaseSection, Site, render

_LAUNCHER = SITE_FILES / "dachs"
_PATCHES = "patches"
_PAGES = "pages"
_PATCH_SETTINGS = {"server", "jobs", "limits", "login", "proxy", "web", "database"}
"""The sections of the site's settings that the patches and the pages read."""
_WEB = SITE_FILES.parent / "web"
_SHARED = {
    "pages/alerts/event_names.py": "alerts/notices/event_names.py",
    "patches/metering.py": "instance/metering.py",
}
"""Modules of pages and patches that are ours as well: where they find them, and where they are in
``ingest``. They need the standard library only."""
_PICTURES = (".ico", ".png")
"""Ends of the names of our files that are no text."""
_LIBRARIES = (
    "aladin-lite/dist/aladin.js",
    "uplot/dist/uPlot.esm.js",
    "uplot/dist/uPlot.min.css",
)
"""The files of libraries that pages load, as npm installs them."""
_SOURCES = SITE_FILES.parent / "docs" / "notebooks" / "data" / "sources.csv"
"""Well-known sources, for the exercises in the notebooks and on the pages."""


def etc(layout: Layout) -> Path:
    """Return the directory with DaCHS' profiles and the descriptors of the site."""
    return layout.dachs / "etc"


def settings(layout: Layout) -> Path:
    """Return the file with DaCHS' settings."""
    return layout.dachs / "gavo.rc"


def launcher(layout: Layout) -> Path:
    """Return the directory with the program that starts DaCHS."""
    return layout.dachs / "launcher"


def directories(layout: Layout) -> list[Path]:
    """Return the directories of the files, each after the one that contains it."""
    templates = _templates(layout)
    start = launcher(layout)
    web = [start / "web" / name for name in ("", "templates", "static", "libraries")]
    with privileges.caller():
        parts = sorted({path.parent.relative_to(_LAUNCHER) for path in _pages()})
    code = [start / _PATCHES, *(start / part for part in parts)]
    return [etc(layout), templates.parent, templates, start, *code, *web]


def files(layout: Layout, site: Site, state: InstanceState) -> dict[Path, bytes]:
    """Return the content of each file.

    Parameters
    ----------
    layout : Layout
        The instance.
    site : Site
        The settings of the site.
    state : InstanceState
        Ports and address of the instance.
    """
    texts = {
        settings(layout): render(
            site,
            "gavo.rc",
            root_dir=layout.dachs.resolve(),
            group=grp.getgrgid(layout.account.gid).gr_name,
            account=layout.account.name,
            port=state.web_port,
            server_url=state.server_url,
        ),
        etc(layout) / "defaultmeta.txt": render(site, "defaultmeta.txt"),
        etc(layout) / "userconfig.rd": _own(SITE_FILES / "userconfig.rd"),
        etc(layout) / "dsn": dsn(state, site.database),
    }
    with privileges.caller():
        sources = [
            *_LAUNCHER.glob("*.py"),
            *(_LAUNCHER / _PATCHES).glob("*.py"),
            _LAUNCHER / _PATCHES / "replaced.json",
            *_pages(),
        ]
        pages = [path for name in ("templates", "static") for path in (_WEB / name).iterdir()]
        pictures = {path: path.read_bytes() for path in pages if path.suffix in _PICTURES}
        libraries = [path for name in _LIBRARIES if (path := _WEB / "node_modules" / name).exists()]
        source_list = _SOURCES.read_text("utf-8") if _SOURCES.exists() else ""
    for source in sources:
        texts[launcher(layout) / source.relative_to(_LAUNCHER)] = _own(source)
    for name, origin in _SHARED.items():
        texts[launcher(layout) / name] = _own(CHECKOUT / "ingest" / origin)
    for source in set(pages) - set(pictures):
        texts[launcher(layout) / "web" / source.relative_to(_WEB)] = _own(source)
    for source in libraries:
        texts[launcher(layout) / "web" / "libraries" / source.name] = _own(source)
    if source_list:
        texts[launcher(layout) / "web" / "static" / _SOURCES.name] = source_list
    patch_settings = site.model_dump(mode="json", include=_PATCH_SETTINGS)
    # as many as are started, also if the settings of the site have changed since
    patch_settings["server"]["workers"] = state.workers
    patch_settings["software"] = {"version": __version__}
    texts[launcher(layout) / _PATCHES / "settings.json"] = json.dumps(patch_settings)
    with privileges.caller():
        templates = webpages.templates()
    texts |= {_templates(layout) / name: text for name, text in templates.items()}
    made = {path: text.encode() for path, text in texts.items()}
    web = launcher(layout) / "web"
    return made | {web / path.relative_to(_WEB): found for path, found in pictures.items()}


def dsn(state: InstanceState, database: DatabaseSection | None = None) -> str:
    """Return DaCHS' profile of the database, a private one by default."""
    host, port, sslmode = postgres.HOST, state.postgres_port, "disable"
    if database and database.host:
        host, port, sslmode = database.host, database.port, database.sslmode
    return (
        f"database = {postgres.DATABASE}\nhost = '{host}'\nport = {port}\nsslmode = '{sslmode}'\n"
    )


def content(path: Path) -> bytes | None:
    """Return the content of a file of the instance; None if there is no regular file."""
    try:
        return read_regular(path)
    except (FileNotFoundError, NotRegularError):
        return None


def _pages() -> list[Path]:
    """Return the modules of the pages and what they read, also those of packages within."""
    return [path for kind in ("*.py", "*.toml") for path in (_LAUNCHER / _PAGES).rglob(kind)]


def _templates(layout: Layout) -> Path:
    return layout.dachs / "web" / "templates"


def _own(path: Path) -> str:
    """Return the text of a file of this project."""
    with privileges.caller():
        return path.read_text("utf-8")
