"""Which input partitions are stopped, because too many of their records are bad."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from faust.types import TP

from config.field_checks import parse_breaker_exemptions
from config.settings import Settings, SettingsError
from streams.faust_app import StreamApp
from streams.ingest.breaker import Bounds, Breaker, Trip
from streams.kafka.topics import INPUT_TOPICS, topic_name
from streams.runtime.metrics import Metrics

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Stop:
    """A partition that is stopped.

    Attributes:
        generation: of the consumer group in which reading was stopped; None until then, because
            what came before the trip is not durable yet.
    """

    trip: Trip
    generation: int | None = None


class PartitionStops:
    """The breakers of all input partitions, and the partitions that a breaker has stopped.

    A stop lasts until the process ends, or until the partition comes back from another worker that
    read on.

    Raises:
        SettingsError: `breaker_pass` names a topic that is no input.
    """

    def __init__(self, app: StreamApp, settings: Settings, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._bounds = bounds_of(settings)
        self._exempt_before = exemptions_of(settings)
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

    @property
    def changes_by_itself(self) -> bool:
        """Whether what `show` shows may change though no record comes: by a rebalance."""
        return bool(self._stops or self._shown)

    def breaker(self, tp: TP) -> Breaker:
        """The breaker of a partition; whoever takes a good record raises its `taken`."""
        found = self._breakers.get(tp)
        if found is None:
            found = self._breakers[tp] = Breaker(self._bounds)
        return found

    def trips(self, tp: TP, offset: int, reason: str) -> bool:
        """Count a bad record; whether it trips the breaker. Then the record itself is not taken."""
        if offset < self._exempt_before.get(tp, 0):
            return False
        trip = self.breaker(tp).bad(offset, reason)
        if trip is None:
            return False
        self._stops[tp] = _Stop(trip)
        self._tripped.append(tp)
        return True

    def admits(self, tp: TP, first_offset: int) -> bool:
        """Whether a batch may be taken; one of a stopped partition is given back to Kafka."""
        stop = self._stops.get(tp)
        if stop is None:
            return True
        if stop.generation is None:
            return False  # `stop` gives it back
        if stop.generation != self._app.generation and first_offset > stop.trip.offset:
            _log.info("ingest of %s/%s goes on at offset %s", *tp, first_offset)
            del self._stops[tp], self._breakers[tp]
            return True
        self._stop_reading(tp, stop)
        return False

    def take_tripped(self) -> list[TP]:
        """The partitions whose breaker has tripped since the last call, for `stop`."""
        tripped, self._tripped = self._tripped, []
        return tripped

    def stop(self, tripped: Iterable[TP]) -> None:
        """Stop partitions whose breaker has tripped; what came before is durable by now."""
        for tp in tripped:
            stop = self._stops[tp]
            self._stop_reading(tp, stop)
            self._metrics.ingest_stops.labels(tp.topic, str(tp.partition)).inc()
            _log.error("%s", _stop_message(tp, stop.trip))

    def show(self) -> None:
        """Set the metric of the stopped partitions of this worker."""
        if not self._stops and not self._shown:
            return
        made = {tp for tp, stop in self._stops.items() if stop.generation is not None}
        stopped = made & self._app.batch_consumer.assignment()
        for tp in stopped - self._shown:
            self._metrics.ingest_stopped.labels(tp.topic, str(tp.partition)).set(1)
        for tp in self._shown - stopped:
            self._metrics.forget_stop(tp.topic, tp.partition)
        self._shown = stopped

    def _stop_reading(self, tp: TP, stop: _Stop) -> None:
        stop.generation = self._app.generation
        self._app.batch_consumer.stop_partition(tp, stop.trip.offset)


def bounds_of(settings: Settings) -> Bounds:
    """The bounds that the settings name."""
    share = settings.breaker_share
    window = settings.breaker_window
    return Bounds(settings.breaker_in_a_row or None, int(share * window) if share else None, window)


def exemptions_of(settings: Settings) -> Mapping[TP, int]:
    """The offsets before which bad records do not count, from the setting `breaker_pass`.

    It names topics with or without the prefix.

    Raises:
        SettingsError: a topic is no input.
    """
    full_names: dict[str, str] = {name: topic_name(settings, name) for name in INPUT_TOPICS}
    full_names |= {name: name for name in full_names.values()}
    exempt_before: dict[TP, int] = {}
    for one in parse_breaker_exemptions(settings.breaker_pass):
        if one.topic not in full_names:
            raise SettingsError(
                f"TIERSTREAM_BREAKER_PASS={settings.breaker_pass}: {one.topic} is no input topic, "
                f"they are {', '.join(INPUT_TOPICS)}"
            )
        exempt_before[TP(full_names[one.topic], one.partition)] = one.offset
    return exempt_before


def _stop_message(tp: TP, trip: Trip) -> str:
    """What happened and what to do, in one line."""
    place = f"{tp.topic}/{tp.partition}"
    reasons = ", ".join(f"{reason} {count}" for reason, count in trip.reasons.most_common())
    return (
        f"ingest of {place} is stopped before offset {trip.offset}: {trip.bound}; they begin at "
        f"offset {trip.first_offset}: {reasons}. What came before is forwarded or a dead letter, "
        "the rest waits in the topic, other partitions go on. Mend what writes there, then restart "
        f"the workers with TIERSTREAM_BREAKER_PASS={place}@END, where END is the offset at which "
        "the good records begin"
    )
