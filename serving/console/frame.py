"""What every page has around it: the way to the other pages, language, theme and the way out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.resources import files
from urllib.parse import quote

from nicegui import ui

from serving.console import marks
from serving.console.palette import ACCENT
from serving.console.visitor import BASE, THEMES, Visitor
from words import Language, Words

_OTHER = {Language.EN: (Language.ZH, "中文"), Language.ZH: (Language.EN, "English")}
_DARK = {"auto": None, "light": False, "dark": True}


def titles(words: Words) -> dict[str, str]:
    """The pages in order: title by path."""
    return {
        "/": words.say("Overview"),
        "/movement": words.say("Movement"),
        "/map": words.say("RFM map"),
        "/distributions": words.say("Distributions"),
        "/customers": words.say("Customers"),
        "/lists": words.say("Work lists"),
        "/policy": words.say("Policy"),
    }


def themes(words: Words) -> dict[str, str]:
    """What each theme is called."""
    return {
        "auto": words.say("Theme: as the system"),
        "light": words.say("Theme: light"),
        "dark": words.say("Theme: dark"),
    }


@contextmanager
def frame(visitor: Visitor, title: str, *, here: str | None) -> Iterator[None]:
    """A page's frame; what is made inside is the page's content.

    Args:
        visitor: who looks.
        title: of the page.
        here: the path that the navigation marks; None leaves the navigation out.
    """
    ui.add_css(style_sheet())
    ui.add_head_html(f'<script>document.documentElement.lang="{_tag(visitor.words)}"</script>')
    ui.page_title(f"{title} · Tierstream")
    ui.colors(primary=ACCENT)
    ui.dark_mode(_DARK[visitor.theme])
    ui.query(".nicegui-content").classes("page")
    with ui.element("header").classes("top"):
        marks.anchor("Tierstream", f"{BASE}/").classes("brand")
        if here is not None:
            _navigation(visitor, here)
        _switches(visitor)
    with ui.element("div").classes("content"):
        with ui.element("h1"):
            ui.label(title)
        yield


def _navigation(visitor: Visitor, here: str) -> None:
    label = visitor.words.say("Pages")
    with ui.element("nav") as nav:
        nav.props["aria-label"] = label
        for path, title in titles(visitor.words).items():
            link = marks.anchor(title, f"{BASE}{path}")
            if path == here:
                link.props('aria-current="page"')


def _switches(visitor: Visitor) -> None:
    language, name = _OTHER[visitor.words.language]
    back = quote(visitor.path, safe="")
    following = THEMES[(THEMES.index(visitor.theme) + 1) % len(THEMES)]
    with ui.element("div").classes("switches"):
        switch = marks.anchor(name, f"{BASE}/choose?language={language}&to={back}")
        switch.props(f'lang="{"zh-CN" if language is Language.ZH else "en"}"')
        marks.anchor(
            themes(visitor.words)[visitor.theme], f"{BASE}/choose?theme={following}&to={back}"
        ).classes("theme")
        if visitor.can_leave:
            marks.anchor(visitor.words.say("Log out"), f"{BASE}/leave")


def _tag(words: Words) -> str:
    return "zh-CN" if words.language is Language.ZH else "en"


@lru_cache(maxsize=1)
def style_sheet() -> str:
    """The console's own style."""
    return files("serving.console").joinpath("console.css").read_text(encoding="utf-8")
