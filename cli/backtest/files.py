"""The lines that a backtest reads, and the files that it writes."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import IO, NamedTuple, Protocol, Self

import msgspec
from msgspec import Struct

from handlers import outputs
from handlers.outputs import Output
from handlers.reasons import ERASED_CUSTOMER, Rejection
from streams.kafka.dead_letter import first_bytes, original_of

DEAD_LETTERS = "dead-letters"
FILES = {
    outputs.TIER_CHANGES: "tier-changes.jsonl",
    outputs.DORMANCY_ALERTS: "dormancy-alerts.jsonl",
    outputs.CARE_REMINDERS: "care-reminders.jsonl",
    outputs.PROFILE_CHANGES: "profile-changes.jsonl",
    outputs.CUSTOMER_PROFILES: "customer-profiles.jsonl",
    DEAD_LETTERS: "dead-letters.jsonl",
}
"""The files by topic."""


class Line(NamedTuple):
    """A line of the input, with its number from 1."""

    number: int
    raw: bytes


class DeadLetterLine(Struct, frozen=True, omit_defaults=True):
    """A line of `dead-letters.jsonl`; size and digest only where `raw` is not the whole line.

    Where no record, but what follows from one could not be done, `raw` is null and `customer_id`
    says for whom.
    """

    reason: str
    event_id: str | None
    line: int
    detail: str
    raw: str | None
    original_size: int | None = None
    original_sha256: str | None = None
    customer_id: str | None = None


class Outputs(Protocol):
    """What takes the outputs of a backtest."""

    def write(self, output: Output) -> None:
        """Take an output as it would go to its topic."""

    def write_dead_letter(
        self, line: Line, rejection: Rejection, customer_id: str | None = None
    ) -> None:
        """Take a dead letter of a line, or of what follows from it for a customer."""


class NoFiles:
    """Takes the outputs of a backtest whose state is all that is wanted."""

    def write(self, output: Output) -> None:
        """Nothing is kept."""

    def write_dead_letter(
        self, line: Line, rejection: Rejection, customer_id: str | None = None
    ) -> None:
        """Nothing is kept."""


class OutputFiles:
    """The files of a backtest, one a topic, and one for dead letters."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._files: dict[str, IO[bytes]] = {}

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        for topic, name in FILES.items():
            file = (self._folder / name).open("wb", buffering=1 << 20)
            self._files[topic] = self._stack.enter_context(file)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def write(self, output: Output) -> None:
        """Write an output as it would go to its topic."""
        if output.value is not None:
            self.append(output.topic, output.value + b"\n")

    def append(self, topic: str, line: bytes) -> None:
        """Append a line as it stands."""
        self._files[topic].write(line)

    def write_dead_letter(
        self, line: Line, rejection: Rejection, customer_id: str | None = None
    ) -> None:
        """Write a dead letter, with as much as one on Kafka has; nothing of an erased customer.

        Args:
            line: the record.
            rejection: why.
            customer_id: of whom something could not be done that followed from the record.
        """
        self.append(DEAD_LETTERS, dead_letter_line(line, rejection, customer_id) + b"\n")


def dead_letter_line(line: Line, rejection: Rejection, customer_id: str | None) -> bytes:
    """A dead letter with as much as one on Kafka has; nothing of an erased customer."""
    raw, size, sha256 = None, None, None
    if rejection.reason != ERASED_CUSTOMER and customer_id is None:
        _, first = first_bytes(None, line.raw)
        raw = (first or b"").decode("utf-8", "backslashreplace")
        if first != line.raw:
            size, sha256 = original_of(None, line.raw)
    letter = DeadLetterLine(
        rejection.reason,
        rejection.event_id,
        line.number,
        rejection.detail,
        raw,
        size,
        sha256,
        customer_id,
    )
    return msgspec.json.encode(letter)
