"""Aladin Lite in a browser, on a page of another origin, shows the cone search as a catalogue."""

import functools
import http.server
import re
import shutil
import threading
from pathlib import Path
from urllib.parse import quote

import pytest
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser import chromium

ROOT = Path(__file__).resolve().parents[2]
WEB = Path(__file__).parent / "web"


class Pages(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


@pytest.fixture(scope="module")
def pages_folder(tmp_path_factory):
    """Return a folder with the page and Aladin Lite, which setup.sh installs for our own pages."""
    folder = tmp_path_factory.mktemp("web")
    for file in WEB.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    library = Path("node_modules") / "aladin-lite"
    shutil.copytree(ROOT / "web" / library, folder / library)
    return folder


@pytest.fixture(scope="module")
def pages(pages_folder):
    """Serve the folder, and return its address."""
    handler = functools.partial(Pages, directory=pages_folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


def load(browser, pages, cone):
    browser.get(f"{pages}/aladin.html?cone={quote(cone, safe='')}")
    return WebDriverWait(browser, 60).until(
        lambda one: one.execute_script(
            "return window.state && (state.failure || state.sources) && state"
        )
    )


def test_the_cone_search_becomes_a_catalogue_of_the_published_events(browser, pages, cone_url):
    state = load(browser, pages, f"{cone_url}?RA=43&DEC=35&SR=3")
    assert state["failure"] is None
    found = {one["data"]["ID"]: (one["ra"], one["dec"]) for one in state["sources"]}
    assert found == {
        "ANT3412": (43.3, 35.8),
        "ANT7402": (43.5, 36.9),
        "ANT3846": (44.5, 32.8),
        "ANT0366": (43.5, 32.3),
    }


def test_a_cone_on_the_pole_with_thousands_of_events_is_loaded(browser, pages, cone_url, tap):
    state = load(browser, pages, f"{cone_url}?RA=0&DEC=-90&SR=60")
    assert state["failure"] is None
    (count,) = tap.search("SELECT count(*) AS n FROM ant20_01.main WHERE decl < -30")["n"]
    assert len(state["sources"]) == count > 1000


def test_the_snippet_of_the_readme_shows_the_events(browser, pages, pages_folder, instance):
    (snippet,) = re.findall(r"```html\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    script = re.search(r"<script src=.*?</script>", snippet)
    ours = """<script type="module">
        import A from "./node_modules/aladin-lite/dist/aladin.js";
        const catalogFromURL = (...words) => window.catalogue = A.catalogFromURL(...words);
        window.A = { ...A, catalogFromURL };
    </script>"""
    page = snippet.replace(script[0], ours).replace("http://localhost:8080", instance.url)
    (pages_folder / "snippet.html").write_text(page)
    browser.get(f"{pages}/snippet.html")
    names = WebDriverWait(browser, 60).until(
        lambda one: one.execute_script(
            "return window.catalogue && window.catalogue.getSources().map(s => s.data.ID)"
        )
    )
    assert sorted(names) == ["ANT0366", "ANT3412", "ANT3846", "ANT7402"]
