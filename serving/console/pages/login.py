"""Logging in by token, out again, and choosing language and theme."""

from __future__ import annotations

from urllib.parse import quote

from nicegui import app, ui
from starlette.requests import Request
from starlette.responses import RedirectResponse

from serving.console import marks
from serving.console.client import ApiClient, ApiProblem
from serving.console.frame import frame
from serving.console.known_policy import PolicyWords
from serving.console.panel import reason_of
from serving.console.sessions import SESSION_S
from serving.console.site import Site
from serving.console.visitor import (
    BASE,
    LANGUAGE_COOKIE,
    SESSION_COOKIE,
    THEME_COOKIE,
    THEMES,
    Visitor,
    visitor_of,
)
from words import LANGUAGES

_CHOICE_S = 365 * 24 * 3_600
_TOKEN_MAX_CHARS = 512


def add(site: Site) -> None:
    """Register the page and the requests that set cookies."""

    @ui.page("/login")
    async def login(request: Request, to: str = "/") -> None:
        _login_page(site, visitor_of(site, request), own_path(to))

    @app.get("/enter")
    async def enter(request: Request, ticket: str, to: str = "/") -> RedirectResponse:
        key = site.sessions.enter(ticket)
        answer = RedirectResponse(f"{BASE}{own_path(to)}", 303)
        if key is not None:
            _set_cookie(answer, request, SESSION_COOKIE, key, SESSION_S)
        return answer

    @app.get("/leave")
    async def leave(request: Request) -> RedirectResponse:
        site.sessions.leave(request.cookies.get(SESSION_COOKIE))
        answer = RedirectResponse(f"{BASE}/login", 303)
        answer.delete_cookie(SESSION_COOKIE, path=BASE)
        return answer

    @app.get("/choose")
    async def choose(
        request: Request, language: str = "", theme: str = "", to: str = "/"
    ) -> RedirectResponse:
        answer = RedirectResponse(f"{BASE}{own_path(to)}", 303)
        if language in LANGUAGES:
            _set_cookie(answer, request, LANGUAGE_COOKIE, language, _CHOICE_S)
        if theme in THEMES:
            _set_cookie(answer, request, THEME_COOKIE, theme, _CHOICE_S)
        return answer


def own_path(path: str) -> str:
    """A path of the console to go back to; its first page for anything else."""
    is_own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_own else "/"


def _set_cookie(
    answer: RedirectResponse, request: Request, name: str, value: str, seconds: float
) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=round(seconds),
        path=BASE,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def _login_page(site: Site, visitor: Visitor, to: str) -> None:
    words = visitor.words
    with (
        frame(visitor, words.say("Log in"), here=None),
        ui.element("section").classes("panel login"),
    ):
        ui.label(words.say("Paste the token that you were given. It stays on the server."))
        token = ui.input(label=words.say("Token"), password=True).props("outlined autofocus")
        token.props(f'maxlength={_TOKEN_MAX_CHARS} autocomplete="current-password"')
        problem = ui.label("").classes("message error").props('role="alert"')
        problem.visible = False

        async def enter() -> None:
            refusal = await _refusal(site, visitor, token.value.strip(), words)
            problem.text, problem.visible = refusal or "", refusal is not None
            if refusal is None:
                ticket = site.sessions.ticket(token.value.strip())
                marks.go(f"{BASE}/enter?ticket={ticket}&to={quote(to, safe='')}")

        token.on("keydown.enter", enter)
        ui.button(words.say("Log in"), on_click=enter).props("unelevated no-caps")


async def _refusal(site: Site, visitor: Visitor, token: str, words: PolicyWords) -> str | None:
    """Why a token is of no use here; None if it may read."""
    if not (token.isascii() and token.isprintable() and token):
        return words.say("This token is not valid.")
    try:
        await ApiClient(site.api, token, visitor.address).get("/v1/figures")
    except ApiProblem as refused:
        if refused.status == 401:
            return words.say("This token is not valid.")
        if refused.status < 500:
            return reason_of(refused, words)
    return None
