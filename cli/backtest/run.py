"""Runs a file of events through the same rules as the worker, without a broker."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

import msgspec
from msgspec import Struct

from cli.backtest.files import Line, Outputs
from cli.backtest.report import Report
from cli.backtest.usual import usual_event
from handlers.control_records import (
    CLOCK_TICK,
    POLICY_ACTIVATED,
    PolicyActivated,
    UnreadableControl,
    decode_control,
    is_control,
)
from handlers.decode.decode import IN_THE_LOG, Limits, names_type
from handlers.events import Event
from handlers.merge.forwarding import (
    FOLLOWED,
    NO_EVENT,
    TRANSFERRED,
    Forwarded,
    ForwardedEvent,
    Route,
    decode_forwarded,
)
from handlers.partition import Partition
from handlers.reasons import (
    MISSING_FIELD,
    NOT_JSON,
    PROCESSING_FAILED,
    TOO_LARGE,
    UNKNOWN_TYPE,
    Rejection,
)
from handlers.state.formats import NEWEST, NewerFormat
from scoring.policy import Policy
from scoring.timestamps import NEVER_MS

_log = logging.getLogger(__name__)

LOGGED_FAILURES = 10
"""Faults in handlers that are shown with their traceback; the summary counts all."""
PACK_EVERY = 5_000
"""Lines after which changed customers are packed, so that memory stays small."""

_NO_EVENT = frozenset({NOT_JSON, TOO_LARGE, UNKNOWN_TYPE})


class BacktestOptions(Struct, frozen=True):
    """What shapes the results of a backtest."""

    policy: Policy
    app_id: str
    allowed_lateness_ms: int
    limits: Limits
    until_ms: int | None = None
    override_policy: bool = False
    """Use `policy` instead of the policies in a dumped log."""
    live_from_ms: int | None = None
    """What takes effect before it is history; None: nothing is."""
    override_live_from: bool = False
    """Use `live_from_ms` instead of that in a dumped log."""


class Backtest:
    """One run over lines of events, or over a dumped partition of the canonical log."""

    def __init__(self, options: BacktestOptions, files: Outputs) -> None:
        self.partition = Partition()
        self.report = Report()
        self._options = options
        self._files = files
        self._offset = 0
        """Offset of the line in the log; not its number in the file, if lines are sorted."""
        self._last = Line(0, b"")
        self._is_started = False

    def run(self, lines: Iterable[Line], on_line: Callable[[Line], None]) -> Report:
        """Apply each line in turn, advance time to the end, and write the profiles."""
        for line in lines:
            on_line(line)
            self.take(line)
        if not self._is_started:
            self._start(None)
        self._offset += 1
        self._finish()
        return self.report

    def take(self, line: Line) -> None:
        """Apply the next line."""
        self._offset += 1
        self._last = line
        if line.raw and not line.raw.isspace():
            self._take(line)
        if self._offset % PACK_EVERY == 0:
            self._checkpoint()

    def _take(self, line: Line) -> None:
        self.report.lines += 1
        if not self._is_started:
            self._start(line)
            if self.report.is_log:
                return
        if self.report.is_log and _is_control(line):
            self._control(line)
        elif self.report.is_log and (forwarded := _forwarded(line)) is not None:
            self._take_forwarded(line, forwarded)
        else:
            self._event(line)
        self._write_outputs()
        self._take_failures(line)

    def _start(self, first: Line | None) -> None:
        """Activate the policy: the log's own, if the file is a dumped log."""
        self._is_started = True
        if first is not None and begins_log(first):
            self.report.is_log = True
            self.partition.is_whole = False
            self._control(first)
            return
        options = self._options
        self.partition.activate(
            self._offset,
            PolicyActivated(
                "backtest",
                options.app_id,
                "replay",
                options.allowed_lateness_ms,
                options.policy,
                format=NEWEST,
                live_from_ms=options.live_from_ms,
            ),
        )

    def _control(self, line: Line) -> None:
        try:
            record = decode_control(line.raw)
        except NewerFormat as error:
            raise UnreadableControl(
                f"line {line.number} is a control record that this version cannot read: {error}"
            ) from error
        except msgspec.MsgspecError:
            self._event(line)  # as in the log: a dead letter
            return
        if not isinstance(record, PolicyActivated):
            until_ms = self._options.until_ms
            if until_ms is None or record.at <= until_ms:
                self.partition.tick(self._offset, record.at)
            return
        options = self._options
        if options.override_policy:
            record = msgspec.structs.replace(record, policy=options.policy)
        if options.override_live_from:
            record = msgspec.structs.replace(record, live_from_ms=options.live_from_ms)
        rejection = self.partition.activate(self._offset, record)
        if rejection is not None:
            self._reject(line, rejection)

    def _event(self, line: Line, route: Route | None = None) -> None:
        partition, report = self.partition, self.report
        limits = IN_THE_LOG if report.is_log else self._options.limits
        event = usual_event(line.raw, limits) or partition.admit(line.raw, None, limits)
        if isinstance(event, Rejection):
            self._reject(line, event)
            return
        until_ms = self._options.until_ms
        is_after = until_ms is not None and event.occurred_ms > until_ms
        if is_after and partition.value_fault(event) is None:
            report.left_out += 1
            return
        accepted, is_late = self._accepted(event), event.occurred_ms < partition.meta.clock_ms
        verdict = partition.apply(self._offset, event, route)
        if is_late and self._accepted(event) > accepted:
            report.late += 1
        # What goes on to another customer is further down in the log, or in that of another
        # partition.
        if isinstance(verdict, Rejection):
            self._reject(line, verdict)

    def _accepted(self, event: Event) -> int:
        """How many events of this type were accepted so far."""
        return self.partition.context.tally.accepted[event.type]

    def _take_forwarded(self, line: Line, forwarded: Forwarded) -> None:
        """What passes from one customer to another, as the log of a worker has it."""
        line = line._replace(raw=b"" if forwarded.event == NO_EVENT else bytes(forwarded.event))
        if isinstance(forwarded, ForwardedEvent):
            self._event(line, forwarded)
            return
        until_ms = self._options.until_ms
        if until_ms is not None and forwarded.occurred_ms > until_ms:
            self.report.left_out += 1
            return
        verdict = self.partition.take_transfer(self._offset, forwarded)
        if isinstance(verdict, Rejection):
            self._reject(line, verdict)

    def _reject(self, line: Line, rejection: Rejection) -> None:
        self.report.dead_letters[rejection.reason] += 1
        if rejection.reason in _NO_EVENT or (
            rejection.reason == MISSING_FIELD and not names_type(line.raw)
        ):
            self.report.no_events += 1
        self._files.write_dead_letter(line, rejection)

    def _take_failures(self, line: Line) -> None:
        """Tell of faults; what follows from a line, but is not the line, has its own letter."""
        failures, self.partition.failures = self.partition.failures, []
        for failure in failures:
            self.report.failures[failure.kind] += 1
            if self.report.failures.total() <= LOGGED_FAILURES:
                what = f"line {line.number}: {failure.rejection.detail}"
                _log.error("%s", what, exc_info=failure.error)
            if failure.has_letter:
                self.report.dead_letters[PROCESSING_FAILED] += 1
                self._files.write_dead_letter(line, failure.rejection, failure.customer_id)

    def _write_outputs(self) -> None:
        outbox = self.partition.context.outbox
        if outbox:
            for output in outbox:
                self._files.write(output)
            outbox.clear()

    def _checkpoint(self) -> None:
        self.partition.store.pack_changed(0, self.partition.meta.format)
        self.partition.stale_profiles.clear()
        self.partition.meta.applied = self._offset

    def _finish(self) -> None:
        """End the round of a policy, and fire what is due; a log ends at the worker's own time."""
        partition, report = self.partition, self.report
        end_ms = self._options.until_ms
        if end_ms is None and not report.is_log:
            end_ms = partition.meta.newest_ms
        partition.finish_round(self._offset)
        if end_ms is not None and end_ms != NEVER_MS:
            partition.finish(self._offset, end_ms)
        self._write_outputs()
        self._take_failures(self._last)
        self._checkpoint()
        report.final_ms = partition.meta.clock_ms
        for customer_id in partition.store.ids():
            customer = partition.store.get(customer_id)
            assert customer is not None
            report.unmatched += len(customer.ledger.waiting)
            profile = partition.profile(customer_id)
            if profile is not None:
                self._files.write(profile)
            partition.store.shrink()
        self._take_failures(self._last)
        report.add(partition.context.tally)


def _is_control(line: Line) -> bool:
    raw = line.raw
    if POLICY_ACTIVATED.encode() not in raw and CLOCK_TICK.encode() not in raw:
        return False
    return is_control(raw)


def begins_log(line: Line) -> bool:
    """Whether a line is a control record of ours, so that a log begins."""
    if not _is_control(line):
        return False
    try:
        decode_control(line.raw)
    except NewerFormat:
        return True
    except msgspec.MsgspecError:
        return False
    return True


def _forwarded(line: Line) -> Forwarded | None:
    """What a line of a log passes on to another customer; None if it is an event."""
    if FOLLOWED.encode() not in line.raw and TRANSFERRED.encode() not in line.raw:
        return None
    try:
        return decode_forwarded(line.raw)
    except msgspec.MsgspecError:
        return None
