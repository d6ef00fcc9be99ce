"""A panel of a page: it loads its data from the API, and says so while it has none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from nicegui import ui

from serving.console import marks
from serving.console.client import ApiProblem
from serving.console.visitor import BASE, Visitor
from words import Words

_log = structlog.get_logger(__name__)

Load = Callable[[], Awaitable[Any]]
Draw = Callable[[Any], None]


class Panel:
    """A card with a title.

    It shows that it loads, then what was loaded, that there is nothing, or why it cannot load. When
    a later load fails, what was there stays, marked as old.

    Args:
        visitor: who looks.
        title: of the card.
        load: gets the data from the API.
        draw: makes elements of the data, in the card.
        note: a sentence below the title.
        width: of `full`, `two-thirds`, `half`, `third`.
        is_empty: tells data with nothing in it.
        tall: whether to keep the place of a chart while it loads.
    """

    def __init__(  # noqa: PLR0913 - the options of a card
        self,
        visitor: Visitor,
        title: str,
        load: Load,
        draw: Draw,
        *,
        note: str = "",
        width: str = "full",
        is_empty: Callable[[Any], bool] = lambda data: not data,
        tall: bool = True,
    ) -> None:
        self._visitor = visitor
        self._load = load
        self._draw = draw
        self._is_empty = is_empty
        self._has_data = False
        with (
            ui.element("section").classes(f"panel {width}").props('aria-busy="true"') as self._card
        ):
            with ui.element("header"):
                with ui.element("h2"):
                    ui.label(title)
                self._as_of = ui.label("").classes("as-of")
            if note:
                ui.label(note).classes("note")
            self._body = ui.element("div").classes("panel-body tall" if tall else "panel-body")
        with self._body:
            _message(visitor.words.say("Loading …"), "loading")

    async def refresh(self) -> None:
        """Load and draw; never raises what the API answers."""
        try:
            data = await self._load()
        except ApiProblem as problem:
            self._failed(problem)
            return
        self._has_data = True
        self._body.clear()
        self._body.classes(remove="tall")
        with self._body:
            self._show(data)
        self._as_of.text = as_of(self._visitor.words)
        self._as_of.classes(remove="stale")
        self._card.props('aria-busy="false"')

    def _show(self, data: Any) -> None:
        if self._is_empty(data):
            _message(self._visitor.words.say("There is nothing here yet."), "empty")
            return
        try:
            self._draw(data)
        except Exception:  # a bug, of this panel alone
            _log.exception("a panel cannot be drawn")
            _message(self._visitor.words.say("This cannot be shown; the log says why."), "error")

    def _failed(self, problem: ApiProblem) -> None:
        if problem.status == 401:
            with self._card:  # panels load in tasks of their own, which know no page
                marks.go(f"{BASE}/login")
            return
        self._card.props('aria-busy="false"')
        if self._has_data:
            words = self._visitor.words
            self._as_of.text = words.say("old: {time}", time=self._as_of.text)
            self._as_of.classes("stale")
            return
        self._body.clear()
        with self._body:
            _message(reason_of(problem, self._visitor.words), "error")


class Panels:
    """The panels of one page.

    Args:
        visitor: who looks.
    """

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._panels: list[Panel] = []

    def add(self, title: str, load: Load, draw: Draw, **options: Any) -> Panel:
        """A further panel, as `Panel`."""
        panel = Panel(self._visitor, title, load, draw, **options)
        self._panels.append(panel)
        return panel

    async def refresh(self) -> None:
        """Load all of them."""
        await asyncio.gather(*(panel.refresh() for panel in self._panels))


def reason_of(problem: ApiProblem, words: Words) -> str:
    """Why the API did not answer, for a reader."""
    reasons = {
        "not-allowed": words.say("Your token may not see this."),
        "no-view": words.say("There is no view yet; the projector fills it."),
        "view-unavailable": words.say("The view does not answer just now. Nothing is lost."),
        "kafka-unavailable": words.say("Kafka does not answer just now. Nothing is lost."),
        "too-many-requests": words.say("Too many requests at once. Try again in a moment."),
        "too-many-streams": words.say("Too many live views are open. Try again later."),
        "too-busy": words.say("Too many requests at once. Try again in a moment."),
        "too-slow": words.say("The answer took too long. Try again later."),
        "unknown-customer": words.say("There is no such customer."),
    }
    found = reasons.get(problem.kind)
    return found or words.say("The answer was refused: {reason}", reason=problem.detail)


def as_of(words: Words) -> str:
    """That something holds as of now."""
    return words.say("as of {time}", time=f"{datetime.now(UTC):%H:%M:%S} UTC")


def _message(text: str, kind: str) -> None:
    role = "alert" if kind == "error" else "status"
    with ui.element("div").classes(f"message {kind}").props(f'role="{role}"'):
        ui.label(text)
