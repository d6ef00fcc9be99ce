"""Which input partitions the ingest may take records from: those without too many bad ones."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from faust.types import TP

from config.field_checks import parse_breaker_pass
from config.settings import Settings, SettingsError
from streams.faust_app import StreamApp
from streams.ingest.breaker import Bounds, Breaker, Trip
from streams.kafka.topics import INPUTS, topic_name
from streams.runtime.metrics import Metrics

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Stop:
    """A partition that is stopped.

    Attributes:
        generation: of the consumer group, in which the consumer was told; None as long as it was
            not, because what came before the trip is not durable yet.
    """

    trip: Trip
    generation: int | None = None


class IngestGuard:
    """A breaker for each input partition, and what follows when one trips.

    A stop lasts until the process ends, or until the partition comes back from another worker that
    let it pass.

    Raises:
        SettingsError: a pass names a topic that is no input.
    """

    def __init__(self, app: StreamApp, settings: Settings, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._bounds = bounds_of(settings)
        self._passes = passes_of(settings)
        self._breakers: dict[TP, Breaker] = {}
        self._stops: dict[TP, _Stop] = {}
        self._tripped: list[TP] = []
        self._shown: set[TP] = set()

    @property
    def stopped(self) -> Collection[TP]:
        """The partitions nothing is taken from."""
        return self._stops.keys()

    @property
    def has_tripped(self) -> bool:
        """Whether there are partitions for `stop`."""
        return bool(self._tripped)

    def breaker(self, tp: TP) -> Breaker:
        """The one of a partition; its `taken` is raised for each good record."""
        found = self._breakers.get(tp)
        if found is None:
            found = self._breakers[tp] = Breaker(self._bounds)
        return found

    def trips(self, tp: TP, offset: int, reason: str) -> bool:
        """Count a bad record of a partition; whether that stops it, before this very record."""
        if offset < self._passes.get(tp, 0):
            return False
        trip = self.breaker(tp).bad(offset, reason)
        if trip is None:
            return False
        self._stops[tp] = _Stop(trip)
        self._tripped.append(tp)
        return True

    def admits(self, tp: TP, first_offset: int) -> bool:
        """Whether a batch may be taken. One of a stopped partition is given back."""
        stop = self._stops.get(tp)
        if stop is None:
            return True
        if stop.generation is None:
            return False  # `stop` gives it back
        if stop.generation != self._app.generation and first_offset > stop.trip.offset:
            _log.info("ingest of %s/%s goes on at offset %s", *tp, first_offset)
            del self._stops[tp], self._breakers[tp]
            return True
        self._make(tp, stop)
        return False

    def take_tripped(self) -> list[TP]:
        """The partitions whose breaker has tripped since the last call, for `stop`."""
        tripped, self._tripped = self._tripped, []
        return tripped

    def stop(self, tripped: Iterable[TP]) -> None:
        """Stop partitions whose breaker has tripped; all before that is durable by now."""
        for tp in tripped:
            stop = self._stops[tp]
            self._make(tp, stop)
            self._metrics.ingest_stops.labels(tp.topic, str(tp.partition)).inc()
            _log.error("%s", _told(tp, stop.trip))

    def show(self) -> None:
        """Show which partitions of this worker are stopped."""
        if not self._stops and not self._shown:
            return
        made = {tp for tp, stop in self._stops.items() if stop.generation is not None}
        stopped = made & self._app.batch_consumer.assignment()
        for tp in stopped - self._shown:
            self._metrics.ingest_stopped.labels(tp.topic, str(tp.partition)).set(1)
        for tp in self._shown - stopped:
            self._metrics.forget_stop(tp.topic, tp.partition)
        self._shown = stopped

    def _make(self, tp: TP, stop: _Stop) -> None:
        stop.generation = self._app.generation
        self._app.batch_consumer.stop_partition(tp, stop.trip.offset)


def bounds_of(settings: Settings) -> Bounds:
    """The bounds that the settings name."""
    share = settings.breaker_share
    window = settings.breaker_window
    return Bounds(settings.breaker_in_a_row or None, int(share * window) if share else None, window)


def passes_of(settings: Settings) -> Mapping[TP, int]:
    """The offsets before which bad records do not count; topics with or without the prefix.

    Raises:
        SettingsError: a topic is no input.
    """
    full_names = {name: topic_name(settings, name) for name in INPUTS}
    full_names |= {name: name for name in full_names.values()}
    passes: dict[TP, int] = {}
    for one in parse_breaker_pass(settings.breaker_pass):
        if one.topic not in full_names:
            raise SettingsError(
                f"TIERSTREAM_BREAKER_PASS={settings.breaker_pass}: {one.topic} is no input topic, "
                f"they are {', '.join(INPUTS)}"
            )
        passes[TP(full_names[one.topic], one.partition)] = one.offset
    return passes


def _told(tp: TP, trip: Trip) -> str:
    """What an operator must know, in one line."""
    place = f"{tp.topic}/{tp.partition}"
    reasons = ", ".join(f"{reason} {count}" for reason, count in trip.reasons.most_common())
    return (
        f"ingest of {place} is stopped before offset {trip.offset}: {trip.bound}; they begin at "
        f"offset {trip.first_offset}: {reasons}. What came before is forwarded or a dead letter, "
        "the rest waits in the topic, other partitions go on. Mend what writes there, then restart "
        f"the workers with TIERSTREAM_BREAKER_PASS={place}@END, where END is the offset at which "
        "the good records begin"
    )
