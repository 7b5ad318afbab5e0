"""What any program gets from the server by plain HTTP: VOSI, CORS, web pages."""

import re
import subprocess
import time
import urllib.error

import pytest
from lxml import etree

from ingest.instance.account import Account
from ingest.instance.dachs import Dachs
from ingest.instance.layout import Layout

TAP = "/__system__/tap/run/tap"
ELSEWHERE = "https://aladin.example.org"


def parse(content):
    return etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))


def test_tap_says_what_it_can(fetch):
    capabilities = parse(fetch(f"{TAP}/capabilities").read())
    standards = set(capabilities.xpath("//capability/@standardID"))
    assert {"ivo://ivoa.net/std/TAP", "ivo://ivoa.net/std/VOSI#availability"} <= standards
    models = capabilities.xpath("//dataModel/@ivo-id")
    assert any(model.lower().startswith("ivo://ivoa.net/std/obscore") for model in models)


def test_addresses_in_the_capabilities_are_those_of_this_server(instance, fetch):
    capabilities = parse(fetch(f"{TAP}/capabilities").read())
    addresses = capabilities.xpath("//accessURL/text()")
    assert addresses
    assert all(address.strip().startswith(instance.url) for address in addresses)


def test_the_server_says_that_it_is_available(fetch):
    available = parse(fetch(f"{TAP}/availability").read())
    assert available.findtext("{*}available") == "true"


def test_tables_are_listed_with_their_columns(fetch):
    tables = parse(fetch(f"{TAP}/tables").read())
    columns = tables.xpath("//table[name='ant20_01.main']/column/name/text()")
    assert columns == ["mjd", "beta", "nhit", "ra", "decl", "id", "origin_est"]


def test_curl_gets_a_table_of_text(instance):
    done = subprocess.run(
        [
            *("curl", "--silent", "--fail", f"{instance.tap}/sync"),
            *("--data-urlencode", "QUERY=SELECT id, nhit FROM ant20_01.main WHERE nhit > 200"),
            *("--data-urlencode", "RESPONSEFORMAT=text/csv;header=present"),
            *("--data", "LANG=ADQL"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["id,nhit", "ANT1157,263"]


@pytest.mark.parametrize(
    "path",
    [
        "/ant20_01/nu/cone/scs.xml?RA=43&DEC=35&SR=3",
        f"{TAP}/sync?LANG=ADQL&QUERY=SELECT+TOP+1+id+FROM+ant20_01.main",
        f"{TAP}/capabilities",
        "/getproduct/ant20_01/data/ant20_01.fits",
    ],
)
def test_web_pages_of_other_origins_may_read_the_answers(fetch, path):
    allowed = fetch(path, Origin=ELSEWHERE).headers["Access-Control-Allow-Origin"]
    assert allowed in (ELSEWHERE, "*")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/ant20_01/nu/cone/form",
        "/ant20_01/nu/cone/form?__nevow_form__=genForm&hscs_pos=43,35&hscs_sr=180&submit=Go",
        "/ant20_01/nu/cone/info",
        "/tableinfo/ant20_01.main",
        "/browse/ant20_01/nu",
        f"{TAP}/examples",
        f"{TAP}/info",
    ],
)
def test_web_pages_have_no_leftovers_of_markup_and_their_parts_can_be_had(fetch, path):
    page = fetch(path).read().decode()
    text = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]+>", " ", page)
    assert "System Message" not in text  # docutils' word for a mistake in the markup
    assert not re.search(r"\\[a-z]\w+|`__|\.\. \w+::|&lt;meta", text)
    for address in set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page)):
        try:
            assert fetch(address).status == 200
        except urllib.error.HTTPError as error:
            pytest.fail(f"{address}: {error}")


def test_a_form_answers_with_the_events_of_the_cone(fetch):
    path = "/ant20_01/nu/cone/form?__nevow_form__=genForm&hscs_pos=43,35&hscs_sr=180&submit=Go"
    page = fetch(path).read().decode()
    assert re.findall(r"ANT\d{4}", page) == ["ANT3412", "ANT7402", "ANT3846", "ANT0366"]


def test_the_coverage_is_drawn(fetch):
    picture = fetch("/ant20_01/nu/cone/coverage", Accept="image/png").read()
    assert picture.startswith(b"\x89PNG")


@pytest.mark.parametrize("first", ["gzip", "identity"])
def test_a_page_can_be_read_whatever_encoding_its_first_visitor_accepted(instance, first):
    # DaCHS caches this page, until it reads its descriptors again
    Dachs(Layout(instance.var, Account.current())).reload()
    time.sleep(0.5)
    address = f"{instance.url}/ant20_01/nu/cone/info"
    texts = [
        subprocess.run(
            ["curl", "-sS", "--fail", "--compressed", "-H", f"Accept-Encoding: {one}", address],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for one in (first, "gzip", "identity")
    ]
    assert "</html>" in texts[0]
    assert texts == [texts[0]] * 3
