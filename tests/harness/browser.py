"""A browser without a window, and what a page in it did wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright

from devtools.screenshots import FLAGS, chromium
from tests.harness.debian import needed

WAIT_MS = 60_000


@dataclass
class Watched:
    """A page with its complaints and every address that it asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    async def open(self, address: str) -> None:
        """Go there, and wait until every panel has its data or says why not."""
        await self.page.goto(address)
        await self.settled()

    async def settled(self) -> None:
        """Wait until no panel loads any more."""
        await self.page.wait_for_selector("h1", timeout=WAIT_MS)
        await self.page.wait_for_function(
            "document.querySelectorAll('[aria-busy=true]').length === 0", timeout=WAIT_MS
        )

    async def text(self) -> str:
        """All that a reader sees."""
        return str(await self.page.inner_text("body"))


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    """Debian's Chromium, with an empty profile of its own."""
    executable = needed("chromium", chromium, "a browser")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def watched(browser: Browser, **options: object) -> AsyncIterator[Watched]:
    """A page in a context of its own, without cookies."""
    context = await browser.new_context(**options)  # type: ignore[arg-type]
    found = Watched(await context.new_page())
    found.page.set_default_timeout(WAIT_MS)

    def said(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            found.complaints.append(message.text)

    def asked(request: Request) -> None:
        found.requests.append(request.url)

    found.page.on("console", said)
    found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
    found.page.on("request", asked)
    try:
        yield found
    finally:
        await context.close()
