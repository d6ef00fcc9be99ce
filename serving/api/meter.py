"""What the API tells about its work; whoever runs it turns that into metrics."""

from __future__ import annotations


class ApiMeter:
    """Hears of everything and does nothing."""

    def answered(self, route: str, status: int, seconds: float) -> None:
        """A request to a route (its template, never a path with an id) was answered."""

    def streams(self, open_now: int) -> None:
        """So many streams of changes are open."""

    def streamed(self, topic: str, events: int) -> None:
        """Events of a topic were sent to a stream."""

    def cut(self, reason: str) -> None:
        """A stream was ended from this side."""
