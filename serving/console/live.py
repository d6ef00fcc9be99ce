"""The newest changes and alerts, as they happen."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Any

from nicegui import background_tasks, ui

from serving.console import marks
from serving.console.client import ApiProblem
from serving.console.panel import reason_of
from serving.console.sentences import caution, told
from serving.console.visitor import Visitor

_SHOWN = 40
_SINCE = "15m"
_TOPICS = ("tier-changes", "dormancy-alerts")
_DRAW_S = 1.0


def live_feed(visitor: Visitor, *, width: str) -> None:
    """A card with the newest changes; it ends with the page."""
    words = visitor.words
    with ui.element("section").classes(f"panel {width}"):
        with ui.element("header"):
            with ui.element("h2"):
                ui.label(words.say("Happening now"))
            state = ui.label(words.say("connecting …")).classes("as-of").props('role="status"')
        body = ui.element("div").classes("feed").props("tabindex=0")
    events: deque[dict[str, Any]] = deque(maxlen=_SHOWN)
    changed = asyncio.Event()

    async def follow() -> None:
        try:
            async for event in visitor.feed.events(topic=_TOPICS, since=_SINCE):
                events.appendleft(event)
                changed.set()
        except ApiProblem as problem:
            state.text = reason_of(problem, words)
            state.classes("stale")

    def draw() -> None:
        if changed.is_set():
            changed.clear()
            body.clear()
            with body:
                for event in events:
                    _entry(event, visitor)

    async def start() -> None:
        await ui.context.client.connected()
        state.text = words.say("live")
        task = background_tasks.create(follow(), name="live feed")
        with contextlib.suppress(asyncio.CancelledError):
            await ui.context.client.disconnected()
        task.cancel()

    ui.timer(_DRAW_S, draw)
    ui.timer(0, start, once=True)
    with body:
        ui.label(words.say("Changes of the last minutes appear here.")).classes("message")


def _entry(event: dict[str, Any], visitor: Visitor) -> None:
    words, data = visitor.words, event["data"]
    with ui.element("div").classes("entry"):
        ui.label(words.moment(data["effective_at"])).classes("when")
        with ui.element("div").classes("what"):
            link = marks.customer_link(data["customer_id"])
            marks.anchor(link.text, link.target)
            ui.label(told(event["type"], data, words))
            why = caution(data, words)
            if why:
                ui.label(why).classes("why")
