"""Behind the proxy all addresses in answers are public ones."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from urllib.parse import quote, urljoin, urlsplit

import pytest

from tests.instances import Instance
from tests.proxy.front import Front, front
from tests.templates import Templates, port

pytestmark = pytest.mark.long

TAP = "/__system__/tap/run"
_DATALINK = quote("ivo://km3net.org/~?ant20_01/data/ant20_01.fits", safe="")
STARTS = (
    "/",
    "/browse",
    "/ant20_01",
    "/alerts",
    "/alerts/feed.atom",
    "/query",
    "/robots.txt",
    "/sitemap.xml",
    "/sitemap-pages.xml",
    "/login",
    "/status.json",
    f"{TAP}/capabilities",
    f"{TAP}/availability",
    f"{TAP}/tables",
    f"{TAP}/examples",
    f"{TAP}/sync?LANG=ADQL&QUERY=SELECT+*+FROM+ivoa.obscore&FORMAT=votable/td",
    "/oai.xml?verb=Identify",
    "/oai.xml?verb=ListRecords&metadataPrefix=ivo_vor",
    "/ant20_01/nu/cone/capabilities",
    "/ant20_01/nu/cone/scs.xml?RA=43&DEC=35&SR=1&RESPONSEFORMAT=votabletd",
    "/ant20_01/nu/cone/scs.xml?RA=much",
    f"/km3net/nu/dl/dlmeta?ID={_DATALINK}",
    f"/__system__/products/dl/dlmeta?ID={_DATALINK}",
    "/getRR/ant20_01/nu/cone",
    "/km3net/nu/openapi/custom",
    "/nothing/here",
)
_MOST = 250


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory, templates: Templates) -> Iterator[Front]:
    """Serve all releases at the address of a proxy with TLS."""
    made = Instance(tmp_path_factory.mktemp("public") / "var", port(30))
    templates.copy("served", made)
    try:
        where = f"--host 127.0.0.1 --port {made.port}"
        with front(made, port(70), tls=True, options=where) as one:
            made.extra["KM3VO_SITE"] = str(one.folder / "site.toml")
            made.up()
            yield one
            made.extra.clear()
    finally:
        made.reset()


def test_no_answer_has_the_address_of_the_server_itself(public: Front) -> None:
    inner = re.compile(rf"(?:localhost|127\.0\.0\.1|\[::1\]):{public.instance.port}\b".encode())
    waiting, seen, shown = list(STARTS), set(STARTS), 0
    while waiting and len(seen) < _MOST:
        path = waiting.pop(0)
        status, headers, body = public.ask(path)
        assert status < 500, path
        found = inner.search(body) or inner.search(str(headers).encode())
        assert not found, (path, found)
        shown += body.count(public.url.encode())
        if "html" in headers["Content-Type"] or headers["Location"]:
            links = [*re.findall(r'(?:href|src)="([^"#]+)', body.decode()), headers["Location"]]
            for link in filter(None, links):
                parts = urlsplit(urljoin(public.url + path, link.replace("&amp;", "&")))
                assert parts.netloc != f"localhost:{public.instance.port}"
                target = parts._replace(scheme="", netloc="").geturl()
                if parts.netloc == f"localhost:{public.port}" and target not in seen:
                    assert parts.scheme == "https", (path, link)
                    seen.add(target)
                    waiting.append(target)
    assert shown > 50
    assert len(seen) > 100


def test_a_job_stays_at_the_public_address(public: Front) -> None:
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    body = b"LANG=ADQL&QUERY=SELECT+TOP+3+*+FROM+ant20_01.main"
    status, headers, _ = public.ask(f"{TAP}/async", "POST", body, **form)
    assert status == 303
    assert headers["Location"].startswith(f"{public.url}{TAP}/async/")
    job = headers["Location"].removeprefix(public.url)
    status, headers, _ = public.ask(f"{job}/phase", "POST", b"PHASE=RUN", **form)
    assert headers["Location"].startswith(public.url)
    deadline = time.monotonic() + 60
    while public.ask(f"{job}/phase")[2] != b"COMPLETED":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    document = public.ask(job)[2].decode()
    results = re.findall(r'href="([^"]+)"', document)
    assert results
    for one in results:
        assert one.startswith(public.url)
    assert public.ask(job, "DELETE")[0] == 303
