"""A visitor of the dashboard in a real browser, and what their page did besides what they see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

expect.set_options(timeout=30_000)  # the first photo loads the encoder


@dataclass
class Visit:
    """A visitor's page, and what it did besides what they see."""

    page: Page
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def upload(self, data: bytes, name: str = "photo.jpg") -> None:
        """Chooses a photo."""
        file = {"name": name, "mimeType": "image/jpeg", "buffer": data}
        self.page.set_input_files("input[type=file]", files=[file])

    def describe(self, text: str) -> None:
        """Types words or an address."""
        field = self.page.locator(".st-key-la-words input")
        field.fill(text)
        field.press("Enter")

    def choose(self, facet: str, value: str) -> None:
        """Chooses a value of a facet."""
        self.page.get_by_role("combobox", name=facet).click()
        self.page.get_by_role("option", name=value).click()
        self.page.keyboard.press("Escape")

    def settle(self) -> None:
        """Waits until the page has been drawn: cards are replaced one by one."""
        expect(self.page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")

    @property
    def cards(self) -> Locator:
        """The answers."""
        return self.page.get_by_role("article")

    @property
    def headline(self) -> Locator:
        """What the answers are."""
        return self.page.locator(".la-headline")


@contextmanager
def visiting(browser: Browser, dashboard: str, **context: object) -> Iterator[Visit]:
    """Opens the first page; at the end nothing was kept from it by its own policy.

    :param context: options of the browser's context, such as `permissions`.
    """
    opened: BrowserContext = browser.new_context(viewport={"width": 1440, "height": 900}, **context)
    opened.set_default_timeout(30_000)
    page = opened.new_page()
    visit = Visit(page)
    page.on("request", lambda request: visit.requests.append(request.url))
    page.on("dialog", lambda dialog: (visit.dialogs.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: visit.errors.append(str(error)))
    page.on("console", lambda message: visit.refused.append(message.text) if refuses(message.text) else None)
    page.goto(dashboard)
    page.get_by_test_id("stFileUploader").wait_for()
    yield visit
    opened.close()
    assert not visit.refused


def refuses(console: str) -> bool:
    """Whether the browser says that the page's own policy kept something from it."""
    return "Content Security Policy" in console
