"""`tierstream top`: what running processes do, live in a terminal."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from cli.common import LangOption, words_for
from cli.errors import fail, one_sentence

if TYPE_CHECKING:
    from rich.console import Console

    from cli.top.poll import Poller
    from words import Words

_MOST_ADDRESSES = 64


def top(
    addresses: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="HOST:PORT…",
            help="Where processes serve /metrics; without any, the configured address.",
        ),
    ] = None,
    api: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Ask this API for customers and spend by tier, too."),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --api: a file that holds nothing but the token."),
    ] = None,
    every: Annotated[float, typer.Option(min=0.2, max=60, help="Seconds between two looks.")] = 1.0,
    lang: LangOption = None,
) -> None:
    """Watch workers, projectors and the API: events, lag, delay, tiers, and what is unwell.

    Goes on until Ctrl-C. Without a terminal it prints one snapshot, of two looks, and ends.
    """
    from rich.console import Console

    from cli.top.poll import Poller
    from config.settings import load_settings

    if token_file is not None and api is None:
        fail("--token-file goes with --api")
    with one_sentence():
        settings, words = load_settings(), words_for(lang)
        token = None if token_file is None else _token(token_file)
    here = f"{settings.http_host}:{settings.http_port}"
    urls = list(dict.fromkeys(_url(address) for address in addresses or [here]))
    if len(urls) > _MOST_ADDRESSES:
        fail(f"more than {_MOST_ADDRESSES} addresses")
    poller = Poller(urls, None if api is None else _url(api), token)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_watch(Console(), poller, words, every))


def _token(file: Path) -> str:
    found = file.read_text("utf-8", "replace").strip()
    if not found or not found.isascii() or not found.isprintable() or " " in found:
        fail(f"{file} does not hold a token")
    return found


def _url(address: str) -> str:
    """An address as a URL without a path; ends the command if it is none."""
    url = (address if "://" in address else f"http://{address}").rstrip("/")
    if not _is_origin(url):
        fail(f"{address!r} is no address such as 127.0.0.1:8080")
    return url


def _is_origin(url: str) -> bool:
    """Whether a URL names a server and nothing else."""
    try:
        parts = urlsplit(url)
        has_port = parts.port != 0
    except ValueError:
        return False
    more = parts.path or parts.query or parts.fragment or parts.username
    return parts.scheme in ("http", "https") and bool(parts.hostname) and has_port and not more


async def _watch(console: Console, poller: Poller, words: Words, every_s: float) -> None:
    from rich.live import Live

    from cli.top.rates import Watched
    from cli.top.view import top_view

    watched, clock = Watched(), asyncio.get_running_loop().time
    if not console.is_terminal:
        for pause_s in (every_s, 0):
            watched.note(clock(), *await poller.ask())
            await asyncio.sleep(pause_s)
        console.print(top_view(watched, words))
        return
    with Live(console=console, auto_refresh=False, screen=True) as live:
        while True:
            watched.note(clock(), *await poller.ask())
            live.update(top_view(watched, words), refresh=True)
            await asyncio.sleep(every_s)
