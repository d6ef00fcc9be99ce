"""Who looks at a page: what the browser's request says of language, theme and login."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from starlette.requests import Request

from serving.console.client import ApiClient
from serving.console.feed import Feed
from serving.console.known_policy import PolicyWords
from serving.console.site import Site
from words import LANGUAGES, Language

BASE = "/console"
"""Below this path are all pages."""

SESSION_COOKIE = "tierstream_session"
LANGUAGE_COOKIE = "tierstream_language"
THEME_COOKIE = "tierstream_theme"

THEMES = ("auto", "light", "dark")
Theme = Literal["auto", "light", "dark"]


@dataclass(frozen=True, slots=True)
class Visitor:
    """One request's visitor.

    Attributes:
        api: reads the API for them.
        feed: reads the API's changes as they happen.
        address: where their requests come from.
        words: of their language, with the names of the policy.
        theme: that they chose.
        path: of the page with its query, without `BASE`.
        is_known: whether they may see pages: logged in, or the API is open.
        can_leave: whether there is a login to end.
    """

    api: ApiClient
    feed: Feed
    address: tuple[str, int]
    words: PolicyWords
    theme: Theme
    path: str
    is_known: bool
    can_leave: bool


def visitor_of(site: Site, request: Request) -> Visitor:
    """The visitor of a request."""
    token = site.sessions.token(request.cookies.get(SESSION_COOKIE))
    address = (request.client.host, request.client.port) if request.client else ("none", 0)
    theme = request.cookies.get(THEME_COOKIE)
    query = f"?{request.url.query}" if request.url.query else ""
    return Visitor(
        api=ApiClient(site.api, token, address),
        feed=Feed(site.api, token, address),
        address=address,
        words=PolicyWords(_language(request), site.policy),
        theme=cast(Theme, theme) if theme in THEMES else "auto",
        path=(request.url.path.removeprefix(BASE) or "/") + query,
        is_known=site.is_open or token is not None,
        can_leave=token is not None,
    )


def _language(request: Request) -> Language:
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in LANGUAGES:
        return Language(chosen)
    accepted = request.headers.get("accept-language", "")
    return Language.ZH if accepted.lower().startswith("zh") else Language.EN
