"""`tierstream backtest`, the real command on real files."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.backtest import sort
from cli.main import app
from handlers.control_records import ClockTick, Mode, PolicyActivated, encode_control
from scoring.policy import Policy, Tier
from tests.builders import (
    cancelled,
    day,
    day_ms,
    erased,
    order,
    to_ms,
    viewed,
)
from tests.driver import Driver

EXAMPLE = Path(__file__).parents[1] / "example"
FILES = (
    "tier-changes.jsonl",
    "dormancy-alerts.jsonl",
    "care-reminders.jsonl",
    "profile-changes.jsonl",
    "customer-profiles.jsonl",
    "dead-letters.jsonl",
)
pytestmark = pytest.mark.usefixtures("no_settings")


@dataclass(frozen=True)
class Outcome:
    """What a run of the command left behind."""

    exit_code: int
    stdout: str
    stderr: str
    out: Path

    def raw(self, name: str) -> bytes:
        return (self.out / name).read_bytes()

    def records(self, name: str) -> list[dict[str, Any]]:
        """The `data` of each line, with the type and the id; dead letters as they are."""
        lines = [json.loads(line) for line in self.raw(name).splitlines()]
        if name == "dead-letters.jsonl":
            return lines
        return [{"id": line["id"], "type": line["type"], **line["data"]} for line in lines]

    @property
    def summary(self) -> str:
        """What was printed, without the frames of its tables."""
        return " ".join(re.sub(r"[^\w\s.,%→-]", " ", self.stdout).split())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def backtest(folder: Path, lines: Sequence[bytes] | Path, *options: str) -> Outcome:
    """Run the command on lines, or on a file."""
    if isinstance(lines, Path):
        events = lines
    else:
        events = folder / "events.jsonl"
        events.write_bytes(b"".join(line + b"\n" for line in lines))
    out = folder / "out"
    result = CliRunner().invoke(app, ["backtest", str(events), "--out", str(out), *options])
    return Outcome(result.exit_code, result.stdout, result.stderr, out)


# The worked example


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return backtest(
        tmp_path_factory.mktemp("example"),
        EXAMPLE / "events.jsonl",
        *("--policy", str(EXAMPLE / "policy.toml"), "--until", "2026-01-01T00:00:00Z"),
    )


@pytest.mark.parametrize("name", [file.name for file in sorted((EXAMPLE / "expected").iterdir())])
def test_the_worked_example_gives_what_it_should(example: Outcome, name: str) -> None:
    text = (EXAMPLE / "expected" / name).read_text(encoding="utf-8")
    expected = [json.loads(line) for line in text.splitlines()]
    found = example.records(name)
    assert [
        {field: record[field] for field in want}
        for record, want in zip(found, expected, strict=True)
    ] == expected


def test_the_worked_example_writes_every_file(example: Outcome) -> None:
    assert example.exit_code == 0
    assert sorted(file.name for file in example.out.iterdir()) == sorted(FILES)
    assert example.raw("care-reminders.jsonl") == b""
    assert example.raw("profile-changes.jsonl") == b""


def test_the_worked_example_withdraws_bens_alerts_by_their_ids(example: Outcome) -> None:
    ben = [r for r in example.records("dormancy-alerts.jsonl") if r["customer_id"] == "ben"]
    [withdrawn] = [r for r in ben if r["type"] == "dormancy.withdrawn"]
    assert withdrawn["withdraws"] == [r["id"] for r in ben if r["sequence"] in {2, 3}]


def test_the_summary_counts_customers_changes_alerts_and_dead_letters(example: Outcome) -> None:
    summary = example.summary
    for words in (
        "23 records 16 accepted, 1 duplicates, 6 dead letters, 0 after the end, 1 late",
        "As of 2026-01-01 00 00 00.",
        "Customers by tier",
        "Customers by stage",
        "A → B grace over 2",
        "Dormancy alert at risk 5",
        "unknown_currency currency without a rate 1",
    ):
        assert words in summary, summary


def test_the_same_file_gives_the_same_bytes(folder: Path) -> None:
    runs = []
    for name in ("one", "two"):
        (folder / name).mkdir()
        runs.append(backtest(folder / name, EXAMPLE / "events.jsonl"))
    assert all(runs[0].raw(name) == runs[1].raw(name) for name in FILES)


# Reading


def test_a_file_is_taken_in_the_order_of_its_lines(folder: Path) -> None:
    found = backtest(folder, [viewed(day(9)), order("o1", "120", day(0))])
    [rise] = found.records("tier-changes.jsonl")
    assert (rise["late"], rise["effective_at"]) == (True, day(9))


def test_blank_lines_are_skipped_and_counted(folder: Path) -> None:
    found = backtest(folder, [b"", viewed(day(0)), b"   ", b"\t", b"no json", b""])
    [letter] = found.records("dead-letters.jsonl")
    assert letter["line"] == 5
    assert "2 records 1 accepted" in found.summary


def test_line_ends_of_any_kind_will_do(folder: Path) -> None:
    file = folder / "dos.jsonl"
    file.write_bytes(viewed(day(0)) + b"\r\n" + b"\r\n" + viewed(day(1)))
    assert "2 records 2 accepted" in backtest(folder, file).summary


@pytest.mark.parametrize("options", [(), ("--sort",), ("--until", day(5))])
def test_an_empty_file_gives_empty_files(folder: Path, options: tuple[str, ...]) -> None:
    found = backtest(folder, [], *options)
    assert found.exit_code == 0
    assert all(found.raw(name) == b"" for name in FILES)
    assert "0 records" in found.summary


def test_profiles_are_by_customer_id_and_as_of_the_newest_event(folder: Path) -> None:
    lines = [order("o1", "5", day(0), name) for name in ("zoe", "ana", "Ben")]
    found = backtest(folder, [*lines, viewed(day(70), "eve")])
    profiles = found.records("customer-profiles.jsonl")
    assert [p["customer_id"] for p in profiles] == ["Ben", "ana", "eve", "zoe"]
    assert {p["as_of"] for p in profiles} == {day(70)}
    assert [p["recency_days"] for p in profiles] == [70, 70, None, 70]


def test_at_the_end_everything_up_to_the_newest_event_fires(folder: Path) -> None:
    """The clock of the log is five minutes behind; the end is not."""
    found = backtest(folder, [order("o1", "5", day(0)), viewed(day(60), "ben")])
    assert [a["effective_at"] for a in found.records("dormancy-alerts.jsonl")] == [day(60)]


def test_erased_customers_have_no_profile_and_leave_no_payload(folder: Path) -> None:
    secret = order("o2", "5", day(2), note="secret")
    found = backtest(folder, [order("o1", "5", day(0)), erased(day(1)), secret])
    assert found.raw("customer-profiles.jsonl") == b""
    [letter] = found.records("dead-letters.jsonl")
    assert letter == {
        "reason": "erased_customer",
        "event_id": f"order.placed:ana:{day(2)}:o2",
        "line": 3,
        "detail": "the customer was erased",
        "raw": None,
    }
    assert b"secret" not in found.raw("dead-letters.jsonl")


def test_a_dead_letter_has_its_reason_line_detail_and_raw_text(folder: Path) -> None:
    bad = order("o1", "-5", day(0), event_id="e1")
    [letter] = backtest(folder, [viewed(day(0)), bad]).records("dead-letters.jsonl")
    assert letter == {
        "reason": "invalid_amount",
        "event_id": "e1",
        "line": 2,
        "detail": 'amount must be a plain decimal from 0, with at most 2 decimals, got "-5"',
        "raw": bad.decode(),
    }


def test_bytes_that_are_no_utf_8_are_a_dead_letter_and_nothing_is_lost(folder: Path) -> None:
    found = backtest(folder, [b'{"name":"\xff\xfe"}', b"\x00\x80", viewed(day(0))])
    letters = found.records("dead-letters.jsonl")
    assert [(letter["reason"], letter["line"]) for letter in letters] == [
        ("not_json", 1),
        ("not_json", 2),
    ]
    assert letters[0]["raw"] == '{"name":"\\xff\\xfe"}'
    assert "3 records 1 accepted" in found.summary


def test_a_line_that_is_too_large_is_a_dead_letter(folder: Path) -> None:
    large = order("o1", "5", day(0), note="x" * 300_000)
    [letter] = backtest(folder, [large]).records("dead-letters.jsonl")
    assert (letter["reason"], letter["event_id"]) == ("too_large", None)
    assert letter["raw"] == large[: 256 * 1024].decode(), "as much as a dead letter on Kafka holds"
    assert letter["original_size"] == len(large)
    assert letter["original_sha256"] == sha256(large).hexdigest()


def test_an_event_of_the_future_is_refused(folder: Path) -> None:
    [letter] = backtest(folder, [viewed("9000-01-01T00:00:00Z")]).records("dead-letters.jsonl")
    assert letter["reason"] == "from_the_future"


def test_cloudevents_are_taken_too(folder: Path) -> None:
    envelope = {
        "specversion": "1.0",
        "id": "e1",
        "source": "/shop",
        "type": "order.placed",
        "subject": "ana",
        "time": day(0),
        "data": {"order_id": "o1", "amount": "120", "currency": "USD"},
    }
    [rise] = backtest(folder, [json.dumps(envelope).encode()]).records("tier-changes.jsonl")
    assert (rise["customer_id"], rise["caused_by"]) == ("ana", ["e1"])


def test_packing_customers_in_between_changes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [order(f"o{n}", "20", day(n), f"c{n % 7}") for n in range(100)]
    (folder / "a").mkdir()
    (folder / "b").mkdir()
    rarely = backtest(folder / "a", lines)
    monkeypatch.setattr("cli.backtest.run.PACK_EVERY", 3)
    often = backtest(folder / "b", lines)
    assert all(rarely.raw(name) == often.raw(name) for name in FILES)


def test_it_gives_what_the_state_machine_gives(folder: Path) -> None:
    lines = [order("o1", "120", day(0)), viewed(day(70)), cancelled("o1", day(71))]
    found = backtest(folder, lines)
    driver = Driver()
    driver.feed(*lines)
    driver.pass_to(day(71))
    told = found.records("tier-changes.jsonl") + found.records("dormancy-alerts.jsonl")
    assert sorted(o["id"] for o in told) == sorted(o["id"] for o in driver.outputs)


# --until


def test_until_lets_time_pass_to_its_end(folder: Path) -> None:
    found = backtest(folder, [order("o1", "5", day(0))], "--until", day(90))
    assert [a["level"] for a in found.records("dormancy-alerts.jsonl")] == ["at_risk", "dormant"]
    [profile] = found.records("customer-profiles.jsonl")
    assert (profile["as_of"], profile["recency_days"]) == (day(90), 90)


def test_until_leaves_later_events_out_and_counts_them(folder: Path) -> None:
    lines = [
        order("o1", "5", day(0)),
        order("o2", "5", day(10)),
        order("o3", "5", day(10, 0, 0, 1)),
    ]
    found = backtest(folder, lines, "--until", day(10))
    [profile] = found.records("customer-profiles.jsonl")
    assert (profile["frequency"], profile["last_order_at"]) == (2, day(10))
    assert "1 after the end" in found.summary


def test_until_leaves_events_out_before_conflicts_and_erasures_are_looked_at(folder: Path) -> None:
    lines = [
        order("o1", "5", day(0), event_id="e1"),
        erased(day(1), "ben"),
        order("o1", "6", day(20), event_id="e1"),
        viewed(day(20), "ben"),
        order("o9", "-1", day(20)),
    ]
    found = backtest(folder, lines, "--until", day(10))
    assert [letter["reason"] for letter in found.records("dead-letters.jsonl")] == [
        "invalid_amount"
    ]
    assert "2 after the end" in found.summary


def test_until_takes_any_offset(folder: Path) -> None:
    found = backtest(folder, [order("o1", "5", day(0))], "--until", "2025-03-02T08:00:00+08:00")
    assert len(found.records("dormancy-alerts.jsonl")) == 1


# --sort


def shuffled(count: int) -> list[bytes]:
    """Orders of some customers, the later half of the year first."""
    lines = [order(f"o{n}", "20", day(n), f"c{n % 5}") for n in range(count)]
    return lines[count // 2 :] + lines[: count // 2]


def test_sort_takes_every_event_in_the_order_of_its_time(folder: Path) -> None:
    (folder / "sorted").mkdir()
    lines = shuffled(60)
    found = backtest(folder, lines, "--sort")
    by_hand = backtest(
        folder / "sorted", sorted(lines, key=lambda line: json.loads(line)["occurred_at"])
    )
    assert "60 records 60 accepted" in found.summary
    assert all(found.raw(name) == by_hand.raw(name) for name in FILES)
    assert {change["late"] for change in found.records("tier-changes.jsonl")} == {False}


def test_events_of_one_customer_in_reverse_are_all_taken(folder: Path) -> None:
    found = backtest(folder, [order(f"o{n}", "5", day(-n)) for n in range(9)], "--sort")
    [profile] = found.records("customer-profiles.jsonl")
    assert profile["frequency"] == 9


def test_events_of_one_time_stay_in_the_order_of_their_lines(folder: Path) -> None:
    lines = [viewed(day(9)), order("o1", "5", day(0)), cancelled("o1", day(0))]
    lines += [order(f"x{n}", "5", day(0)) for n in range(12)]
    found = backtest(folder, lines, "--sort")
    [first, *_] = found.records("tier-changes.jsonl")
    assert first["caused_by"] == [f"order.placed:ana:{day(0)}:o1"]


def test_sort_names_the_lines_of_the_file(folder: Path) -> None:
    lines = [viewed(day(9)), b"", order("o1", "-5", day(5)), viewed(day(0)), b"no json"]
    letters = backtest(folder, lines, "--sort").records("dead-letters.jsonl")
    assert [(letter["reason"], letter["line"]) for letter in letters] == [
        ("not_json", 5),
        ("invalid_amount", 3),
    ]


@pytest.mark.parametrize("chunk_bytes", [1, 2_000, 10_000])
def test_sorting_in_chunks_on_disk_gives_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, chunk_bytes: int
) -> None:
    (folder / "disk").mkdir()
    lines = [
        *shuffled(80),
        b"",
        b"no json",
        b'{"x":"\xff"}',
        *shuffled(80),
        order("o", "-1", day(3)),
    ]
    in_memory = backtest(folder, lines, "--sort")
    monkeypatch.setattr(sort, "CHUNK_BYTES", chunk_bytes)
    assert sum(len(line) for line in lines) > 2 * chunk_bytes
    on_disk = backtest(folder / "disk", lines, "--sort")
    assert all(in_memory.raw(name) == on_disk.raw(name) for name in FILES)
    assert "80 duplicates" in on_disk.summary


def test_many_late_events_get_a_warning_and_sorting_takes_it_away(folder: Path) -> None:
    unsorted = backtest(folder, shuffled(60))
    assert "50% of the events are late" in unsorted.summary
    assert "--sort" in unsorted.summary
    assert "--sort" not in backtest(folder, shuffled(60), "--sort").summary


def test_a_few_late_events_get_none(folder: Path) -> None:
    lines = [order(f"o{n}", "5", day(n)) for n in range(200)]
    lines.append(order("late", "5", day(0)))
    assert "--sort" not in backtest(folder, lines).summary


# Dumps


def activation(policy: Policy, event_id: str = "p1", mode: Mode = "live") -> bytes:
    return encode_control(PolicyActivated(event_id, "shop", mode, 60_000, policy))


def tick(at: str) -> bytes:
    return encode_control(ClockTick(to_ms(at)))


OWN = Policy(version="own", tiers=(Tier("gold", min_monetary="100"), Tier("base")))
OTHER = Policy(version="other", tiers=(Tier("gold", min_monetary="10"), Tier("base")))


def test_a_dump_is_taken_with_its_own_policy_app_and_lateness(folder: Path) -> None:
    found = backtest(folder, [activation(OWN), order("o1", "100", day(0))])
    [line] = found.raw("tier-changes.jsonl").splitlines()
    envelope = json.loads(line)
    assert envelope["source"] == "tierstream/shop"
    assert (envelope["data"]["tier"], envelope["data"]["policy_version"]) == ("gold", "own")


def test_ticks_of_a_dump_move_its_time_and_events_do_not(folder: Path) -> None:
    lines = [
        activation(OWN),
        order("o1", "5", day(0)),
        viewed(day(300), "ben"),
        tick(day(60, 0, 0, 59)),
        viewed(day(300, 1), "ben"),
        tick(day(60, 0, 1)),
    ]
    before = backtest(folder, lines[:-1])
    assert before.raw("dormancy-alerts.jsonl") == b""
    [alert] = backtest(folder, lines).records("dormancy-alerts.jsonl")
    assert (alert["customer_id"], alert["effective_at"]) == ("ana", day(60))


def test_a_dump_ends_where_the_worker_stood(folder: Path) -> None:
    lines = [activation(OWN), order("o1", "5", day(0)), viewed(day(90), "ben"), tick(day(1))]
    found = backtest(folder, lines)
    assert found.raw("dormancy-alerts.jsonl") == b""
    profiles = {p["customer_id"]: p["as_of"] for p in found.records("customer-profiles.jsonl")}
    assert profiles == {"ana": day(0, 23, 59), "ben": day(90)}


def test_a_dump_changes_its_policy_where_the_log_did(folder: Path) -> None:
    lines = [
        activation(OWN),
        order("o1", "50", day(0)),
        activation(OTHER, "p2"),
        order("o1", "50", day(0), "ben"),
    ]
    changes = backtest(folder, lines).records("tier-changes.jsonl")
    assert [(c["customer_id"], c["tier"], c["reason"]) for c in changes] == [
        ("ana", "base", "order"),
        ("ana", "gold", "policy"),
        ("ben", "gold", "order"),
    ]


def test_a_policy_file_takes_the_place_of_those_in_a_dump(folder: Path) -> None:
    file = folder / "p.toml"
    file.write_text('version = "mine"\n[[tiers]]\nname = "all"\n')
    lines = [activation(OWN), order("o1", "100", day(0)), activation(OTHER, "p2")]
    [change] = backtest(folder, lines, "--policy", str(file)).records("tier-changes.jsonl")
    assert (change["tier"], change["policy_version"]) == ("all", "mine")


def test_a_dump_may_be_stopped_at_a_time(folder: Path) -> None:
    lines = [activation(OWN), order("o1", "5", day(0)), tick(day(500)), order("o2", "5", day(500))]
    found = backtest(folder, lines, "--until", day(70))
    assert [a["level"] for a in found.records("dormancy-alerts.jsonl")] == ["at_risk"]
    assert "1 after the end" in found.summary


def test_a_dump_of_a_replay_follows_its_events(folder: Path) -> None:
    lines = [
        activation(OWN, mode="replay"),
        order("o1", "5", day(0)),
        tick(day(500)),
        viewed(day(60, 0, 1), "ben"),
    ]
    assert len(backtest(folder, lines).records("dormancy-alerts.jsonl")) == 1


def test_a_tick_among_plain_events_is_a_dead_letter(folder: Path) -> None:
    found = backtest(folder, [viewed(day(0)), tick(day(500))])
    [letter] = found.records("dead-letters.jsonl")
    assert letter["reason"] == "missing_field"


def test_an_event_that_only_mentions_a_tick_is_an_event(folder: Path) -> None:
    found = backtest(folder, [viewed(day(0), note="clock.tick policy.activated")])
    assert "1 records 1 accepted" in found.summary


# What goes wrong


def failed(outcome: Outcome, sentence: str) -> None:
    """It failed with one sentence and without a trace of the program's insides."""
    assert outcome.exit_code != 0
    [line] = outcome.stderr.strip().splitlines()
    assert line.startswith("tierstream: ")
    assert sentence in line


def test_a_file_that_is_not_there_is_one_sentence(folder: Path) -> None:
    failed(backtest(folder, folder / "none.jsonl"), "none.jsonl")


def test_a_folder_is_no_file_of_events(folder: Path) -> None:
    failed(backtest(folder, folder), "Is a directory")


@pytest.mark.parametrize("name", ["none.jsonl", "."])
def test_a_mistyped_name_leaves_the_outputs_of_an_earlier_run(folder: Path, name: str) -> None:
    before = backtest(folder, [order("o1", "120", day(0))]).raw("tier-changes.jsonl")
    after = backtest(folder, folder / name)
    assert after.exit_code != 0
    assert after.raw("tier-changes.jsonl") == before != b""


def test_a_wrong_policy_is_refused_with_its_key(folder: Path) -> None:
    file = folder / "p.toml"
    file.write_text("window_days = 0\n")
    found = backtest(folder, [viewed(day(0))], "--policy", str(file))
    failed(found, "p.toml: window_days: must be a whole number from 1 to 36500, got 0")
    assert not found.out.exists()


def test_a_policy_file_that_is_not_there_is_one_sentence(folder: Path) -> None:
    found = backtest(folder, [viewed(day(0))], "--policy", str(folder / "none.toml"))
    failed(found, "none.toml: No such file or directory")


@pytest.mark.parametrize("time", ["tomorrow", "2025-01-01", "2025-01-01T00:00:00", "1735689600000"])
def test_an_until_that_is_no_time_is_one_sentence(folder: Path, time: str) -> None:
    failed(backtest(folder, [viewed(day(0))], "--until", time), f"--until {time}: no RFC 3339 time")


def test_a_wrong_setting_is_one_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERSTREAM_ALLOWED_LATENESS", "soon")
    failed(backtest(folder, [viewed(day(0))]), "TIERSTREAM_ALLOWED_LATENESS")


def test_outputs_cannot_go_where_a_file_is(folder: Path) -> None:
    (folder / "out").write_text("in the way")
    failed(backtest(folder, [viewed(day(0))]), "out")


def test_a_log_that_begins_without_its_policy_is_one_sentence(folder: Path) -> None:
    failed(backtest(folder, [tick(day(0)), viewed(day(0))]), "no policy")


def test_the_lateness_of_the_settings_shapes_the_results(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [viewed(day(9), "ben"), order("o1", "120", day(8, 20))]
    [late] = backtest(folder, lines).records("tier-changes.jsonl")
    monkeypatch.setenv("TIERSTREAM_ALLOWED_LATENESS", "1d")
    [in_time] = backtest(folder, lines).records("tier-changes.jsonl")
    assert (late["late"], in_time["late"]) == (True, False)
    assert in_time["effective_at"] == day(8, 20)
    assert day_ms(8, 20) > day_ms(8)


def test_help_says_what_it_takes() -> None:
    result = CliRunner().invoke(app, ["backtest", "--help"])
    assert result.exit_code == 0
    for word in ("EVENTS.jsonl", "--policy", "--until", "--sort", "--out"):
        assert word in re.sub(r"\x1b\[[0-9;]*m", "", result.stdout)
