"""Rates and latencies over the last seconds, from readings of counters."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from cli.top.poll import Answer, Figures
from cli.top.reading import Reading

_SAMPLES = 16


@dataclass(slots=True)
class Watched:
    """All that was answered so far.

    Attributes:
        answers: the newest of each process.
        figures: the newest of the API; None if it is not asked.
    """

    answers: list[Answer] = field(default_factory=list)
    figures: Figures | None = None
    _history: dict[str, deque[tuple[float, Reading]]] = field(default_factory=dict)

    def note(self, seconds: float, answers: list[Answer], figures: Figures | None) -> None:
        """Take over the answers of one instant, in seconds of any clock that never goes back."""
        self.answers, self.figures = answers, figures
        for answer in answers:
            history = self._history.setdefault(answer.address, deque(maxlen=_SAMPLES))
            if answer.reading is None:
                history.clear()
            elif history and answer.reading.events < history[-1][1].events:
                history.clear()  # it was started anew, and counts from zero
            if answer.reading is not None:
                history.append((seconds, answer.reading))

    @property
    def readings(self) -> list[Reading]:
        """The newest of every process that answers."""
        return [answer.reading for answer in self.answers if answer.reading is not None]

    def rate(self, counter: str, addresses: Iterable[str] | None = None) -> float | None:
        """How much a counter rises in a second, over these processes (all without any).

        None before two readings of a process.
        """
        rates = []
        for address in self._history if addresses is None else addresses:
            span = self._span(address)
            if span is not None:
                seconds, first, last = span
                rates.append((getattr(last, counter) - getattr(first, counter)) / seconds)
        return sum(rates) if rates else None

    def delay_s(self, share: float) -> float | None:
        """The time from an event to its effect that so large a share does not exceed.

        It is a bound of a bucket, infinite beyond the last; None without events in these seconds.
        """
        delays: Counter[float] = Counter()
        for address in self._history:
            span = self._span(address)
            if span is not None:
                for bound, count in span[2].delays.items():
                    delays[bound] += count - span[1].delays[bound]
        total = max(delays.values(), default=0)
        if not total:
            return None
        return min(bound for bound, count in delays.items() if count >= share * total)

    def _span(self, address: str) -> tuple[float, Reading, Reading] | None:
        """The seconds between the oldest reading kept and the newest, and both."""
        history = self._history[address]
        if len(history) < 2 or history[-1][0] <= history[0][0]:
            return None
        return history[-1][0] - history[0][0], history[0][1], history[-1][1]
