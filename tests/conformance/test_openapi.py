"""The OpenAPI document of the services: valid, true, and made from the descriptors."""

from __future__ import annotations

import io
import json
import urllib.parse
import urllib.request

import pytest
from astropy.io.votable import parse
from lxml import etree
from openapi_spec_validator import OpenAPIV31SpecValidator

URL = "km3net/nu/openapi"


@pytest.fixture(scope="module")
def document(instance) -> dict:
    return json.loads(instance.fetch(URL))


def test_the_document_is_valid(document):
    assert document["openapi"].startswith("3.1.")
    assert not list(OpenAPIV31SpecValidator(document).iter_errors())


def test_it_is_sent_with_its_media_type_and_need_not_be_sent_twice(instance):
    with urllib.request.urlopen(f"{instance.url}/{URL}", timeout=60) as reply:
        assert reply.headers["Content-Type"] == "application/openapi+json;version=3.1"
        tag = reply.headers["ETag"]
    again = urllib.request.Request(f"{instance.url}/{URL}", headers={"If-None-Match": tag})
    with pytest.raises(urllib.error.HTTPError, match="304"):
        urllib.request.urlopen(again, timeout=60)


def test_it_has_the_registered_services_datalink_and_tap(document, instance):
    (server,) = document["servers"]
    assert server["url"] == instance.url
    assert {
        "/ant20_01/nu/cone/scs.xml",
        "/ant20_01/nu/ps/api",
        "/ant20_01/nu/region/api",
        "/km3net/nu/cone/scs.xml",
        "/km3net/nu/dl/dlmeta",
        "/irf_arca115/nu/dl/dlmeta",
        "/alerts/nu/cone/scs.xml",
        "/alerts/nu/region/api",
        "/alerts/nu/dl/dlmeta",
        "/__system__/tap/run/tap/sync",
        "/__system__/tap/run/tap/async",
    } <= document["paths"].keys()
    # a sample of few events, which is not registered
    assert "/evts20_01/nu/cone/scs.xml" not in document["paths"]


def test_each_example_is_answered(document, instance):
    called = 0
    for path, methods in document["paths"].items():
        parameters = methods.get("get", {}).get("parameters", [])
        sent = {one["name"]: one["example"] for one in parameters if "example" in one}
        if not sent:
            assert not any(one["required"] for one in parameters), path
            continue
        url = f"{instance.url}{path}?{urllib.parse.urlencode(sent, doseq=True)}"
        with urllib.request.urlopen(url, timeout=60) as reply:
            content, media_type = reply.read(), reply.headers.get_content_type()
        if media_type == "text/csv":
            assert content.count(b"\n") > 1, url
        else:
            votable = parse(io.BytesIO(content))
            (status,) = [
                one.value
                for resource in votable.resources
                for one in resource.infos
                if one.name == "QUERY_STATUS"
            ] or ["OK"]
            assert status == "OK", url
            assert len(votable.get_first_table().array), url
        called += 1
    assert called >= 12


@pytest.mark.parametrize(
    "service", ["ant20_01/nu/cone", "ant20_01/nu/ps", "alerts/nu/region", "km3net/nu/cone"]
)
def test_parameters_are_those_that_the_service_itself_declares(document, instance, service):
    (path,) = [one for one in document["paths"] if one.startswith(f"/{service}/")]
    here = {one["name"].lower(): one for one in document["paths"][path]["get"]["parameters"]}
    capabilities = etree.fromstring(instance.fetch(f"{service}/capabilities"))
    (interface,) = (
        one
        for one in capabilities.iter("interface")
        if one.find("param") is not None and path in one.findtext("accessURL")
    )
    # files are sent by POST, either directly or as DALI's UPLOAD says
    files = ("sources", "upload")
    declared = [
        one for one in interface.findall("param") if one.findtext("name").lower() not in files
    ]
    assert len(declared) >= 5
    for one in declared:
        found = here[one.findtext("name").lower()]
        assert found["schema"].get("x-unit") == (one.findtext("unit") or None)
        assert " ".join(one.findtext("description").split()) in found["description"]


def test_defaults_and_uploads_are_those_of_the_service(document):
    methods = document["paths"]["/ant20_01/nu/ps/api"]
    defaults = {
        one["name"]: one["schema"]["default"]
        for one in methods["get"]["parameters"]
        if "default" in one["schema"]
    }
    assert defaults == {"INDEX": "2.0", "CONFIDENCE": 0.9}
    form = methods["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert "VOTable" in form["properties"]["SOURCES"]["description"]


def test_columns_have_their_units(document):
    columns = document["paths"]["/ant20_01/nu/cone/scs.xml"]["get"]["x-columns"]
    units = {one["name"]: one.get("unit") for one in columns}
    assert (units["MJD"], units["Beta"], units["RA"]) == ("d", "deg", "deg")
