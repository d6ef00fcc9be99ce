"""The API's measurements, as metrics of the process."""

from __future__ import annotations

from typing_extensions import override

from streams.runtime.metrics import Metrics


class ApiMeter:
    """Receives the API's measurements and drops them; override what is to be shown."""

    def answered(self, route: str, status: int, seconds: float) -> None:
        """A request to a route (its template, never a path with an id) was answered."""

    def streams(self, open_now: int) -> None:
        """The number of open streams of changes."""

    def streamed(self, topic: str, events: int) -> None:
        """Events of a topic were sent to a stream."""

    def cut(self, reason: str) -> None:
        """The server ended a stream."""


class ApiMetricsMeter(ApiMeter):
    """Records the API's measurements in the metrics of the process."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    @override
    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer, and how long it took."""
        self._metrics.api_requests.labels(route, str(status)).inc()
        self._metrics.api_request_duration_seconds.labels(route).observe(seconds)

    @override
    def streams(self, open_now: int) -> None:
        """Show how many streams are open."""
        self._metrics.api_streams.set(open_now)

    @override
    def streamed(self, topic: str, events: int) -> None:
        """Count events that were sent."""
        self._metrics.api_streamed_events.labels(topic).inc(events)

    @override
    def cut(self, reason: str) -> None:
        """Count a stream that was ended."""
        self._metrics.api_streams_cut.labels(reason).inc()
