"""Until when what was written before may stay, by the settings of the cluster."""

from __future__ import annotations

import pytest

from cli.erase.count import bearing
from cli.erase.receipt_text import receipt_lines, what_is_missing
from config.settings import Settings
from streams.erasure.receipt import Count, Receipt, ResidualData, Step
from streams.erasure.retention import (
    Expiry,
    expiry_of,
    residual_data_of,
    retention_settings,
    topics_of,
)
from streams.kafka.topics import all_topics
from tests.unit.test_erasure_trail import Record

DAY_MS = 86_400_000
NOW_MS = 1_800_000_000_000
ROUNDS_MS = 600_000 + 60_000
"""What brokers take to look for work, and to delete a file."""


def fate_of(**config: object) -> Expiry:
    named = {name.replace("_", "."): str(value) for name, value in config.items()}
    return expiry_of("t", retention_settings(named), NOW_MS)


def days(found: Expiry) -> float | None:
    """In how many days it is gone at the latest."""
    return None if found.gone_ms is None else (found.gone_ms - ROUNDS_MS - NOW_MS) / DAY_MS


def test_a_record_goes_with_the_newest_of_its_segment() -> None:
    found = fate_of(cleanup_policy="delete", retention_ms=3 * DAY_MS, segment_ms=2 * DAY_MS)
    assert days(found) == 5
    assert "3d (retention.ms)" in found.why
    assert "2d (segment.ms)" in found.why


@pytest.mark.parametrize("retention_ms", [-1, 2**63 - 1])
def test_what_is_kept_for_ever_has_no_end_and_a_remedy(retention_ms: int) -> None:
    found = fate_of(cleanup_policy="delete", retention_ms=retention_ms)
    assert found.gone_ms is None
    assert found.remedy == (
        "kafka-configs.sh --alter --entity-type topics --entity-name t --add-config retention.ms=…"
    )


def test_a_segment_that_never_closes_has_no_end() -> None:
    found = fate_of(cleanup_policy="delete", retention_ms=DAY_MS, segment_ms=2**63 - 1)
    assert found.gone_ms is None
    assert "segment.ms" in (found.remedy or "")


def test_what_is_superseded_goes_with_the_greatest_lag() -> None:
    lags = {"max_compaction_lag_ms": 7 * DAY_MS, "min_compaction_lag_ms": DAY_MS // 2}
    found = fate_of(cleanup_policy="compact", retention_ms=-1, **lags)
    assert days(found) == 7.5


def test_without_a_greatest_lag_compaction_has_no_time() -> None:
    found = fate_of(cleanup_policy="compact", min_cleanable_dirty_ratio="0.3")
    assert found.gone_ms is None
    assert "min.cleanable.dirty.ratio=0.3" in found.why
    assert "max.compaction.lag.ms" in (found.remedy or "")


def test_of_two_ways_to_go_the_sooner_one_counts() -> None:
    both = {"cleanup_policy": "compact,delete", "segment_ms": DAY_MS}
    sooner = fate_of(**both, retention_ms=DAY_MS, max_compaction_lag_ms=9 * DAY_MS)
    assert days(sooner) == 2
    only_one = fate_of(**both, retention_ms=-1, max_compaction_lag_ms=9 * DAY_MS)
    assert days(only_one) == 9


def test_only_settings_that_decide_are_told() -> None:
    told = {"cleanup.policy": "delete", "retention.ms": "5", "compression.type": "zstd"}
    found = residual_data_of("t", "events", told, NOW_MS)
    assert found.settings.keys() == {
        "cleanup.policy",
        "retention.ms",
        "segment.ms",
        "file.delete.delay.ms",
    }
    compacted = residual_data_of("t", "profiles", {"cleanup.policy": "compact"}, NOW_MS).settings
    assert "retention.ms" not in compacted
    assert {"max.compaction.lag.ms", "delete.retention.ms"} <= compacted.keys()


def test_settings_that_may_not_be_read_make_nothing_certain() -> None:
    found = residual_data_of("t", "events", None, NOW_MS)
    assert (found.gone_by, found.settings) == (None, {})
    assert "DESCRIBE_CONFIGS" in found.why


def test_every_topic_of_ours_is_told() -> None:
    settings = Settings(topic_prefix="x.")
    ours = {topic.name for topic in all_topics(settings)}
    assert topics_of(settings).keys() == ours - {"x.clock-probe"}  # has no data of anybody


@pytest.mark.parametrize(
    ("key", "value", "headers", "bears"),
    [
        (b"zo\xc3\xab", None, (), True),
        (None, '{"customer_id": "zoë"}'.encode(), (), True),
        (None, b'{"customer_id": "zo\\u00eb"}', (), True),
        (None, b"{}", (("ce_subject", "zoë".encode()),), True),
        (b"other id", None, (), True),
        (None, '{"name": "zoë maria"}'.encode(), (), False),
        (b"other", None, (("ce_id", "zoë".encode()),), False),
    ],
)
def test_a_record_bears_an_id_as_key_value_or_subject(
    key: bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes]], bears: bool
) -> None:
    assert bearing(["zoë", "other id"])(Record(0, key, value, headers)) is bears


def receipt(*steps: Step, remains: tuple[ResidualData, ...] = ()) -> Receipt:
    return Receipt(
        "ana", "ana", (), "e1", "2026-01-01T00:00:00.000Z", None, False, steps, remains, ()
    )


def test_topics_of_one_fate_are_told_together_with_one_remedy() -> None:
    topics = tuple(
        residual_data_of(name, f"things of {name}", {"retention.ms": "-1"}, NOW_MS) for name in "ab"
    )
    lines = [line.strip() for line in receipt_lines(receipt(remains=topics))]
    assert sum(line.startswith("no end is certain: kept for ever") for line in lines) == 1
    assert [line for line in lines if "--entity-name TOPIC" in line]
    assert {"a: things of a", "b: things of b"} <= set(lines)


def test_a_count_that_was_cut_short_says_so() -> None:
    one = ResidualData("t", "events", {}, None, "why", count=Count(3, complete=False))
    assert any(
        "(at least 3 records bear the id)" in line
        for line in receipt_lines(receipt(remains=(one,)))
    )


def test_what_is_missing_is_one_sentence_with_the_places() -> None:
    waiting = receipt(
        Step("log", "done", ""), Step("state", "waiting", ""), Step("view", "not_reached", "")
    )
    assert "is written and will be done" in what_is_missing(waiting)
    assert "state, Redis" in what_is_missing(waiting)
    refused = receipt(Step("log", "refused", "it became a dead letter"))
    assert what_is_missing(refused) == "customer 'ana' is not erased: it became a dead letter"
