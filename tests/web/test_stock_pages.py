"""Pages that DaCHS makes: they look and behave like ours, and errors say what to do."""

from __future__ import annotations

import re
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
    "links": "/km3net/nu/dl/dlmeta?ID=ivo://km3net.org/~?ant20_01/data/ant20_01.fits",
}
"""Documents in XML, which a style sheet of DaCHS' turns into pages."""
_BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
_JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"
"""What STILTS, TOPCAT and Aladin accept."""


def _ask(instance: Instance, path: str, **headers: str) -> tuple[int, Message, str]:
    request = urllib.request.Request(instance.url + path, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


@pytest.mark.parametrize("name", _XML)
def test_a_document_in_xml_is_a_page_in_the_frame_of_all(visitor: Visitor, name: str) -> None:
    for dark in (False, True):
        visitor.open(_XML[name], "phone", dark)
        assert visitor.run("return document.contentType") == "text/html"
        assert visitor.overflow() == []
        assert visitor.barriers() == []
        labels = visitor.run("return [...document.querySelectorAll('.bar li a')].map(a => a.text)")
        assert "Alerts" in labels
        assert len(visitor.driver.find_elements("css selector", "main h1")) == 1


@pytest.mark.parametrize("name", ["capabilities", "tables", "error", "registry", "links"])
def test_programs_get_xml_where_browsers_get_a_page(instance: Instance, name: str) -> None:
    for accept in ("*/*", _JAVA, "application/xml"):
        _, headers, text = _ask(instance, _XML[name], Accept=accept, User_Agent="Mozilla/5.0")
        assert "xml" in headers["Content-Type"]
        assert text.startswith("<?xml")
        assert "Accept" in headers["Vary"].split(", ")
    _, headers, text = _ask(instance, _XML[name], Accept=_BROWSER)
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert text.startswith("<!DOCTYPE html>")
    assert "Accept" in headers["Vary"].split(", ")
    assert "ivoa.net" not in headers["Content-Security-Policy"]


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


def test_tables_for_people_have_dates_and_readable_numbers(instance: Instance) -> None:
    _, _, text = _ask(instance, _CONE)
    # 2023-02-13 01:16:47 UTC and 120 PeV, according to the publication
    assert "59988.05332176<br /><small>2023-02-13 01:16:47</small>" in text
    assert "<td>1.2e+08</td>" in text
    _, _, text = _ask(
        instance, "/evts23_01/nu/cone/scs.xml?RA=94.3&DEC=-7.8&SR=3&RESPONSEFORMAT=csv"
    )
    assert "59988.05332175926" in text
    assert ",120000000.0," in text
    _, _, text = _ask(instance, "/evts23_01/nu/cone/form")
    assert "Search radius [arcmin]" in text


def test_a_file_in_two_formats_has_one_picture(instance: Instance) -> None:
    form = "/irf_arca115/nu/responses/form?__nevow_form__=genForm&submit=Go"
    _, _, text = _ask(instance, form)
    assert re.search(r'<a href="[^"]*/aeff.fits" class="productlink"', text)
    assert re.search(r'<a href="[^"]*/aeff.gadf.fits">', text)


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


def test_the_list_of_services_has_every_published_table(instance: Instance) -> None:
    _, _, text = _ask(instance, "/browse")
    published = {row[0] for row in instance.adql("SELECT table_name FROM tap_schema.tables")}
    ours = {name for name in published if not name.lower().startswith(("tap_schema.", "ivoa."))}
    assert set(re.findall(r'href="/tableinfo/([^"]+)"', text)) == ours
    for path in ("/ant20_01/nu/cone/form", "/alerts/nu/region/info", "/evts23_01"):
        assert f'href="{path}"' in text
