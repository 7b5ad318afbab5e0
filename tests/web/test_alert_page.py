"""The page of an alert: what it says, where its addresses lead, and what strangers cannot do."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request

import pytest

from tests.alert_archive import HOSTILE, hostile
from tests.instances import Instance
from tests.web.visitor import Visitor

EVENT = "/alerts/km3net/KM3-230213A"
REVIVED = "/alerts/test/ligo-virgo-kagra/MS181101ab"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def _head(instance: Instance, path: str) -> tuple[int, str]:
    """Return the status of an answer, and where it leads."""
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(instance.url + path, timeout=60) as reply:
            return reply.status, ""
    except urllib.error.HTTPError as reply:
        return reply.code, reply.headers.get("Location", "").removeprefix(instance.url)


def _markup(instance: Instance, path: str) -> str:
    return instance.fetch(path.removeprefix("/")).decode()


def test_the_event_has_the_page_it_deserves(visitor: Visitor) -> None:
    visitor.open(EVENT)
    assert visitor.run("return document.querySelector('h1').innerText") == "KM3-230213A"
    text = visitor.text
    # the packet and the publication
    for expected in (
        "2023-02-13 01:16:47 UTC",
        "RA 94.3°, Dec −7.8°",
        "06h 17m 12.0s, −07° 48′ 00″",
        "2.2°, containment 90 %",
        "1.2° for 50 %",
        "120 PeV",
        "doi:10.1038/s41586-024-08543-1",
        # the first and the last source of Figure 4
        "NVSS J061703-082225",
        "NVSS J060509-075747",
    ):
        assert expected in text
    links = visitor.run("return [...document.links].map(one => one.getAttribute('href'))")
    assert {"/evts23_01", "https://doi.org/10.1038/s41586-024-08543-1"} <= set(links)
    assert any(link.startswith("/ant20_01/nu/region/form?ALERT=") for link in links)
    assert any(link.startswith("/alerts/nu/packet?notice_id=") for link in links)
    ours = visitor.run(
        "return [...document.querySelectorAll('#nearby ~ .scroll tbody tr')].map(r => r.innerText)"
    )
    assert "KM3-230213A" in ours[0]
    assert "this event" in ours[0]
    assert len(ours) > 1

    data = json.loads(
        visitor.run("return document.querySelector('[type=\"application/ld+json\"]').textContent")
    )
    assert data["identifier"] == "ivo://km3net.org/VOEvent#KM3-230213A"
    assert visitor.run("return document.querySelector('meta[name=robots]')") is None
    description = visitor.run(
        "return document.querySelector('[property=\"og:description\"]').content"
    )
    assert "2023-02-13" in description
    assert "94.3" in description

    # the sky is loaded when it is asked for, and not before
    loaded = "return performance.getEntriesByType('resource').map(one => one.name)"
    assert not any("aladin" in name for name in visitor.run(loaded))
    visitor.run("document.querySelector('.sky-actions button').click()")
    visitor.wait("return document.querySelector('.region .picture').hidden")
    assert visitor.run("return document.querySelectorAll('.alert-sky canvas').length") > 0
    assert visitor.complaints() == []


def test_published_events_nearby_are_those_of_a_cone_search(instance: Instance) -> None:
    found = instance.adql(
        "SELECT event_id FROM km3net.events WHERE 1 = CONTAINS(POINT(ra, dec),"
        " CIRCLE(94.3, -7.8, 2.2))"
    )
    page = _markup(instance, EVENT)
    rows = (
        page.partition("Our neutrinos nearby")[2].partition("<tbody>")[2].partition("</tbody>")[0]
    )
    assert {name for (name,) in found} == {
        row.partition("<")[0].strip() for row in rows.split('<th scope="row">')[1:]
    }


def test_a_retraction_is_explained(visitor: Visitor) -> None:
    visitor.open(REVIVED)
    text = " ".join(visitor.text.split())
    assert "Test. This is a test" in text
    # the times, numbers and words in the packets
    assert "Retracted on 2018-11-01 23:36:23 UTC by its notice 5" in text
    assert "The reason they give: Determined to not be a viable GW event candidate" in text
    assert "Then revived by a later update, its notice 6 of 2018-11-01 22:39:25 UTC" in text
    assert "valid again, after the retraction" in text
    notices = visitor.run(
        "return [...document.querySelectorAll('.timeline h3')].map(one => one.innerText.trim())"
    )
    assert [one.split(",")[0] for one in notices] == [
        "Notice 1: initial",
        "Notice 2: update",
        "Notice 3: update",
        "Notice 4: update",
        "Notice 5: retraction",
        "Notice 6: update",
    ]
    assert notices[-1].endswith("newest")
    robots = "return document.querySelector('meta[name=robots]').content"
    assert visitor.run(robots) == "noindex"
    # the packet of the retraction, raw
    number = visitor.run("return document.querySelector('.retraction').id").removeprefix("notice-")
    visitor.open(f"{REVIVED}?notice={number}")
    assert "ivo://gwnet/LVC#MS181101ab-5-Retraction" in visitor.run(
        "return document.querySelector('pre[aria-label=Packet]').textContent"
    )


def test_addresses_lead_to_the_page(instance: Instance) -> None:
    ((number,),) = instance.adql(
        "SELECT notice_id FROM alerts.notices WHERE ivorn = 'ivo://gwnet/LVC#MS181101ab-5-Retraction'"
    )
    packet = urllib.parse.quote("ivo://km3net.org/VOEvent#KM3-230213A", safe="")
    for path, status, target in (
        ("/alerts/KM3-230213A", 302, EVENT),
        ("/alerts/km3-230213a", 302, EVENT),
        ("/alerts/show?id=km3net%2FKM3-230213A", 301, EVENT),
        (f"/alerts/show?notice_id={number}", 302, f"{REVIVED}?notice={number}#packet"),
    ):
        assert _head(instance, path) == (status, target)
    status, target = _head(instance, f"/alerts/show?ivorn={packet}")
    assert (status, target.partition("?")[0]) == (302, EVENT)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/alerts/KM3-990101Z", 404),
        ("/alerts/show?ivorn=ivo%3A%2F%2Fnowhere%2Fx%23y", 404),
        ("/alerts/show?notice_id=999999999999999999", 404),
        ("/alerts/show?notice_id=1%3B--", 400),
        ("/alerts/show", 400),
        ("/alerts/" + "x" * 6000, 404),
        ("/alerts/%E2%80%AE%3Cscript%3E", 404),
    ],
)
def test_what_does_not_exist_has_a_page_that_helps(
    instance: Instance, path: str, status: int
) -> None:
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.urlopen(instance.url + path, timeout=60)
    text = answer.value.read().decode()
    assert answer.value.code == status
    assert 'href="/alerts"' in text
    assert "<script>" not in text
    assert len(text) < 30_000  # the address is repeated in the head


def test_packets_full_of_markup_are_harmless(visitor: Visitor) -> None:
    with hostile(visitor.instance):
        paths = ["/", "/alerts"]
        for number in HOSTILE:
            _, target = _head(visitor.instance, f"/alerts/show?notice_id={number}")
            paths.append(target.partition("#")[0])
        for path in paths:
            for size in ("phone", "desktop"):
                visitor.open(path, size)
                visitor.run(
                    "for (const one of document.querySelectorAll('details')) one.open = true"
                )
                assert visitor.overflow() == [], (path, size)
            assert visitor.complaints() == []
            assert visitor.run("return document.documentElement.dataset.ran ?? ''") == ""
            links = visitor.run("return [...document.links].map(one => one.href)")
            assert not [one for one in links if not one.startswith(("http", "mailto:"))]
            injected = (
                "img[src=x], [onerror], [onmouseover], [style], script:not([src]):not([type])"
            )
            assert visitor.run(f"return document.querySelectorAll('{injected}').length") == 0
            assert not set("\u202e\u2066\u200f") & set(visitor.text)
        assert "document.documentElement.dataset.ran" in visitor.text  # it is shown, as text
        assert "{{ 7 * 7 }}" in visitor.text
        assert visitor.run("return document.title").count("W") < 100
