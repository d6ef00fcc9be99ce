"""Compares the clock of this machine with those of the brokers, as workers do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cli.doctor import Finding
from config.settings import Settings
from streams.checked_clock import in_words
from streams.kafka.clock_probe import ClockProbe, Reading
from streams.kafka.topics import TopicsUnusable


async def clock_finding(settings: Settings) -> Finding:
    """How far the clock is from the brokers'; a fault where a worker here would not start.

    It writes an empty record to each broker.
    """
    probe = ClockProbe(settings)
    try:
        await probe.start()
        await probe.ask()  # the first answer waits for connections
        readings = await probe.ask()
    except TopicsUnusable as error:
        what, _, remedy = str(error).partition("; ")
        return Finding(what, remedy)
    finally:
        await probe.stop()
    if readings is None:
        return Finding("clock: these brokers do not tell their time, so nobody compares it")
    if not readings:
        return Finding("clock: no broker has told its time", "look at the brokers")
    return judged(readings, settings)


def judged(readings: Sequence[Reading], settings: Settings) -> Finding:
    """What the answers of the brokers, at least one, say about the clock."""
    limit = settings.max_clock_error
    wrong = [one for one in readings if abs(one.surely_ahead_ms) > limit.ms]
    told = ", ".join(_told(readings))
    if not wrong:
        return Finding(f"clock of this machine: {told}")
    if 2 * len(wrong) > len(readings):
        return Finding(
            f"the clock of this machine is {told}, more than TIERSTREAM_MAX_CLOCK_ERROR={limit}, "
            "so no worker starts here",
            "set the clock of this machine; if it is right, those of the brokers",
        )
    names = ", ".join(str(one.broker) for one in wrong)
    return Finding(
        f"the clocks of the brokers differ: this machine's is {told}",
        f"set the clock of broker {names}",
    )


def _told(readings: Sequence[Reading]) -> Iterator[str]:
    for one in sorted(readings):
        yield f"{in_words(one.ahead_ms)} broker {one.broker}"
