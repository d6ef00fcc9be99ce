"""Pictures of the console's pages: `python -m devtools.screenshots --console URL --out FOLDER`.

Needs Playwright from the extra `dev`, and a Chromium (`apt-get install chromium`), of which it uses
no network but the console's.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PAGES = {
    "overview": "/",
    "movement": "/movement",
    "map": "/map",
    "distributions": "/distributions",
    "customers": "/customers",
    "customer": "/customer?id=00004",
    "lists": "/lists",
    "policy": "/policy",
}
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_LAPTOP = (1366, 860)
_PHONE = (390, 844)
_WAIT_MS = 30_000
_DRAWN_MS = 900


def chromium() -> str | None:
    """The browser of this machine."""
    return next((found for name in CHROMIUM if (found := shutil.which(name))), None)


@contextmanager
def browser(executable: str) -> Iterator[Browser]:
    """A browser without a window and with an empty profile of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        try:
            yield found
        finally:
            found.close()


def settled(page: Page) -> None:
    """Wait until every panel has its data or says why not."""
    page.wait_for_selector("h1", timeout=_WAIT_MS)
    page.wait_for_function(
        "document.querySelectorAll('[aria-busy=true]').length === 0", timeout=_WAIT_MS
    )
    page.wait_for_timeout(_DRAWN_MS)  # charts grow


def main() -> None:
    """Take the pictures."""
    asked = _arguments()
    executable = chromium()
    if executable is None:
        sys.exit("no Chromium on the PATH: apt-get install chromium")
    asked.out.mkdir(parents=True, exist_ok=True)
    width, height = _PHONE if asked.phone else _LAPTOP
    with browser(executable) as found:
        context = found.new_context(
            viewport={"width": width, "height": height}, device_scale_factor=asked.scale
        )
        page = context.new_page()
        page.goto(f"{asked.console}/choose?language={asked.lang}&theme={asked.theme}")
        if asked.token:
            _log_in(page, asked.console, asked.token)
        for name, path in PAGES.items():
            if asked.only and name not in asked.only:
                continue
            page.goto(asked.console + path)
            settled(page)
            target = asked.out / f"{name}-{asked.lang}-{asked.theme}{'-phone' * asked.phone}.png"
            page.screenshot(path=target, full_page=True)
            sys.stdout.write(f"{target}\n")


def _log_in(page: Page, console: str, token: str) -> None:
    page.goto(f"{console}/login")
    page.fill("input", token)
    page.press("input", "Enter")
    settled(page)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--console", default="http://127.0.0.1:8089/console")
    parser.add_argument("--out", type=Path, default=Path("screenshots"))
    parser.add_argument("--lang", choices=("en", "zh"), default="en")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--token", help="where the API asks for one")
    parser.add_argument("--phone", action="store_true", help="in the size of a phone")
    parser.add_argument("--scale", type=float, default=1.0, help="pixels of the picture a pixel")
    parser.add_argument("--only", nargs="*", help=f"of {', '.join(PAGES)}")
    return parser.parse_args()


if __name__ == "__main__":
    main()
