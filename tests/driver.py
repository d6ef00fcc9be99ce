"""Runs records through the product's pure core and returns what came out, as plain values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from cli.backtest.files import Line
from cli.backtest.report import Report
from cli.backtest.run import Backtest, BacktestOptions
from config.policy_file import check_policy
from handlers import outputs
from handlers.control_records import Mode, PolicyActivated
from handlers.decode.decode import ANY_TIME, Limits
from handlers.outputs import Output
from handlers.partition import Partition
from handlers.reasons import Rejection
from handlers.state.customer import Customer
from handlers.state.formats import FIRST
from scoring.policy import Policy
from tests.builders import to_ms
from tests.support.restarts import RestartedBacktest

DEFAULT_LATENESS_MS = 300_000


@dataclass
class Collected:
    """Takes outputs where a backtest would write files."""

    outputs: list[Output] = field(default_factory=list)
    dead_letters: list[dict[str, Any]] = field(default_factory=list)

    def write(self, output: Output) -> None:
        self.outputs.append(output)

    def write_dead_letter(
        self, line: Line, rejection: Rejection, customer_id: str | None = None
    ) -> None:
        letter = {
            "reason": rejection.reason,
            "event_id": rejection.event_id,
            "line": line.number,
        }
        if customer_id is not None:
            letter["customer_id"] = customer_id
        self.dead_letters.append(letter)


@dataclass
class Run:
    """What came out of a run."""

    report: Report
    collected: Collected

    def records(self, topic: str) -> list[dict[str, Any]]:
        """The records of a topic as `{"id": ..., "type": ..., **data}`."""
        found = []
        for output in self.collected.outputs:
            if output.topic == topic and output.value is not None:
                record = json.loads(output.value)
                found.append({"id": record["id"], "type": record["type"], **record["data"]})
        return found

    @property
    def tier_changes(self) -> list[dict[str, Any]]:
        return self.records(outputs.TIER_CHANGES)

    @property
    def dormancy_alerts(self) -> list[dict[str, Any]]:
        return self.records(outputs.DORMANCY_ALERTS)

    @property
    def care_reminders(self) -> list[dict[str, Any]]:
        return self.records(outputs.CARE_REMINDERS)

    @property
    def profile_changes(self) -> list[dict[str, Any]]:
        return self.records(outputs.PROFILE_CHANGES)

    @property
    def profiles(self) -> dict[str, dict[str, Any]]:
        return {p["customer_id"]: p for p in self.records(outputs.CUSTOMER_PROFILES)}


def run(
    lines: Sequence[bytes],
    policy: dict[str, Any] | None = None,
    *,
    lateness_ms: int = DEFAULT_LATENESS_MS,
    until_ms: int | None = None,
    limits: Limits | None = None,
    live_from_ms: int | None = None,
    restarts: Random | None = None,
) -> Run:
    """Runs lines as `tierstream backtest` does, with a policy given as parsed TOML.

    With `restarts` the partition ends at random records, and goes on from its packed state.
    """
    options = BacktestOptions(
        policy=check_policy(policy or {}),
        app_id="tierstream",
        allowed_lateness_ms=lateness_ms,
        limits=limits or Limits(),
        until_ms=until_ms,
        live_from_ms=live_from_ms,
    )
    collected = Collected()
    backtest = (
        Backtest(options, collected)
        if restarts is None
        else RestartedBacktest(options, collected, restarts)
    )
    numbered = (Line(number, raw) for number, raw in enumerate(lines, 1))
    return Run(backtest.run(numbered, lambda _: None), collected)


class Driver:
    """One partition. `outputs` and `dead_letters` gather everything since the beginning.

    An output is the `data` of its envelope and, beside it, `topic` and the envelope's `id`, `type`,
    `source`, `subject` and `time`.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        mode: Mode = "replay",
        lateness_ms: int = DEFAULT_LATENESS_MS,
        limits: Limits = ANY_TIME,
        app_id: str = "tierstream",
        format_number: int = FIRST,
        live_from: str | None = None,
    ) -> None:
        self.partition = Partition()
        self.live_from = live_from
        """As the next policy's record has it."""
        self._format = format_number
        self.outputs: list[dict[str, Any]] = []
        self.dead_letters: list[Rejection] = []
        self._settings: tuple[Mode, int, str] = mode, lateness_ms, app_id
        self._limits = limits
        self._position = 0
        self.activate(policy or Policy(), "first policy")

    def feed(self, *lines: bytes) -> list[dict[str, Any]]:
        """Take events in turn; what they put out."""
        for line in lines:
            event = self.partition.admit(line, None, self._limits)
            if isinstance(event, Rejection):
                self.dead_letters.append(event)
                continue
            verdict = self.partition.apply(self._next(), event)
            if isinstance(verdict, Rejection):
                self.dead_letters.append(verdict)
        return self._collect()

    def reject(self, line: bytes) -> str | None:
        """Take one event; the reason why it became a dead letter, None if it did not."""
        before = len(self.dead_letters)
        self.feed(line)
        return self.dead_letters[-1].reason if len(self.dead_letters) > before else None

    def tick(self, at: str) -> list[dict[str, Any]]:
        """Take a `clock.tick`; what it put out."""
        self.partition.tick(self._next(), to_ms(at))
        return self._collect()

    def activate(
        self,
        policy: Policy,
        event_id: str = "next policy",
        at_a_time: int | None = None,
        format_number: int | None = None,
        *,
        quiet: bool = False,
    ) -> list[dict[str, Any]]:
        """Take a `policy.activated`, with which the format may rise; what it put out."""
        self._format = format_number or self._format
        mode, lateness_ms, app_id = self._settings
        record = PolicyActivated(
            event_id,
            app_id,
            mode,
            lateness_ms,
            policy,
            at_a_time=at_a_time,
            format=self._format,
            live_from_ms=None if self.live_from is None else to_ms(self.live_from),
            quiet=quiet,
        )
        self.partition.activate(self._next(), record)
        return self._collect()

    def raise_format(self, number: int) -> None:
        """Go on in a newer format, as by a policy record that brings it."""
        self._format = number
        policy = self.partition.meta.policy
        assert policy is not None
        self.activate(policy, "the same policy in a newer format")

    def pass_to(self, at: str) -> list[dict[str, Any]]:
        """Let time pass up to an instant, itself included, without an event; what was due."""
        self.partition.finish(self._next(), to_ms(at))
        return self._collect()

    def state(self, customer_id: str = "ana") -> Customer:
        """The state kept of a customer."""
        found = self.partition.store.get(customer_id)
        assert found is not None, f"{customer_id} is unknown"
        return found

    def profile(self, customer_id: str = "ana") -> dict[str, Any]:
        """The `data` of the customer's profile, as of the customer's clock."""
        output = self.partition.profile(customer_id)
        assert output is not None, f"{customer_id} is unknown"
        return view(output)

    def pack(self) -> None:
        """Write what changed, as a flush of the worker does."""
        self.partition.store.pack_changed(1, self.partition.meta.format)
        self.partition.meta.applied = self._position

    @property
    def duplicates(self) -> int:
        """How many events were told again."""
        return self.partition.context.tally.duplicates.total()

    @property
    def accepted(self) -> int:
        """How many events were accepted."""
        return self.partition.context.tally.accepted.total()

    @property
    def unmatched(self) -> int:
        """How many changes were given up because their order never came."""
        return self.partition.context.tally.unmatched

    def _next(self) -> int:
        self._position += 1
        return self._position

    def _collect(self) -> list[dict[str, Any]]:
        outbox = self.partition.context.outbox
        found = [view(output) for output in outbox]
        outbox.clear()
        self.outputs += found
        return found


def view(output: Output) -> dict[str, Any]:
    """An output as one flat dictionary."""
    assert output.value is not None, "a tombstone has no content"
    envelope = json.loads(output.value)
    names = ("id", "type", "source", "subject", "time")
    return {"topic": output.topic, **{n: envelope[n] for n in names}, **envelope["data"]}


def pick(outputs: list[dict[str, Any]], *names: str) -> list[Any]:
    """Some fields of each output, or one field as it is."""
    if len(names) == 1:
        return [output[names[0]] for output in outputs]
    return [tuple(output[name] for name in names) for output in outputs]
