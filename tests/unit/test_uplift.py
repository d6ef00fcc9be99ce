"""`tierstream uplift`: whom it compares, what it counts, and how it says so."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from cli.backtest.files import Line, OutputFiles
from cli.backtest.run import Backtest, BacktestOptions
from cli.main import app
from cli.uplift.comparison import NO_ACTION, Question, Uplift, UpliftReport
from cli.uplift.counted_orders import CountedOrders
from config.policy_file import check_policy
from handlers.decode.decode import Limits
from scoring.confidence import Count, difference, wilson
from scoring.holdout import holdout_rule
from scoring.policy import Holdout, Policy
from tests.builders import (
    cancelled,
    consent,
    day,
    day_ms,
    merged,
    order,
    paid,
    payment_failed,
    refund,
    viewed,
)
from tests.unit.test_backtest import backtest

ALERT, BACK = "dormancy.alert", "customer.reactivated"


class Stream:
    """Alerts as they go out, with rising sequence numbers."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self._sequences: dict[str, int] = {}

    def add(
        self,
        customer: str,
        at: str,
        suppressed: str | None = None,
        *,
        kind: str = ALERT,
        level: str = "dormant",
        tier: str = "C",
        action: str | None = None,
    ) -> None:
        self._sequences[customer] = sequence = self._sequences.get(customer, 0) + 1
        data = {
            "customer_id": customer,
            "sequence": sequence,
            "level": level,
            "effective_at": at,
            "suppressed": suppressed,
            "tier": tier,
            "action": action,
        }
        self.lines.append(json.dumps({"type": kind, "data": data}).encode())


def measured(
    stream: Stream,
    *events: bytes,
    question: Question | None = None,
    policy: Policy | None = None,
) -> UpliftReport:
    found = Uplift(question or Question())
    for line in stream.lines:
        found.take_alert(line)
    if events:
        options = BacktestOptions(policy or Policy(), "tierstream", 0, Limits())
        counted = CountedOrders(found, options)
        for number, raw in enumerate(events, 1):
            counted.take(Line(number, raw))
    found.observe(day_ms(1_000))
    return found.report()


def counts(report: UpliftReport) -> list[int]:
    """Treated and held out: how many, and how many came back."""
    treated, holdout = report.reactivation.treated, report.reactivation.holdout
    return [treated.customers, treated.count, holdout.customers, holdout.count]


def bought(report: UpliftReport) -> list[int]:
    assert report.repurchase is not None
    return [report.repurchase.treated.count, report.repurchase.holdout.count]


def test_by_hand() -> None:
    """56 of 70 treated come back and 48 of 80 held out: Newcombe's own example."""
    stream = Stream()
    for number in range(150):
        is_treated = number < 70
        stream.add(f"c{number}", day(0), None if is_treated else "holdout")
        if number < 56 or 70 <= number < 118:
            stream.add(f"c{number}", day(9), kind=BACK, level="active")
    report = measured(stream)
    assert counts(report) == [70, 56, 80, 48]
    found = report.reactivation
    assert found.treated.share == 0.8
    assert found.difference.share == pytest.approx(0.2)
    low, high = found.difference.low, found.difference.high
    assert (low, high) == difference(Count(56, 70), Count(48, 80), 0.95)
    assert (found.holdout.low, found.holdout.high) == wilson(Count(48, 80), 0.95)
    assert low == pytest.approx(0.0524, abs=0.0001)


def test_only_who_came_back_within_the_window_counts() -> None:
    stream = Stream()
    for name, back in {"a": day(30), "b": day(30, 0, 0, 0, 1), "c": day(29)}.items():
        stream.add(name, day(0))
        stream.add(name, back, kind=BACK, level="active")
    assert counts(measured(stream)) == [3, 2, 0, 0]


def test_other_reasons_are_in_neither_group_and_are_counted() -> None:
    stream = Stream()
    for name, reason in {"a": "no_consent", "b": "open_complaint", "c": "open_complaint"}.items():
        stream.add(name, day(0), reason)
    report = measured(stream)
    assert counts(report) == [0, 0, 0, 0]
    assert report.left_out == {"no_consent": 1, "open_complaint": 2}
    assert report.reactivation.treated.share is None
    assert report.reactivation.difference.low is None


def test_each_customer_counts_once_by_the_first_alert_of_the_level() -> None:
    stream = Stream()
    stream.add("a", day(0), level="at_risk")
    stream.add("a", day(30))
    stream.add("a", day(35), kind=BACK, level="active")
    stream.add("a", day(300))
    assert counts(measured(stream)) == [1, 1, 0, 0]


def test_an_alert_told_twice_counts_once() -> None:
    stream = Stream()
    stream.add("a", day(0), "holdout")
    stream.add("a", day(5), kind=BACK, level="active")
    stream.lines += stream.lines[:]
    assert counts(measured(stream)) == [0, 0, 1, 1]


def test_who_was_alerted_wrongly_stays_in_the_group() -> None:
    stream = Stream()
    stream.add("a", day(0))
    stream.add("a", day(1), kind="dormancy.withdrawn", level="active")
    assert counts(measured(stream)) == [1, 0, 0, 0]


def test_an_alert_whose_window_is_not_over_is_left_out() -> None:
    stream = Stream()
    stream.add("a", day(0))
    stream.add("b", day(0, 0, 0, 0, 1))
    report = measured(stream, question=Question(until_ms=day_ms(30)))
    assert counts(report) == [1, 0, 0, 0]
    assert report.left_out == {"window_open": 1}
    assert report.observed_until == day(30)


def test_since_leaves_out_earlier_alerts_but_not_their_customers() -> None:
    stream = Stream()
    stream.add("a", day(0))
    stream.add("a", day(100))
    stream.add("a", day(101), kind=BACK, level="active")
    assert counts(measured(stream, question=Question(since_ms=day_ms(50)))) == [1, 1, 0, 0]


def test_a_purchase_that_was_silent_is_a_repurchase() -> None:
    stream = Stream()
    stream.add("a", day(0), level="at_risk")
    stream.add("b", day(0), "holdout", level="at_risk")
    at_risk = Question(level="at_risk")
    report = measured(stream, order("o1", "5", day(3), "a"), question=at_risk)
    assert (counts(report), bought(report)) == ([1, 0, 1, 0], [1, 0])


def test_an_order_cancelled_or_never_paid_for_is_no_repurchase() -> None:
    stream = Stream()
    for name in ("a", "b", "c", "d"):
        stream.add(name, day(0))
    report = measured(
        stream,
        order("o1", "5", day(3), "a"),
        cancelled("o1", day(4), "a"),
        payment_failed("o2", day(2), "b"),
        order("o2", "5", day(3), "b"),
        order("o3", "5", day(3), "c", payment_status="failed"),
        paid("o3", day(5), "c"),
        order("o4", "5", day(0), "d"),
        order("o5", "5", day(31), "d"),
    )
    assert bought(report) == [1, 0], "only the failed order that was paid later"


def test_what_the_rules_did_not_count_is_no_repurchase() -> None:
    """Dead letters, duplicates, orders fully refunded, orders unpaid where only paid ones count."""
    stream = Stream()
    for name in ("a", "b", "c", "d", "e", "f"):
        stream.add(name, day(0))
    lines = [
        order("o1", "ten", day(3), "a"),
        order("o2", "10", day(3), "b", currency="XXX"),
        order("o3", "10", day(-1), "c"),
        order("o3", "10", day(3), "c", event_id="again"),
        order("o4", "10", day(3), "d"),
        refund("o4", "10", day(40), "r1", "d"),
        order("o5", "10", day(3), "e"),
        refund("o5", "9.99", day(40), "r1", "e"),
        order("o6", "10", day(3), "f"),
        merged("z", day(4), "f"),
    ]
    assert bought(measured(stream, *lines)) == [2, 0]
    paid_only = check_policy({"count_orders": "paid"})
    assert bought(measured(stream, *lines, policy=paid_only)) == [0, 0]
    assert bought(measured(stream, *lines, paid("o6", day(5), "z"), policy=paid_only)) == [1, 0]


def test_who_bought_as_another_customer_after_a_merge_bought() -> None:
    stream = Stream()
    stream.add("a", day(0))
    lines = [viewed(day(0), "a"), merged("b", day(1), "a"), order("o1", "5", day(2), "b")]
    assert bought(measured(stream, *lines)) == [1, 0]


def test_outcomes_are_told_by_tier_and_by_action() -> None:
    stream = Stream()
    stream.add("a", day(0), tier="A", action="call")
    stream.add("b", day(0), "holdout", tier="A", action="call")
    stream.add("c", day(0), tier="B")
    stream.add("c", day(3), kind=BACK, level="active")
    report = measured(stream, order("o1", "5", day(3), "c"))
    assert sorted(report.by_tier) == ["A", "B"]
    assert sorted(report.by_action) == [NO_ACTION, "call"]
    of_b, of_call = report.by_tier["B"], report.by_action["call"]
    assert (of_b.reactivation.treated.customers, of_b.reactivation.treated.count) == (1, 1)
    assert of_b.repurchase is not None
    assert of_b.repurchase.treated.count == 1
    assert of_call.reactivation.treated.customers == of_call.reactivation.holdout.customers == 1


def test_without_orders_repurchase_is_not_known() -> None:
    assert measured(Stream()).repurchase is None


def test_what_is_no_alert_is_refused() -> None:
    for line in (b"{}", b"no json", b'{"type":"x","data":{"customer_id":"a"}}'):
        with pytest.raises(msgspec.MsgspecError):
            Uplift(Question()).take_alert(line)
    stream = Stream()
    stream.add("a", "yesterday")
    with pytest.raises(msgspec.MsgspecError, match="'yesterday' is no time"):
        measured(stream)


# The command, on a backtest of simulated customers


def simulated(folder: Path, customers: int, effect: float) -> tuple[Path, Path]:
    """A backtest of customers of whom some come back; those treated more often by `effect`."""
    share = Holdout("0.3", "test")
    held_out = holdout_rule(share)
    random = Random(5)
    events = [consent(marketing=False, at=day(0), customer="refuses")]
    events.append(order("o-refuses", "5", day(0), "refuses"))
    for number in range(customers):
        name = f"c{number}"
        events.append(order(f"o-{name}", "5", day(0), name))
        chance = 0.1 + (0 if held_out.holds_out(name) else effect)
        if random.random() < chance:
            events.append(order(f"back-{name}", "5", day(95), name))
    events.sort(key=lambda line: json.loads(line)["occurred_at"])
    source, out = folder / "events.jsonl", folder / "out"
    source.write_bytes(b"\n".join(events) + b"\n")
    policy = check_policy({"holdout": {"share": share.share, "salt": share.salt}})
    options = BacktestOptions(policy, "tierstream", 0, Limits(), until_ms=day_ms(150))
    with OutputFiles(out) as files:
        numbered = (Line(n, raw) for n, raw in enumerate(events, 1))
        Backtest(options, files).run(numbered, lambda _: None)
    return source, out


def command(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["uplift", *map(str, arguments)])


def test_the_command_finds_the_effect_that_was_there(tmp_path: Path) -> None:
    events, out = simulated(tmp_path, 400, effect=0.3)
    result = command(out, "--events", events, "--json")
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    assert found["left_out"] == {"no_consent": 1}
    assert found["observed_until"] == day(150)
    reactivation = found["reactivation"]
    assert reactivation["treated"]["customers"] + reactivation["holdout"]["customers"] == 400
    assert reactivation == found["repurchase"], "all who bought were dormant"
    assert reactivation["difference"]["low"] > 0
    assert reactivation["difference"]["low"] < 0.3 < reactivation["difference"]["high"]


def test_the_command_says_it_in_words(tmp_path: Path) -> None:
    _, out = simulated(tmp_path, 40, effect=0)
    result = command(out / "dormancy-alerts.jsonl", "--window-days", 5)
    assert result.exit_code == 0, result.stderr
    text = result.stdout
    assert "Customers by their first dormant alert, watched for 5 days" in text
    assert "reactivation, difference" in text
    assert "Repurchase is not known without the orders: give --events." in text
    assert "1 not to be contacted" in text
    assert "Wilson's for each share, Newcombe's for the difference" in " ".join(text.split())


HELD_OUT_HALF = 'version = "t"\n[holdout]\nshare = "0.5"\nsalt = "s"\n'


def backtested(folder: Path, *more: bytes) -> dict[str, Any]:
    """What the command says of forty customers who bought once, and of further events."""
    first = [order(f"o-c{n}", "100.00", day(0, 10), f"c{n}") for n in range(40)]
    last = order("o-zz", "10.00", day(181, 10), "zz")
    policy = folder / "policy.toml"
    policy.write_text(HELD_OUT_HALF)
    done = backtest(folder, [*first, *more, last], "--policy", str(policy))
    assert done.exit_code == 0
    result = command(done.out, "--events", folder / "events.jsonl", "--policy", policy, "--json")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.strip() == ""
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_orders_that_were_refused_are_no_repurchase(tmp_path: Path) -> None:
    refused = [order(f"bad-c{n}", "ten", day(94, 10), f"c{n}") for n in range(40)]
    found = backtested(tmp_path, *refused)
    treated, holdout = found["repurchase"]["treated"], found["repurchase"]["holdout"]
    assert (treated["customers"], holdout["customers"]) == (23, 17)
    assert (treated["count"], holdout["count"]) == (0, 0)


def test_an_event_from_the_future_does_not_move_the_end(tmp_path: Path) -> None:
    late = order("o-late", "100.00", day(78, 10), "late1")
    found = backtested(tmp_path, late, viewed("9999-01-01T00:00:00Z", "q"))
    assert found["observed_until"] == day(181, 10)
    assert found["reactivation"]["holdout"]["customers"] == 17


def test_a_time_that_cannot_be_is_left_out(tmp_path: Path) -> None:
    impossible = viewed(-(2**63) - 1, "a")
    found = backtested(tmp_path, impossible, viewed(2**63, "a"))
    assert found["observed_until"] == day(181, 10)


def test_another_policy_than_that_of_the_alerts_is_told(tmp_path: Path) -> None:
    events, out = simulated(tmp_path, 5, effect=0)
    other = tmp_path / "other.toml"
    other.write_text('version = "other"\n')
    result = command(out, "--events", events, "--policy", other)
    assert "but what counts is judged by 'other'" in result.stderr


def test_a_log_without_its_beginning_is_refused(tmp_path: Path) -> None:
    events, out = simulated(tmp_path, 5, effect=0)
    events.write_bytes(b'{"type":"clock.tick","at":5}\n' + events.read_bytes())
    result = command(out, "--events", events)
    assert result.exit_code == 1
    assert "a dump begins with it" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--level", "gone"], "--level gone: must be one of at_risk, dormant, churned"),
        (["--confidence", "1"], "--confidence 1.0: must be above 0 and below 1"),
        (["--since", "monday"], "--since monday: no RFC 3339 time"),
        (["--events", "e.jsonl"], "--events goes with a file of alerts"),
        (["nowhere.jsonl"], "nowhere.jsonl: No such file or directory"),
    ],
)
def test_a_wrong_call_ends_with_one_sentence(arguments: list[str], sentence: str) -> None:
    result = command(*arguments)
    assert result.exit_code == 1
    assert f"tierstream: {sentence}" in result.stderr


def test_a_file_of_something_else_is_named_with_its_line(tmp_path: Path) -> None:
    stream = Stream()
    stream.add("a", day(0))
    file = tmp_path / "alerts.jsonl"
    file.write_bytes(stream.lines[0] + b"\n\n" + b'{"type":"x"}\n')
    result = command(file)
    assert result.exit_code == 1
    assert f"{file}, line 3: no alert" in result.stderr


def test_a_file_without_any_event_is_refused_with_what_it_looks_like(tmp_path: Path) -> None:
    _, out = simulated(tmp_path, 5, effect=0)
    table = tmp_path / "orders.csv"
    table.write_text("order_id,amount\n1,5.00\n")
    result = command(out, "--events", table)
    assert result.exit_code == 1
    assert f"{table}: no line of it is an event: it looks like CSV" in result.stderr
