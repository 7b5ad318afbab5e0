"""Pages that DaCHS makes: they look and behave like ours, and errors say what to do."""

from __future__ import annotations

import urllib.error
import urllib.request
from email.message import Message

import pytest

from tests.instances import Instance
from tests.web.visitor import Visitor

_CONE = "/evts23_01/nu/cone/form?__nevow_form__=genForm&hscs_pos=94.3,-7.8&hscs_sr=180&submit=Go"
_XML = {
    "capabilities": "/tap/capabilities",
    "availability": "/tap/availability",
    "tables": "/tap/tables",
    "jobs": "/tap/async",
    "error": "/tap/sync?LANG=ADQL&QUERY=SELECT",
    "registry": "/oai.xml?verb=ListIdentifiers&metadataPrefix=ivo_vor",
}
"""Documents in XML, which a style sheet of DaCHS' turns into pages."""


def _ask(instance: Instance, path: str) -> tuple[int, Message, str]:
    try:
        with urllib.request.urlopen(instance.url + path, timeout=60) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


@pytest.mark.parametrize("name", _XML)
def test_a_document_in_xml_is_a_page_in_the_frame_of_all(visitor: Visitor, name: str) -> None:
    for dark in (False, True):
        visitor.open(_XML[name], "phone", dark)
        # Chromium warns about style sheets in a bar of its own, which is not in the page
        visitor.run("document.querySelector('xslt-warning-banner')?.remove()")
        assert visitor.overflow() == []
        assert visitor.barriers() == []
        labels = visitor.run("return [...document.querySelectorAll('.bar li a')].map(a => a.text)")
        assert "Alerts" in labels
        assert len(visitor.driver.find_elements("css selector", "main h1")) == 1


def test_a_table_of_results_scrolls_in_itself_and_has_readable_units(visitor: Visitor) -> None:
    visitor.open(_CONE, "phone")
    table = visitor.driver.find_element("css selector", ".tablewrap")
    assert table.get_attribute("tabindex") == "0"
    assert visitor.run("return arguments[0].scrollWidth > arguments[0].clientWidth", table)
    visitor.open("/ant20_01/nu/ps/info", "phone")
    assert "cm⁻²" in visitor.text
    assert "cm**-2" not in visitor.text


def test_a_program_gets_units_in_the_syntax_for_programs(instance: Instance) -> None:
    _, _, text = _ask(instance, "/ant20_01/nu/ps/api?RA=94.3&DEC=-7.8&SR=5")
    assert "cm**-2" in text
    assert "cm⁻²" not in text


def test_what_is_known_about_a_resource_is_below_the_content_on_telephones(
    visitor: Visitor,
) -> None:
    places = "return ['#body', '#sidebar'].map(id => {const box = document.querySelector(id)"
    places += ".getBoundingClientRect(); return [box.top, box.left, box.bottom, box.right]})"
    visitor.open("/ant20_01/nu/cone/info", "phone")
    body, sidebar = visitor.run(places)
    assert sidebar[0] >= body[2]
    visitor.open("/ant20_01/nu/cone/info", "desktop")
    body, sidebar = visitor.run(places)
    assert sidebar[1] >= body[3]


def test_logins_and_administration_are_for_those_who_may(instance: Instance) -> None:
    for path in ("/ant20_01/nu/cone/info", "/browse/ant20_01/nu", "/ant20_01/nu/cone/form"):
        _, _, text = _ask(instance, path)
        assert "/login" not in text
        assert "/seffe" not in text


def test_a_missing_page_suggests_what_was_meant(instance: Instance) -> None:
    status, headers, text = _ask(instance, "/ant20-01")
    assert status == 404
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert '<a href="/ant20_01">ANTARES 2007' in text
    assert "No matching RD" not in text
    _, _, text = _ask(instance, "/zzzzzzzz")
    assert "Did you mean" not in text
    assert 'href="/browse"' in text


def test_a_login_that_is_needed_is_asked_for_by_our_page(instance: Instance) -> None:
    status, headers, text = _ask(instance, "/login")
    assert status == 401
    assert headers["WWW-Authenticate"].startswith("Basic realm=")
    assert "<h1>Please log in</h1>" in text


@pytest.mark.parametrize("form", ["csv", "fits", "json", "tsv"])
def test_a_download_has_one_extension(instance: Instance, form: str) -> None:
    query = f"/ant20_01/nu/cone/scs.xml?RA=43&DEC=35&SR=3&RESPONSEFORMAT={form}"
    with urllib.request.urlopen(instance.url + query, timeout=60) as answer:
        assert answer.headers["Content-Disposition"] == f'attachment; filename="result.{form}"'


def test_pages_are_asked_for_again_and_files_kept(instance: Instance) -> None:
    assert _ask(instance, "/ant20_01/nu/cone/info")[1]["Cache-Control"] == "no-cache"
    assert _ask(instance, "/static/js/gavo.js")[1]["Cache-Control"] == "public, max-age=3600"
