"""What the pages of reports have in common."""

import pytest
from lxml import etree

from ingest.core import pages
from ingest.publish.review import checklist, page
from ingest.publish.review.checks import Answer, Result

HOSTILE = "</style><script>alert(1)</script>&\"'{{ 7 * 7 }}{% raw %}\x00"


def test_texts_are_shown_and_never_interpreted() -> None:
    item = checklist.Item(id="a", title=HOSTILE, asks=HOSTILE)
    answer = Answer(Result.MISSING, [HOSTILE])
    html = page.html(HOSTILE, HOSTILE, [checklist.Reviewed(item, answer)])
    assert "<script" not in html
    tree = etree.HTML(html)
    assert not tree.xpath("//script")
    (evidence,) = tree.xpath("//td[4]//li/text()")
    assert evidence.startswith("</style><script>alert(1)</script>&\"'{{ 7 * 7 }}{% raw %}")


def test_a_page_needs_nothing_else_and_allows_nothing_else() -> None:
    html = page.html("a", "b", [])
    tree = etree.HTML(html)
    assert not tree.xpath("//script | //link | //*[@src] | //@onclick")
    (policy,) = tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy.startswith("default-src 'none'")
    (style,) = tree.xpath("//style/text()")
    assert "prefers-color-scheme: dark" in style
    assert "url(" not in style and "@import" not in style
    assert tree.xpath("//meta[@name='viewport']")


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (456_789, "457 kB"), (2 * 10**9, "2 GB")],
)
def test_sizes_are_in_the_unit_that_suits_them(number: int, text: str) -> None:
    assert pages.size(number) == text


def test_digits_are_grouped() -> None:
    assert pages.grouped(1234567).split("\N{NARROW NO-BREAK SPACE}") == ["1", "234", "567"]
