"""What the Faust plumbing takes for granted about Faust, mode and aiokafka.

None of it is promised by those packages. After an upgrade these tests say what to read again.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import faust
import mode
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import Fetcher, FetchResult, PartitionRecords
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance, GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState, TopicPartitionState
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder, MessageAccumulator
from aiokafka.producer.sender import SendProduceReqHandler
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from faust.app.base import BootStrategy
from faust.assignor.partition_assignor import PartitionAssignor
from faust.stores.base import Store
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport import consumer as base
from faust.transport.drivers import aiokafka as driver
from faust.types import StoreT
from mode.threads import ServiceThread

from streams.faust_app import FaustOptions, create_app

ROOT = Path(__file__).parents[2]
PACKAGES = ("faust", "mode", "aiokafka")
ORDINARY = {"BootStrategy", "logger", "_abc_impl", "API_KEY", "API_VERSION", "SCHEMA"}
ORDINARY |= {"FLEXIBLE_VERSION", "_is_protocol"}
"""Public settings of a class, and what classes have by themselves."""

HOOKS: list[tuple[Callable[..., Any], str]] = [
    # overridden
    (driver.AIOKafkaConsumerThread._create_worker_consumer, "self, transport"),
    (driver.AIOKafkaConsumerThread._highwaters, "self, partitions"),
    (
        driver.AIOKafkaConsumerThread._fetch_records,
        "self, consumer, active_partitions, timeout, max_records",
    ),
    (driver.AIOKafkaConsumerThread.on_thread_stop, "self"),
    (driver.AIOKafkaConsumerThread.on_start, "self"),
    (driver.AIOKafkaConsumerThread._commit, "self, offsets"),
    (driver.Consumer._new_consumer_thread, "self"),
    (driver.Consumer._to_message, "self, tp, record"),
    (base.Consumer.getmany, "self, timeout"),
    (base.Consumer._add_gap, "self, tp, offset_from, offset_to"),
    (base.Consumer._new_offset, "self, tp"),
    (base.Consumer.ack, "self, message"),
    (base.Consumer.commit, "self, topics, start_new_transaction"),
    (base.Consumer._commit_offsets, "self, offsets, start_new_transaction"),
    (base.Consumer.wait_empty, "self"),
    (driver.Consumer.on_stop, "self"),
    (base.Consumer.on_partitions_revoked, "self, revoked"),
    (base.Consumer.on_partitions_assigned, "self, assigned, generation_id"),
    (base.Consumer.resume_partitions, "self, tps"),
    (base.Consumer.perform_seek, "self"),
    (base.Consumer.resume_flow, "self"),
    (base.Consumer.verify_all_partitions_active, "self"),
    (faust.App._new_transport, "self"),
    (faust.App._create_directories, "self"),
    (faust.App._on_rebalance_when_stopped, "self"),
    (faust.Table._new_store, "self"),
    (faust.Table._new_changelog_topic, "self, retention, compacting, deleting"),
    (faust.Table.on_key_get, "self, key"),
    (faust.Table.on_key_set, "self, key, value"),
    (faust.Table.on_key_del, "self, key"),
    (faust.Table.on_clear, "self"),
    (Recovery._wait, "self, coro, timeout"),
    (Recovery._build_offsets, "self, consumer, tps, destination, title"),
    (Store.persisted_offset, "self, tp"),
    (Store.on_rebalance, "self, assigned, revoked, newly_assigned, generation_id"),
    (Store.on_recovery_completed, "self, active_tps, standby_tps"),
    (faust.Worker._setproctitle, "self, info, ident"),
    (mode.Worker._install_signal_handlers_unix, "self"),
    (mode.Service._crash, "self, reason"),
    (faust.App.on_init_dependencies, "self"),
    (faust.App.on_start, "self"),
    (faust.App.on_shutdown, "self"),
    (
        faust.Schema.compile,
        "self, app, on_key_decode_error, on_value_decode_error, default_propagate",
    ),
    (ServiceThread.on_crash, "self, msg, fmt, kwargs"),
    (PartitionAssignor.metadata, "self, topics"),
    (PartitionAssignor.assign, "self, cluster, member_metadata"),
    (PartitionAssignor.on_assignment, "self, assignment"),
    (StoreT.apply_changelog_batch, "self, batch, to_key, to_value"),
    (StoreT.reset_state, "self"),
    (StoreT.backup_partition, "self, tp, flush, purge, keep"),
    (StoreT.restore_backup, "self, tp, latest, backup_id"),
    (faust.Table.on_start, "self"),
    (faust.Table.send_changelog, "self, partition, key, value, key_serializer, value_serializer"),
    (AIOKafkaConsumer.stop, "self"),
    (Request.build, "self, request_struct_class"),
    (AbstractType.encode, "value"),
    (AbstractType.decode, "data"),
    (PartitionRecords._consumer_record, "self, tp, record"),
    (PartitionRecords._unpack_records, "self"),
    (_MemoryRecordsPy.next_batch, "self, _min_slice, _magic_offset"),
    # called
    (faust.Table._changelog_topic_name, "self"),
    (AIOKafkaClient.fetch_all_metadata, "self"),
    (Recovery.need_recovery, "self"),
    (Recovery.active_remaining_total, "self"),
    (driver.AIOKafkaConsumerThread._ensure_consumer, "self"),
    (driver.AIOKafkaConsumerThread.call_thread, "self, fun, args, kwargs"),
    (base.ThreadDelegateConsumer._getmany, "self, active_partitions, timeout"),
    (base.Consumer._get_active_partitions, "self"),
    (base.Consumer._clean_unacked_messages, "self"),
    (base.Consumer.maybe_wait_for_commit_to_finish, "self"),
    (base.Consumer.commit_and_end_transactions, "self"),
    (base.Consumer.stop_flow, "self"),
    (AIOKafkaConsumer.highwater, "self, partition"),
    (AIOKafkaConsumer.last_stable_offset, "self, partition"),
    (AIOKafkaConsumer.seek_to_beginning, "self, partitions"),
    (SubscriptionState.fetch_context, "self"),
    (GroupCoordinator._send_req, "self, request"),
    (GroupCoordinator.reset_generation, "self"),
    (GroupCoordinator.request_rejoin, "self"),
    (GroupCoordinator._maybe_leave_group, "self"),
    (GroupCoordinator.fetch_committed_offsets, "self, partitions"),
    (AIOKafkaClient.send, "self, node_id, request, group"),
    (AIOKafkaClient.get_random_node, "self"),
    (AIOKafkaClient.force_metadata_update, "self"),
    (AIOKafkaConsumer.end_offsets, "self, partitions"),
    (AIOKafkaProducer.create_batch, "self"),
    (AIOKafkaProducer.send_batch, "self, batch, topic, partition"),
    (BatchBuilder.append, "self, timestamp, key, value, headers"),
]

ATTRIBUTES: list[tuple[type[Any], str]] = [
    (base.Consumer, "_acked"),
    (base.Consumer, "_acked_index"),
    (base.Consumer, "_committed_offset"),
    (base.Consumer, "_unacked_messages"),
    (Recovery, "_generation_id"),
    (Recovery, "active_highwaters"),
    (Recovery, "active_offsets"),
    (Recovery, "active_tps"),
    (TableManager, "_recovery"),
    (AIOKafkaConsumer, "_client"),
    (AIOKafkaConsumer, "_coordinator"),
    (AIOKafkaConsumer, "_subscription"),
    (AIOKafkaConsumer, "_fetch_max_wait_ms"),
    (AIOKafkaConsumer, "_isolation_level"),
    (PartitionRecords, "_records"),
    (_MemoryRecordsPy, "_next_slice"),
    (_DefaultRecordBatchPy, "_buffer"),
    (TopicPartitionState, "_position"),
    (GroupCoordinator, "_subscription"),
    (GroupCoordinator, "_closing"),
]
"""Attributes of objects, which are read or replaced."""

NAMED: list[tuple[type[Any], str]] = [
    (BootStrategy, "enable_web"),
    (BootStrategy, "enable_kafka_producer"),
    (driver.Transport, "Consumer"),
    (Recovery, "_publish_stats"),
    (TableManager, "recovery"),
]
"""Attributes of classes, and tasks, that are overridden."""

REPLACED: list[tuple[ModuleType, str]] = [
    (fetcher, "MemoryRecords"),
    (fetcher, "PartitionRecords"),
]
"""Names of a module under which it gets something else."""


@pytest.mark.parametrize(
    ("hook", "parameters"), HOOKS, ids=lambda part: getattr(part, "__qualname__", "")
)
def test_a_hook_is_there_with_its_parameters(hook: Callable[..., Any], parameters: str) -> None:
    assert ", ".join(inspect.signature(hook).parameters) == parameters


@pytest.mark.parametrize(("owner", "name"), NAMED)
def test_what_is_overridden_by_name_is_there(owner: type[Any], name: str) -> None:
    assert hasattr(owner, name)


@pytest.mark.parametrize(("owner", "name"), REPLACED)
def test_a_module_looks_up_what_is_replaced_in_it_when_it_uses_it(
    owner: ModuleType, name: str
) -> None:
    assert f" {name}(" in inspect.getsource(Fetcher._proc_fetch_request)
    assert hasattr(owner, name)


@pytest.mark.parametrize(("owner", "name"), ATTRIBUTES)
def test_an_attribute_is_set_where_it_is_used(owner: type[Any], name: str) -> None:
    sources = (inspect.getsource(one) for one in owner.__mro__[:-1])
    assert any(re.search(rf"self\.{name}\b[^=\n]* = ", source) for source in sources)


def listed() -> list[str]:
    """The private parts that `docs/dependencies.md` gives a reason for."""
    section = (ROOT / "docs" / "dependencies.md").read_text("utf-8").split("\n## Private parts ")[1]
    return re.findall(r"^\| `([\w.]+)` \|", section.split("\n## ")[0], re.MULTILINE)


def test_every_private_part_is_listed_with_a_reason() -> None:
    hooks = [hook.__qualname__ for hook, _ in HOOKS]
    named = [f"{owner.__name__}.{name}" for owner, name in (*ATTRIBUTES, *NAMED)]
    named += [f"{owner.__name__.rpartition('.')[2]}.{name}" for owner, name in REPLACED]
    assert sorted(listed()) == sorted([*hooks, *named])


def overridden() -> Iterator[tuple[str, str]]:
    """What our classes override of the three packages: the module it is in, and its name."""
    for file in sorted(ROOT.glob("streams/**/*.py")):
        name = file.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        module = importlib.import_module(name.removesuffix(".__init__"))
        for kind in vars(module).values():
            if inspect.isclass(kind) and kind.__module__ == module.__name__:
                theirs = [one for one in kind.__mro__ if one.__module__.split(".")[0] in PACKAGES]
                for attribute in vars(kind):
                    if any(attribute in vars(one) for one in theirs):
                        yield module.__name__, attribute


def test_what_is_overridden_is_known_here_and_stands_in_the_faust_app() -> None:
    known = {part.rpartition(".")[2] for part in listed()}
    found = [
        (where, name) for where, name in overridden() if name not in ORDINARY and name[:2] != "__"
    ]
    assert {name for _, name in found} <= known
    assert {where.rpartition(".")[0] for where, _ in found} == {"streams.faust_app"}


def test_the_versions_are_those_whose_source_was_read() -> None:
    assert version("faust-streaming") == "0.15.3"
    assert version("mode-streaming") == "0.7.1"
    assert version("aiokafka") == "0.14.0"


def in_order(function: Callable[..., Any], *parts: str) -> bool:
    """Whether the function's source has all parts, each after the one before."""
    source, at = inspect.getsource(getattr(function, "fun", function)), 0
    for part in parts:
        at = source.find(part, at) + 1
        if not at:
            return False
    return True


@pytest.mark.parametrize("function", [Recovery.on_recovery_completed, Recovery._resume_streams])
def test_a_restore_ends_in_the_order_that_the_gate_expects(function: Callable[..., Any]) -> None:
    assert in_order(
        function,
        "consumer.resume_partitions(",
        "consumer.perform_seek()",
        "flow_control.resume()",
        "consumer.resume_flow()",
    )


def test_the_table_is_told_before_the_streams_go_on() -> None:
    assert in_order(
        Recovery.on_recovery_completed,
        "table.on_recovery_completed(",
        "consumer.resume_partitions(",
    )
    assert in_order(TableManager.on_rebalance, "table.on_rebalance", "self.recovery.on_rebalance")


def test_a_restore_starts_where_the_store_says() -> None:
    assert in_order(Recovery._add, "table.persisted_offset(tp)", "offsets[tp] = persisted_offset")


def test_ends_of_a_changelog_are_known_when_its_starts_are() -> None:
    assert in_order(Recovery._restart_recovery, "self._build_highwaters", "self._build_offsets")


def test_an_interrupted_restore_is_taken_for_the_end_of_it() -> None:
    """That is what `StrictRecovery.is_complete` is for."""
    assert in_order(
        Recovery._restart_recovery,
        "await self._wait(self.signal_recovery_end.wait())",
        "except Exception as exc:\n                        finish_span(",
        "T(self.on_recovery_completed)(generation_id)",
    )


def test_faust_drops_its_acks_before_it_waits_for_the_streams() -> None:
    assert in_order(
        base.Consumer.on_partitions_revoked, "self._acked.pop(", "self._on_partitions_revoked"
    )


def test_every_ack_is_appended_to_the_list_of_its_partition() -> None:
    assert in_order(base.Consumer.ack, "acked_for_tp = self._acked[tp]", "acked_for_tp.append(")
    compiled = Path(inspect.getfile(faust)).parent / "_cython" / "streams.pyx"
    assert "acked_for_tp = consumer._acked[tp]" in compiled.read_text()
    assert "acked_for_tp.append(offset)" in compiled.read_text()


def test_a_commit_takes_offsets_from_the_hook_for_all_partitions_with_acks() -> None:
    assert in_order(base.Consumer._filter_tps_with_pending_acks, "for tp in self._acked")
    assert in_order(base.Consumer._filter_committable_offsets, "self._new_offset(tp)")


def test_the_consumer_keeps_the_state_that_is_used_here() -> None:
    source = inspect.getsource(base.Consumer.__init__)
    for attribute in ("_acked", "_acked_index", "_committed_offset", "_unacked_messages"):
        assert f"self.{attribute} = " in source


def test_a_buffer_of_one_batch_would_keep_the_changelog_open() -> None:
    assert in_order(Recovery._restart_recovery, "recovery_buffer_size == 1", "resume_partitions")


def test_a_step_of_the_recovery_that_times_out_looks_like_a_stop() -> None:
    assert in_order(Recovery._wait, "wait_result.stopped", "raise ServiceStopped()")
    assert in_order(
        inspect.getattr_static(TableManager, "recovery").fget, "self._recovery is None", "Recovery("
    )


def test_the_recovery_swallows_what_a_store_raises() -> None:
    assert in_order(Recovery._slurp_changelogs, "except Exception as ex:", "logger.warning")


def test_aiokafka_reads_the_longest_wait_of_a_fetch_when_it_starts() -> None:
    assert "fetch_max_wait_ms=self._fetch_max_wait_ms" in inspect.getsource(AIOKafkaConsumer.start)


def test_aiokafka_awaits_its_cancelled_fetches_and_closes_its_client_last() -> None:
    assert in_order(Fetcher.close, "for x in self._pending_tasks", "x.cancel()", "await x")
    assert in_order(
        AIOKafkaConsumer.stop,
        "self._coordinator.close()",
        "self._fetcher.close()",
        "self._client.close()",
    )


def test_aiokafka_takes_no_set_of_partitions_for_all() -> None:
    assert "if partitions and tp not in partitions" in inspect.getsource(Fetcher.fetched_records)


def test_aiokafka_does_not_join_while_nothing_is_fetched() -> None:
    assert in_order(
        GroupCoordinator.ensure_active_group,
        "self._subscription.fetcher_idle_time",
        "self._max_poll_interval",
        "return None",
    )


def test_aiokafka_does_not_seek_where_nothing_is_committed() -> None:
    assert "if offset and offset > 0" in inspect.getsource(AIOKafkaConsumer.seek_to_committed)


def test_aiokafka_numbers_a_batch_when_it_leaves() -> None:
    """So a batch built by hand is idempotent too."""
    assert in_order(
        MessageAccumulator._pop_batch,
        "sequence_number(batch.tp)",
        "increment_sequence_number(batch.tp, batch.record_count)",
        "batch.set_producer_state(",
    )


def test_aiokafka_takes_the_first_record_of_a_batch_whatever_its_size() -> None:
    builder = BatchBuilder(100, 0)
    assert builder.append(timestamp=None, key=None, value=b"x" * 1_000).size > 1_000
    assert builder.append(timestamp=None, key=None, value=b"x") is None


def test_the_app_has_the_settings_its_safety_depends_on() -> None:
    app = create_app(FaustOptions(app_id="app", broker_urls=("kafka://127.0.0.1:1",)))
    conf = app.conf
    assert conf.consumer_auto_offset_reset == "none"
    assert not app.in_transaction
    assert conf.stream_wait_empty
    assert conf.table_standby_replicas == 0
    assert conf.broker_request_timeout >= conf.broker_session_timeout
    assert not any([conf.topic_allow_declare, conf.web_enabled, conf.worker_redirect_stdouts])
    assert isinstance(app.boot_strategy, BootStrategy)
    assert list(app.boot_strategy.web_server()) == []
    assert list(app.boot_strategy.kafka_producer()) == []


def test_every_way_out_of_a_group_passes_the_reset_of_its_generation() -> None:
    for function in (
        GroupCoordinator._do_heartbeat,
        GroupCoordinator._do_commit_offsets,
        GroupCoordinator._maybe_leave_group,
        CoordinatorGroupRebalance.perform_group_join,
        CoordinatorGroupRebalance._send_sync_group_request,
    ):
        assert "reset_generation()" in inspect.getsource(function), function
    assert in_order(GroupCoordinator.close, "self._closing.set_result", "_maybe_leave_group()")


def test_a_failed_heartbeat_holds_the_coordinator_until_the_consumer_closes() -> None:
    routine = GroupCoordinator._GroupCoordinator__coordination_routine
    assert in_order(routine, "exc = task.exception()", "await self._push_error_to_user(exc)")
    assert in_order(GroupCoordinator._push_error_to_user, "self._closing")


def test_partitions_are_revoked_before_the_group_is_joined_again() -> None:
    assert in_order(GroupCoordinator.ensure_active_group, "_on_join_prepare(", "_do_rejoin_group(")


def test_a_refused_request_to_write_is_not_tried_again() -> None:
    assert in_order(
        SendProduceReqHandler.do,
        "self._client.send(",
        "except KafkaError",
        "not self._can_retry(err, batch)",
        "batch.failure(exception=err)",
    )
    assert not KafkaError.retriable


def test_without_a_reset_a_position_out_of_range_is_an_error_of_its_partition() -> None:
    assert in_order(
        Fetcher._proc_fetch_request,
        "Errors.OffsetOutOfRangeError",
        "!= OffsetResetStrategy.NONE",
        "Errors.OffsetOutOfRangeError({tp: fetch_offset})",
        "self._set_error(tp, err)",
    )
    assert "del self._records[tp]" in inspect.getsource(Fetcher.request_offset_reset)
    assert in_order(Fetcher.fetched_records, "del self._records[tp]", "check_raise()")


def test_a_fetch_moves_the_position_with_the_records_it_takes_out() -> None:
    """So `Fetched.positions` belong to its records, also where there are none."""
    assert in_order(FetchResult.getall, "for msg in", "self._update_position()")
    assert in_order(Fetcher.fetched_records, ".getall(max_records)", "if drained or not timeout")


def test_the_isolation_level_is_taken_when_a_consumer_starts() -> None:
    assert "isolation_level=self._isolation_level" in inspect.getsource(AIOKafkaConsumer.start)


def test_a_restore_is_complete_when_its_offsets_reach_its_ends() -> None:
    assert in_order(Recovery.active_remaining, "self.active_highwaters", "highwater - offsets[tp]")
    assert in_order(Recovery._slurp_changelogs, "timeout=5.0", "_maybe_signal_recovery_end(")
