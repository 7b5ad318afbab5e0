"""All pages: readable at each size, light and dark, by everybody, with and without scripts."""

from __future__ import annotations

import pytest

from tests.web.addresses import PAGES
from tests.web.visitor import SIZES, Visitor


@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_read_by_everybody(visitor: Visitor, name: str) -> None:
    for size in SIZES:
        for dark in (False, True):
            visitor.open(PAGES[name], size, dark)
            assert visitor.overflow() == [], (size, dark)
            if size != "tablet":
                assert visitor.barriers() == [], (size, dark)
            # browsers say that a page that does not exist has the status 404
            own = f"{visitor.instance.url}{PAGES[name]} - Failed to load resource"
            assert [one for one in visitor.complaints() if not one.startswith(own)] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_works_without_scripts(visitor: Visitor, name: str) -> None:
    visitor.open(PAGES[name])
    heading = visitor.run("return document.querySelector('h1').innerText")
    visitor.open(PAGES[name], scripts=False)
    (found,) = visitor.driver.find_elements("css selector", "h1")
    assert found.text == heading
