"""The batched transport, exact commits, the table's restore and failures: with real processes."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devtools.servers import Broker, start_broker
from tests.harness.apps.batch_worker import VERSION
from tests.harness.faust_lab import Lab, WorkerProcess, overlaps

Start = Callable[..., WorkerProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts worker processes, and ends those that the test leaves."""
    workers: list[WorkerProcess] = []

    def start_worker(lab: Lab, name: str = "worker", **options: Any) -> WorkerProcess:
        workers.append(WorkerProcess(lab, tmp_path, f"{name}-{lab.app_id}", **options))
        return workers[-1]

    yield start_worker
    for worker in workers:
        worker.end()


async def new_lab(broker: Broker, partitions: int = 4) -> Lab:
    lab = Lab(broker, f"lab-{uuid.uuid4().hex[:8]}", partitions)
    await lab.create_topics()
    return lab


@pytest.mark.slow
async def test_each_record_is_done_once_and_all_are_committed(broker: Broker, start: Start) -> None:
    late, at_once = await new_lab(broker), await new_lab(broker)
    for lab in (late, at_once):
        await lab.fill(50_000)
    workers = {late: start(late), at_once: start(at_once, auto_ack=True)}

    for lab, worker in workers.items():
        worker.wait_until_done(50_000)
        assert worker.terminate() == 0
        assert await lab.committed() == dict.fromkeys(range(4), 12_500)
        ranges = await lab.done_ranges()
        assert [overlaps(done) for done in ranges.values()] == [0, 0, 0, 0]
        assert [sum(last - first + 1 for first, last in ranges[n]) for n in range(4)] == [
            12_500
        ] * 4
        assert sum((await lab.counts()).values()) == 50_000
    # The first worker acks in the flush, when its agent has long gone on.
    assert max(flush["batches"] for flush in workers[late].told("flushed")) > 1


@pytest.mark.slow
async def test_a_killed_worker_goes_on_from_its_last_commit(broker: Broker, start: Start) -> None:
    lab = await new_lab(broker)
    await lab.fill(20_000)
    slow = {"limits": {"max_records": 200}, "batch_takes_s": 0.02}
    first = start(lab, "first", **slow)
    first.wait_until_done(8_000)
    first.kill()
    committed = {number: at or 0 for number, at in (await lab.committed()).items()}
    assert 0 < sum(committed.values()) < 20_000

    second = start(lab, "second")
    unfinished = {number: at for number, at in committed.items() if at < 5_000}
    second.wait_for("first", times=len(unfinished))
    assert {t["partition"]: t["offset"] for t in second.told("first")} == unfinished
    second.wait_until_done(20_000 - sum(committed.values()))
    assert second.terminate() == 0
    assert await lab.committed() == dict.fromkeys(range(4), 5_000)
    assert sum((await lab.counts()).values()) == 20_000, "the restored counts went on"


@pytest.mark.slow
async def test_partitions_move_between_workers_without_repetition_or_loss(
    broker: Broker, start: Start
) -> None:
    lab = await new_lab(broker)
    await lab.fill(40_000)
    batches = {"limits": {"max_records": 100}}
    one = start(lab, "one", **batches, batch_takes_s=0.1)  # 40 s for all, if the other is not there
    one.wait_until_done(4_000)
    two = start(lab, "two", **batches, batch_takes_s=0.01)
    two.wait_until_done(2_000)

    given = {told["partition"] for told in one.told("revoked")}
    assert len(given) == 2
    assert all(told["keys"] > 0 for told in one.told("revoked"))
    taken = {told["partition"]: told for told in two.told("restored")}
    assert set(taken) == given
    assert all(told["keys"] == 500 for told in taken.values()), "restored from the changelog"
    kept = [told for told in one.told("restored") if told["partition"] not in given][-2:]
    assert all(told["records"] <= 1 for told in kept), "what stays is not restored again"

    assert one.terminate() == 0
    two.wait_for("restored", times=6)
    two.wait_until_done(40_000 - one.told("flushed")[-1]["done"])
    assert two.terminate() == 0
    ranges = await lab.done_ranges()
    assert [overlaps(done) for done in ranges.values()] == [0, 0, 0, 0]
    assert await lab.committed() == dict.fromkeys(range(4), 10_000)
    assert sum((await lab.counts()).values()) == 40_000


async def test_twenty_thousand_keys_are_restored_and_the_newest_version_wins(
    broker: Broker, start: Start
) -> None:
    lab = await new_lab(broker)
    keys = [(number % 4, b"key-%d" % number) for number in range(20_000)]
    first = [(p, key, VERSION.pack(1, 10, 1)) for p, key in keys]
    newer = [(p, key, VERSION.pack(2, 20, 7)) for p, key in keys[:100]]
    zombie = [(p, key, VERSION.pack(1, 30, 99)) for p, key in keys[:100]]
    await lab.write(lab.changelog, first + newer + zombie)

    worker = start(lab)
    worker.wait_for("restored", times=4)
    told = worker.told("restored")
    assert sum(told["keys"] for told in told) == 20_000
    assert sum(told["total"] for told in told) == 20_000 + 100 * 6
    assert worker.terminate() == 0


async def changelog_of(lab: Lab, keys: int) -> None:
    """Counts of so many keys, each with an older record too; 8 together."""
    names = [(number % lab.partitions, b"key-%d" % number) for number in range(keys)]
    older = [(p, key, VERSION.pack(1, 1, 3)) for p, key in names]
    newer = [(p, key, VERSION.pack(1, 2, 8)) for p, key in names]
    await lab.write(lab.changelog, older + newer)


@pytest.mark.kafka
async def test_a_restore_longer_than_the_session_timeout_keeps_its_partitions(
    kafka_broker: Broker, start: Start
) -> None:
    lab = await new_lab(kafka_broker)
    await changelog_of(lab, 8_000)
    worker = start(lab, restore_takes_s=0.1, limits={"max_records": 200})
    worker.wait_for("restored", times=4, timeout_s=60)
    told = worker.told("restored")
    assert len(told) == len({told["partition"] for told in told}) == 4, "no second assignment"
    assert sum(told["total"] for told in told) == 8 * 8_000
    assert worker.log.count("Heartbeat failed") == 0
    assert "restoring: " in worker.log
    assert worker.terminate() == 0


@pytest.mark.kafka
async def test_a_worker_that_joins_in_mid_restore_takes_its_share(
    kafka_broker: Broker, start: Start
) -> None:
    lab = await new_lab(kafka_broker)
    await changelog_of(lab, 8_000)
    # Slow enough for a second worker to start on a busy machine before the first is done.
    slow = {"restore_takes_s": 0.6, "limits": {"max_records": 200}}
    first = start(lab, "first", **slow)
    first.wait_for_log("restoring: ")
    assert first.told("restored") == []
    second = start(lab, "second", **slow)
    for worker in (first, second):
        worker.wait_for("restored", times=2, timeout_s=60)
    told = first.told("restored") + second.told("restored")
    assert {told["partition"] for told in told} == set(range(4))
    assert {(told["keys"], told["total"]) for told in told} == {(2_000, 16_000)}, "told too early"
    assert len({told["generation"] for told in told}) == 1, "it joined too late for this test"
    assert first.terminate() == second.terminate() == 0


FAILURES: dict[str, tuple[dict[str, Any], str]] = {
    "agent": ({"fail_in": "agent", "fail_at": 350}, "ValueError: the poison was taken"),
    "agent that lets Faust ack": (
        {"fail_in": "agent", "fail_at": 350, "auto_ack": True},
        "ValueError: the poison was taken",
    ),
    "flush": ({"fail_in": "flush"}, "ValueError: the flush failed"),
    "restore": ({"fail_in": "restore"}, "cannot be restored: this record cannot be restored"),
    "restored": ({"fail_in": "restored"}, "ValueError: this partition cannot be taken over"),
    "out-of-order ack": (
        {"ack_backwards": True, "flush_interval_s": 0.5},
        "OutOfOrderAck: ",
    ),
}


async def test_any_failure_ends_the_process_and_commits_nothing_undone(
    broker: Broker, start: Start
) -> None:
    labs = {name: await new_lab(broker, partitions=1) for name in FAILURES}
    workers = {}
    for name, lab in labs.items():
        await lab.fill(1_000)
        await lab.write(lab.changelog, [(0, b"k0", VERSION.pack(0, 0, 0))])
        options = {"limits": {"max_records": 100}, **FAILURES[name][0]}
        workers[name] = start(lab, **options)

    for name, worker in workers.items():
        assert worker.exit_code() == 1, name
        stops = [line for line in worker.log.splitlines() if "worker stopped by" in line]
        assert len(stops) == 1, name
        assert FAILURES[name][1] in stops[0], name
        done = [last for _, last in (await labs[name].done_ranges())[0]]
        committed = (await labs[name].committed())[0] or 0
        assert committed <= max(done, default=-1) + 1, name
        assert committed <= 300 or name == "out-of-order ack", name


@pytest.mark.kafka
async def test_a_spare_worker_stays_and_takes_over(kafka_broker: Broker, start: Start) -> None:
    lab = await new_lab(kafka_broker, partitions=1)
    patience = {"max_poll_interval_ms": 2_000}
    owner = start(lab, "owner", **patience)
    owner.wait_for("restored")
    spare = start(lab, "spare", **patience)
    owner.wait_for("restored", times=2)  # the group of two
    await lab.fill(100)
    owner.wait_until_done(100)
    spare.quiet_for(3)  # longer than its patience

    assert owner.terminate() == 0
    spare.wait_for("restored")
    await lab.fill(100)
    spare.wait_until_done(100)
    assert spare.terminate() == 0
    assert await lab.committed() == {0: 200}


async def test_a_stop_during_the_join_is_clean(embedded_broker: Broker, start: Start) -> None:
    worker = start(await new_lab(embedded_broker))
    worker.wait_for_log("(Re-)joining group")  # the embedded broker takes three seconds for it
    assert worker.terminate() == 0


async def test_a_stop_does_not_wait_for_ever_for_what_is_in_flight(
    embedded_broker: Broker, start: Start
) -> None:
    lab = await new_lab(embedded_broker, partitions=1)
    await lab.fill(100)
    worker = start(lab, hang=True, limits={"drain_timeout_ms": 1_000})
    worker.wait_for("first")
    assert worker.terminate() == 1
    assert "worker stopped by DrainTimeout: 1 batches not acked" in worker.log
    assert await lab.committed() == {0: None}


@pytest.mark.slow
async def test_a_stop_without_a_broker_ends_in_time(start: Start) -> None:
    with start_broker("embedded") as own:
        labs = [await new_lab(own, partitions=1), await new_lab(own, partitions=1)]
        limits = {"drain_timeout_ms": 2_000}
        for lab in labs:
            await lab.fill(100)
        committed = start(labs[0], limits=limits)
        acked = start(labs[1], limits=limits, commit_interval_ms=600_000)
        committed.wait_until_done(100)
        acked.wait_until_done(100)
        await asyncio.sleep(1)
        own.kill()
        await asyncio.sleep(1)  # for them to notice
        assert committed.terminate(timeout_s=15) == 0
        assert acked.terminate(timeout_s=15) == 1
        assert "worker stopped by DrainTimeout" in acked.log
