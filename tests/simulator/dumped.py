"""A dump of each partition of the log, through the backtest, gives what the log gave."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from faust.types import TP

from cli.backtest.files import Line
from cli.backtest.run import Backtest, BacktestOptions
from cli.dump import LogLines
from handlers.decode.decode import ANY_TIME
from handlers.outputs import CUSTOMER_PROFILES
from handlers.reasons import PROCESSING_FAILED
from streams.kafka.topics import CUSTOMER_EVENTS
from tests.driver import Collected
from tests.simulator.fold import Fold
from tests.simulator.world import LATENESS_MS, World


def check_dump(world: World, number: int, fold: Fold) -> Iterator[str]:
    """Outputs and dead letters, in their order."""
    lines = LogLines(CUSTOMER_EVENTS)
    log = world.broker.log(TP(CUSTOMER_EVENTS, number)).written
    dumped = [line for record in log if (line := lines.line_of(record)) is not None]
    collected: Any = Collected()
    options = BacktestOptions(world.plan.policies[0], "sim", LATENESS_MS, ANY_TIME)
    run = Backtest(options, collected)
    run.run((Line(at, line) for at, line in enumerate(dumped, 1)), lambda _: None)
    put_out = [output for output in collected.outputs if output.topic != CUSTOMER_PROFILES]
    expected = [put.output for put in fold.puts]
    # At its end a backtest finishes the round of a policy, where the log may end within one: what
    # goes out then, and what raises, comes last.
    finished = put_out[len(expected) :] if fold.partition.round.is_on else []
    if put_out != [*expected, *finished]:
        yield "a backtest of the dumped log has other outputs"
    # A line does not say whether there was a key, so records without one are left out.
    reasons = [letter.reason for letter in fold.letters if not letter.is_keyless]
    found = [letter["reason"] for letter in collected.dead_letters]
    failed = found[len(reasons) :] if fold.partition.round.is_on else []
    if found != [*reasons, *failed] or set(failed) - {PROCESSING_FAILED}:
        yield "a backtest of the dumped log has other dead letters"
