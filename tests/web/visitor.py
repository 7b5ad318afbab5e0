"""A visitor with a browser: opens pages, and looks at what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

from tests.instances import Instance

SIZES: Final = {"phone": (390, 844), "tablet": (820, 1180), "desktop": (1366, 800)}
"""Width and height of windows, in CSS pixels."""
_AXE: Final = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
_RUN_AXE: Final = """
    const done = arguments[arguments.length - 1];
    axe.run().then(found => done(found.violations.map(one => ({
        id: one.id, impact: one.impact, help: one.help,
        places: one.nodes.slice(0, 5).map(node => node.html.slice(0, 200)),
    }))), reason => done([{id: "axe", impact: "critical", help: String(reason), places: []}]));
"""
_OVERFLOW: Final = """
    const width = document.documentElement.clientWidth;
    return {
        page: document.documentElement.scrollWidth - width,
        places: [...document.querySelectorAll("body *")].filter(
            one => one.getBoundingClientRect().right > width + 1 && !one.closest(".scroll, .code")
        ).slice(0, 5).map(one => one.outerHTML.slice(0, 160)),
    };
"""


class Visitor:
    """A person at a browser.

    Parameters
    ----------
    driver : selenium.webdriver.Chrome
        The browser.
    instance : Instance
        The node whose pages are visited.
    """

    def __init__(self, driver: webdriver.Chrome, instance: Instance) -> None:
        self.driver = driver
        self.instance = instance

    def open(
        self, path: str, size: str = "desktop", dark: bool = False, scripts: bool = True
    ) -> None:
        """Open a page of the node in a window of one of the :data:`SIZES`."""
        width, height = SIZES[size]
        self._do("Emulation.setScriptExecutionDisabled", value=not scripts)
        self._do(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=size == "phone",
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._do("Emulation.setEmulatedMedia", features=[scheme])
        self.driver.get_log("browser")  # forget what earlier pages said
        self.driver.get(self.instance.url + path)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script in the page, and return what it returns."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, script: str, seconds: float = 30) -> Any:
        """Wait until a script returns something true, and return it."""
        return WebDriverWait(self.driver, seconds).until(lambda _: self.run(script))

    @property
    def text(self) -> str:
        """The text of the page, as one reads it."""
        return str(self.run("return document.body.innerText"))

    def complaints(self) -> list[str]:
        """Return the errors in the console, such as violations of the security policy."""
        found = self.driver.get_log("browser")
        return [one["message"] for one in found if one["level"] == "SEVERE"]

    def overflow(self) -> list[str]:
        """Return what sticks out of the window to the right, though it should not."""
        found = self.run(_OVERFLOW)
        return list(found["places"] or ["the page"]) if found["page"] > 0 else []

    def barriers(self) -> list[str]:
        """Return the serious findings of axe: what keeps people from using the page."""
        self.run(_AXE.read_text("utf-8") + "; window.axe = axe;")
        found = self.driver.execute_async_script(_RUN_AXE)
        return [
            f"{one['id']}: {one['help']}: {one['places']}"
            for one in found
            if one["impact"] in ("serious", "critical")
        ]

    def picture(self, path: Path, whole: bool = False) -> None:
        """Save a picture of the window, or of the whole page, as a PNG file."""
        if whole:
            height = self.run("return document.documentElement.scrollHeight")
            width = self.run("return document.documentElement.clientWidth")
            self._do(
                "Emulation.setDeviceMetricsOverride",
                width=width,
                height=min(height, 8000),
                deviceScaleFactor=1,
                mobile=False,
            )
        path.write_bytes(self.driver.get_screenshot_as_png())

    def _do(self, command: str, **parameters: Any) -> None:
        self.driver.execute_cdp_cmd(command, parameters)
