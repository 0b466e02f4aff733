"""A browser for tests: Debian's Chromium, driven by Playwright, which notes every word of a page that should not be there."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

WITHIN_MS = 30_000
"""How long a state of a page may take on a busy machine."""
WIDTHS = {"desktop": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", e => window.violations.push(`${e.violatedDirective} ${e.blockedURI}`));
"""
WIDER = """
() => document.documentElement.scrollWidth <= innerWidth ? [] : ["the page", ...[...document.querySelectorAll("body *")]
    .filter(each => each.getBoundingClientRect().right > innerWidth && !each.closest(".scroll, .hidden"))
    .map(each => each.outerHTML.slice(0, 200)).slice(0, 5)]
"""


def chromium_path() -> str:
    """Returns the path of Chromium; installs it with apt-get where it is missing. Raises: CalledProcessError where that fails."""
    if shutil.which("chromium") is None:
        for command in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", "--quiet", *command], check=True, stdout=subprocess.DEVNULL)
    return shutil.which("chromium") or "chromium"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Starts the browser. Its sandbox cannot be had by root."""
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=options)
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """One person with a browser at one site. Notes messages of the console, errors, violations of the policy and foreign requests."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        self._url = url
        self.context: BrowserContext = browser.new_context(
            viewport=WIDTHS[options.pop("width", "desktop")], base_url=url, **options
        )
        self.context.set_default_timeout(WITHIN_MS)
        if options.get("java_script_enabled", True):
            self.context.add_init_script(VIOLATIONS)
        self.faults: list[str] = []
        self._refused: set[str] = set()
        self.context.on("page", self._listen)
        self.page: Page = self.context.new_page()

    def _listen(self, page: Page) -> None:
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("request", self._seen)

    def _said(self, message: Any) -> None:
        # Chromium's advice for authors of pages is verbose, and no person sees it. It reports an error page as an error.
        if message.type != "verbose" and message.location["url"] not in self._refused:
            self.faults.append(f"console {message.type}: {message.text}")

    def _seen(self, request: Any) -> None:
        here, there = urlsplit(self._url), urlsplit(request.url)
        if there.scheme in {"http", "https"} and there.netloc != here.netloc:
            self.faults.append(f"foreign request: {request.url}")

    def open(self, path: str, status: int = 200) -> Page:
        """Opens a path of the site. Raises: AssertionError for an answer of another status."""
        if status >= 400:
            self._refused.add(self._url + path)
        answer = self.page.goto(path)
        assert answer is not None
        assert answer.status == status, f"{path}: {answer.status}"
        return self.page

    def wider_than_window(self) -> list[str]:
        """Returns the elements that make the page scroll sideways, as far as they are known by their edges."""
        return list(self.page.evaluate(WIDER))

    def violations(self) -> list[str]:
        return list(self.page.evaluate("() => window.violations || []"))

    def close(self) -> None:
        self.context.close()
