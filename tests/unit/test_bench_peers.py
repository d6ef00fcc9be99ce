"""The side-by-side benchmark: one job, one result, checks that notice, ratios that are right."""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from itertools import product
from pathlib import Path

import pytest

from bench.peers import machine, report, tierstream
from bench.peers.checks import Check, Told, check, newest_tiers, told_by_probes
from bench.peers.data_set import RULES, DataSet, Reference, generate
from bench.peers.environments import EnvironmentFailed
from bench.peers.maven import java_command
from bench.peers.meter import Spent
from bench.peers.outcome import Outcome
from bench.peers.program import PeerFailed, Program
from bench.peers.registry import PEERS
from bench.peers.results import Facts, Run, facts_of_run, ratios_of, summaries_of
from bench.peers.rules import rfm
from bench.peers.rules.rfm import PROSPECT, Figures, PlainCustomer, apply, figures_of
from bench.processes import busy_seconds
from devtools.traffic.record import TrafficRecord
from handlers.control_records import PolicyActivated
from handlers.events import Event
from handlers.partition import Partition
from scoring.rfm import compute_rfm
from scoring.rules import Rules
from scoring.tiers import qualified_rank

END_MS = 1_780_000_000_000
DATA_SET = DataSet(events=6_000, customers=400, end_ms=END_MS)
PERSON = "customer-00000001"


def generated(data_set: DataSet = DATA_SET) -> tuple[list[TrafficRecord], Reference]:
    reference = Reference()
    return list(generate(data_set, reference)), reference


def applied(records: list[TrafficRecord]) -> dict[str, PlainCustomer]:
    """The customers of a peer that reads these records."""
    customers: dict[str, PlainCustomer] = {}
    for offset, record in enumerate(records):
        event = json.loads(record.value)
        customer = customers.setdefault(event["customer_id"], PlainCustomer())
        apply(RULES, customer, event, offset)
    return customers


def assert_right(customers: dict[str, PlainCustomer], reference: Reference) -> None:
    told = {customer_id: figures_of(customer) for customer_id, customer in customers.items()}
    assert told == {c: reference.figures(RULES, c) for c in reference.last_ms}


def test_data_set_has_its_shares_and_is_always_the_same() -> None:
    records, _ = generated()
    topics = Counter(record.topic for record in records)
    assert topics["orders"] == pytest.approx(1_200, rel=0.1)
    assert topics["browse"] == pytest.approx(4_200, rel=0.1)
    assert topics["support"] == pytest.approx(600, rel=0.15)
    assert records == generated()[0]
    assert records != generated(DATA_SET._replace(seed=2))[0]


def test_popular_customers_have_many_times_the_events_of_others_but_no_large_share() -> None:
    records, _ = generated(DATA_SET._replace(events=40_000))
    counts = Counter(record.key for record in records)
    busiest, quietest = counts.most_common()[0][1], counts.most_common()[-1][1]
    assert busiest > 30 * quietest
    assert busiest < 0.06 * counts.total()


def test_orders_leave_the_window_within_the_data_set() -> None:
    _, reference = generated()
    ever = sum(reference.orders_of(customer_id) for customer_id in reference.last_ms)
    inside = sum(reference.figures(RULES, c).frequency for c in reference.last_ms)
    assert 0.3 * ever < inside < 0.9 * ever


def test_rolling_figures_are_those_of_plain_counting() -> None:
    records, reference = generated()
    assert_right(applied(records), reference)


def test_figures_do_not_depend_on_which_topic_is_read_first() -> None:
    records, reference = generated()
    for order in (["orders", "browse", "support"], ["browse", "support", "orders"]):
        by_topic = sorted(records, key=lambda record: order.index(record.topic))
        assert_right(applied(by_topic), reference)


def test_order_that_was_applied_counts_once_after_a_restart() -> None:
    records, reference = generated()
    customers = applied(records)
    for offset, record in enumerate(records):
        event = json.loads(record.value)
        assert apply(RULES, customers[event["customer_id"]], event, offset) is None
    assert_right(customers, reference)


def test_tier_change_is_told_with_the_tier_before() -> None:
    customer = PlainCustomer()
    order = {"type": rfm.ORDER, "occurred_at": "2026-01-01T00:00:00.000Z", "amount": "500.00"}
    view = {"type": "page.viewed", "occurred_at": "2026-02-10T00:00:00.000Z"}
    assert apply(RULES, customer, order, 0) == PROSPECT
    assert customer.tier == "B"
    assert apply(RULES, customer, view, 0) == "B"
    assert figures_of(customer) == Figures(40, 0, 0, "C")


def test_policy_of_tierstream_gives_the_tier_of_the_job() -> None:
    rules = Rules(tierstream.policy_of(RULES))
    near = [n + d for n in (0, *RULES.recency_days) for d in (0, 1)]
    orders = [0, 1, *RULES.frequency]
    minor = [n + d for n in (0, *RULES.monetary_minor) for d in (-1, 0)]
    for recency_days, frequency, monetary in product(near, orders, minor):
        found = compute_rfm(rules, recency_days, frequency, monetary, 20, monetary)
        tier = rules.tier_name(qualified_rank(rules, found))
        assert tier == RULES.tier_of(recency_days, frequency, monetary)
    assert RULES.tier_of(None, 0, 0) == rules.tier_name(qualified_rank(rules, None)) == PROSPECT


def test_profiles_of_tierstream_have_the_figures_of_plain_counting() -> None:
    records, reference = generated(DATA_SET._replace(events=1_500, customers=100))
    partition = Partition()
    policy = tierstream.policy_of(RULES)
    partition.activate(0, PolicyActivated("p", "bench", "replay", 0, policy))
    for position, record in enumerate(records, 1):
        event = partition.admit(record.value)
        assert isinstance(event, Event)
        assert partition.apply(position, event) is None
    told = {}
    for customer_id in reference.last_ms:
        value = partition.profile(customer_id).value
        assert value is not None
        told[customer_id] = tierstream.told_by_profile(value)
    newest = {customer_id: found.figures.tier for customer_id, found in told.items()}
    assert check(reference, RULES, told, newest)[:3] == (len(told), 0, 0)


def test_check_notices_wrong_missing_and_stale_figures_and_lost_changes() -> None:
    _, reference = generated()
    right = {c: Told(reference.figures(RULES, c)) for c in reference.last_ms}
    newest = {c: told.figures.tier for c, told in right.items()}
    wrong = right[PERSON]._replace(figures=right[PERSON].figures._replace(frequency=99))
    stale = Told(reference.figures(RULES, PERSON, END_MS - 10**10), END_MS - 10**10)
    without = {c: told for c, told in right.items() if c != PERSON}
    assert check(reference, RULES, right, newest) == Check(len(right), 0, 0, [])
    for told in ({**right, PERSON: wrong}, {**right, PERSON: stale}, without):
        assert check(reference, RULES, told, newest).figures_differ == 1
    lost = {c: tier for c, tier in newest.items() if c != PERSON}
    assert newest[PERSON] != PROSPECT
    assert check(reference, RULES, right, lost).tiers_differ == 1


def test_newest_answer_and_newest_change_count() -> None:
    answers = [
        f'{{"customer_id":"a","recency_days":1,"frequency":{n},"monetary_minor":5,"tier":"B"}}'
        for n in (1, 2)
    ]
    assert told_by_probes(a.encode() for a in answers) == {"a": Told(Figures(1, 2, 5, "B"))}
    changes = [b'{"customer_id":"a","tier":"B"}', b'{"customer_id":"a","tier":"A"}']
    assert newest_tiers(changes) == {"a": "A"}


def run_of(peer: str, seconds: float, client: float, broker: float, number: int = 1) -> Facts:
    spent = Spent(seconds, client, broker, 0.25)
    outcome = Outcome(spent, 1.5, 10, Check(100, 0, 2, []))
    return facts_of_run(Run(peer, number, 1_000_000, outcome))


def measured() -> Facts:
    runs = [
        run_of("tierstream", 10, 20, 10),
        run_of("bytewax", 20, 30, 15),
        run_of("read_limit", 5, 5, 0),
        run_of("tierstream", 30, 40, 20, 2),
        run_of("tierstream", 20, 25, 15, 3),
    ]
    summary = summaries_of(runs)
    return {
        "data_set": {"events": 1_000_000, "customers": 100},
        "machine": {"cores": 2, "processor": "some"},
        "runs": runs,
        "kills": [{"peer": "bytewax", "figures_differ": 0, "tiers_differ": 0}],
        "summary": summary,
        "ratios": ratios_of(summary),
    }


def test_ratios_say_how_many_times_better_tierstream_is_by_medians() -> None:
    results = measured()
    assert results["summary"]["tierstream"]["cpu_us_per_event"] == {
        "median": 25,
        "min": 20,
        "max": 40,
    }
    assert results["ratios"] == {
        "bytewax": {
            "throughput": 1.0,
            "cpu_per_event": 1.2,
            "cpu_per_event_with_broker": 1.12,
        },
        "read_limit": {
            "throughput": 0.25,
            "cpu_per_event": 0.2,
            "cpu_per_event_with_broker": 0.125,
        },
    }


def test_without_tierstream_there_is_nothing_to_compare_with() -> None:
    assert ratios_of(summaries_of([run_of("bytewax", 20, 30, 15)])) == {}


def test_table_begins_with_tierstream_and_ends_with_the_limit() -> None:
    lines = report.full_table(measured()).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == [
        "Tierstream",
        "Bytewax",
        "reading limit",
    ]
    assert "| 50,000 (33,333 to 100,000) | 25.0 (20.0 to 40.0) |" in lines[2]
    assert lines[3].endswith("| 1 | 1.2 | 0, tiers told 2 | 0 |")
    assert len({line.count("|") for line in lines}) == 1
    for chinese in (False, True):
        short = report.short_table(measured(), chinese=chinese).splitlines()
        assert len({line.count("|") for line in short}) == 1


def test_conditions_name_what_ran_on_fewer_events_and_how_busy_the_machine_was() -> None:
    results = measured()
    results["summary"]["bytewax"]["events"] = 500
    said = report.conditions(results)
    assert "Bytewax on 500 of them" in said
    assert "1 to 3 interleaved runs" in said
    assert "25% to 25%" in said


def test_table_replaces_the_one_before_and_nothing_else() -> None:
    page = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
    once = report.replaced(page, "new", "page.md")
    assert once == f"before\n{report.BEGIN}\nnew\n{report.END}\nafter\n"
    assert report.replaced(once, "new", "page.md") == once
    with pytest.raises(report.MarksMissing, match=r"page\.md"):
        report.replaced("no place", "new", "page.md")


def test_documents_show_the_committed_results(tmp_path: Path) -> None:
    root = Path(report.__file__).parents[2]
    pages = ("docs/performance.md", "README.md", "README.zh-CN.md")
    (tmp_path / "docs").mkdir()
    for name in pages:
        (tmp_path / name).write_text((root / name).read_text())
    results = json.loads((root / "bench/results.json").read_text())
    report.write_documents(results, tmp_path)
    for name in pages:
        assert (tmp_path / name).read_text() == (root / name).read_text(), name
    assert (root / "docs/img/side-by-side.png").is_file()


def test_ratios_of_the_committed_results_follow_from_its_runs() -> None:
    results = json.loads((Path(report.__file__).parents[1] / "results.json").read_text())
    assert results["summary"] == summaries_of(results["runs"])
    assert results["ratios"] == ratios_of(results["summary"])


def test_versions_name_the_broker_and_every_peer() -> None:
    found = machine.versions(PEERS)
    assert found["broker"]["kafka"][0].isdigit()
    assert all(version for peer in PEERS for version in found[peer.name].values())


def test_java_peers_have_the_kafka_of_the_broker() -> None:
    found = machine.versions(PEERS)
    assert found["kafka_streams"]["kafka"] == found["broker"]["kafka"]
    assert found["flink"]["flink"].startswith("2.")


def test_without_maven_it_is_told_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"17.0.1\"'\n")
    java.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(EnvironmentFailed, match="no `mvn` on the PATH"):
        java_command("flink", "FlinkPeer", print)


def started(code: str, folder: Path) -> Program:
    return Program([sys.executable, "-c", code], {}, folder / "log")


def test_cpu_time_of_a_program_counts_what_it_started_also_after_its_end(tmp_path: Path) -> None:
    work = "import time\nwhile time.process_time() < 0.3: pass"
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {work!r}], check=True)"
    before_s = busy_seconds()
    with started(code, tmp_path) as program:
        while not program.has_ended():
            pass
        assert 0.25 < program.cpu_seconds() < 30
        assert busy_seconds() - before_s >= 0.25


def test_program_that_fails_says_what_it_logged(tmp_path: Path) -> None:
    with (
        started("raise SystemExit('no broker')", tmp_path) as program,
        pytest.raises(PeerFailed, match="ended with 1\nno broker"),
    ):
        program.wait_for(tmp_path / "never", at_most_s=60)


def test_program_that_ends_without_beginning_is_a_failure(tmp_path: Path) -> None:
    with (
        started("pass", tmp_path) as program,
        pytest.raises(PeerFailed, match="ended without started"),
    ):
        program.wait_for(tmp_path / "started", at_most_s=60)


def test_job_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    names = ("orders", "browse", "support", "probes", "tier_changes", "figures")
    topics = {name: f"x.{name}" for name in names}
    job = rfm.Job("127.0.0.1:9092", "group", tmp_path, 4, topics, RULES, random.randrange(1, 99))
    rfm.write_job(job, tmp_path / "job.json")
    assert rfm.read_job(str(tmp_path / "job.json")) == job
    job.note_started()
    assert (tmp_path / "started").is_file()


@pytest.mark.parametrize("peer", [peer for peer in PEERS if "PYTHONPATH" in peer.environment])
def test_python_peer_has_locked_packages_with_hashes(peer: object) -> None:
    name = peer.name  # type: ignore[attr-defined]
    folder = Path(report.__file__).parent / name
    for line in (folder / "requirements.in").read_text().splitlines():
        package, _, version = line.partition("==")
        assert f"{package.partition('[')[0]}==" in (folder / "requirements.lock").read_text()
        assert version
    assert "://" not in (folder / "requirements.lock").read_text()
