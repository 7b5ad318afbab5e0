"""Requests to a server as they are, and what holds for all its answers."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Iterator
from email.message import Message
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlencode, urljoin, urlsplit

from tests.instances import ROOT, Instance

TAP: Final = "/__system__/tap/run"
_FORM: Final = "application/x-www-form-urlencoded"
_LEAK: Final = re.compile(
    r"Traceback \(most recent|\b(?:dist|site)-packages\b|\bobject at 0x|\bgavo\.(?!js\b)\w"
    r"|\bpsycopg2\b|\bLINE \d+:|\b\w+(?:Error|Exception)\b exception"
)
"""What no answer contains, besides the directories of this machine."""


def ask(
    instance: Instance,
    path: str,
    method: str = "GET",
    body: str | bytes | None = None,
    **headers: str,
) -> tuple[int, Message, str]:
    """Send a request as it is, and return status, headers and text of the answer."""
    connection = http.client.HTTPConnection("localhost", instance.port, timeout=30)
    try:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, sent)
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read().decode("utf-8", "replace")
    finally:
        connection.close()


def sync(instance: Instance, query: str, **more: str) -> tuple[int, Message, str]:
    sent = urlencode({"LANG": "ADQL", "QUERY": query} | more)
    return ask(instance, f"{TAP}/sync", "POST", sent, Content_Type=_FORM)


def check(instance: Instance, headers: Message, text: str) -> None:
    """Check what holds for all answers."""
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    scripts = policy.partition("script-src")[2].partition(";")[0]
    assert "unsafe-inline" not in scripts
    assert "'unsafe-eval'" not in scripts
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin" or "sandbox" in policy
    assert "camera=()" in headers["Permissions-Policy"]
    assert not re.search(r"\d", headers["Server"] or "")
    check_text(instance, text)


def check_text(instance: Instance, text: str) -> None:
    """Check that a text shows nothing of the server's inside."""
    found = _LEAK.search(text)
    assert not found, text[max(0, found.start() - 200) : found.end() + 200]
    for place in (str(instance.var), str(ROOT), "/usr/lib/"):
        assert place not in text


def send_upload(
    instance: Instance, endpoint: str, content: str, **parameters: str
) -> tuple[int, Message, str]:
    """Send a query with a table ``t`` to the endpoint ``sync`` or ``async`` of TAP."""
    parts = [
        f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in ({"LANG": "ADQL", "UPLOAD": "t,param:u"} | parameters).items()
    ]
    parts.append(
        '--B\r\nContent-Disposition: form-data; name="u"; filename="t.html"\r\n'
        f"Content-Type: text/html\r\n\r\n{content}\r\n--B--\r\n"
    )
    kind = "multipart/form-data; boundary=B"
    return ask(instance, f"{TAP}/{endpoint}", "POST", "".join(parts).encode(), Content_Type=kind)


def run_job(instance: Instance, place: str) -> str:
    """Run a job, wait for its end, and return the phase."""
    ask(instance, f"{place}/phase", "POST", "PHASE=RUN", Content_Type=_FORM)
    end = time.monotonic() + 30
    while (phase := ask(instance, f"{place}/phase")[2]) not in ("COMPLETED", "ERROR"):
        assert time.monotonic() < end, phase
        time.sleep(0.1)
    return phase


class _Links(HTMLParser):
    """Collects the addresses in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {value for name, value in attrs if name in ("href", "src") and value}


def crawl(instance: Instance, start: str, most: int) -> Iterator[tuple[str, Message, str]]:
    """Yield the path, the headers and the text of the pages that can be reached by links."""
    waiting, seen = [start], {start}
    while waiting and most:
        most -= 1
        path = waiting.pop(0)
        _, headers, text = ask(instance, path)
        yield path, headers, text
        if "html" in headers["Content-Type"]:
            links = _Links()
            links.feed(text)
            for address in sorted(links.found):
                parts = urlsplit(urljoin(instance.url + path, address))
                target = parts._replace(scheme="", netloc="", fragment="").geturl()
                if parts.netloc == f"localhost:{instance.port}" and target not in seen:
                    seen.add(target)
                    waiting.append(target)
