"""The live view of the demo, fed with what the worked example puts out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from devtools.demo import state as demo_state
from devtools.demo.feeds import read_metrics
from devtools.demo.render import progress_line, render
from devtools.demo.state import DemoState, News, Population
from devtools.demo.summary import summary, what_next
from handlers.outputs import CUSTOMER_PROFILES, DORMANCY_ALERTS, TIER_CHANGES
from scoring.policy import Policy, Tier
from streams.kafka.topics import DEAD_LETTERS
from streams.runtime.metrics import Metrics
from tests.builders import to_ms
from tests.driver import run
from words import Language, words_in

EXAMPLE = Path(__file__).resolve().parents[1] / "example" / "events.jsonl"


def printed(renderable: RenderableType, width: int = 80, height: int = 24) -> list[str]:
    console = Console(width=width, height=height, force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(renderable)
    return captured.get().splitlines()


@pytest.fixture
def state() -> DemoState:
    """What the demo knows when the worked example has gone through."""
    found = run(EXAMPLE.read_bytes().splitlines(), until_ms=to_ms("2026-01-01T00:00:00Z"))
    state = DemoState(title="Tierstream · the example", total=23)
    for output in found.collected.outputs:
        key = output.customer_id.encode()
        state.on_output(output.topic, output.value, (), key)
        state.news.advance()
    for letter in found.collected.dead_letters:
        state.on_output(DEAD_LETTERS, b"{}", [("reason", letter["reason"].encode())])
    state.on_progress(1.0, 23)
    state.on_metrics(2.0, 23, 0)
    return state


def test_outputs_are_counted_by_kind(state: DemoState) -> None:
    assert state.tier_changes["prospect", "B", "order"] == 3
    assert state.tier_changes["A", "B", "grace_expired"] == 2
    assert state.alerts["dormancy.alert", "churned"] == 3
    assert state.alerts["dormancy.withdrawn", "active"] == 1
    assert state.dead_letters == {
        "conflict": 1,
        "unknown_currency": 1,
        "invalid_value": 1,
        "not_json": 1,
        "invalid_timestamp": 1,
        "erased_customer": 1,
    }
    assert state.seen[TIER_CHANGES] == state.tier_changes.total() == 10
    assert state.seen[DORMANCY_ALERTS] == state.alerts.total() == 16


def test_customers_stand_where_their_newest_profile_says(state: DemoState) -> None:
    assert state.population.by_tier == {"B": 1, "C": 1, "prospect": 1}
    assert state.population.by_stage == {"churned": 1, "dormant": 1, "prospect": 1}


def test_an_erased_customer_is_taken_out(state: DemoState) -> None:
    state.on_output(CUSTOMER_PROFILES, None, (), b"ana")
    state.on_output(CUSTOMER_PROFILES, None, (), b"nobody")
    assert state.population.by_tier["B"] == 0
    assert state.population.total == 2


def test_a_profile_after_another_moves_the_customer() -> None:
    found = Population()
    found.place(b"ana", "B", "new")
    found.place(b"ana", "A", "loyal")
    assert +found.by_tier == {"A": 1}
    assert +found.by_stage == {"loyal": 1}


def test_customers_beyond_the_limit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_state, "MAX_CUSTOMERS", 2)
    found = Population()
    for customer in (b"ana", b"ben", b"cai"):
        found.place(customer, "C", "new")
    found.place(b"ana", "A", "loyal")
    assert (found.total, found.left_out) == (2, 1)
    assert +found.by_tier == {"C": 1, "A": 1}


def test_the_view_fits_a_terminal_of_80_by_24(state: DemoState) -> None:
    lines = printed(render(state))
    assert len(lines) < 24
    assert max(len(line) for line in lines) == 80


@pytest.mark.parametrize(("width", "height"), [(40, 24), (60, 30), (80, 24), (120, 40), (200, 60)])
def test_no_line_is_wider_than_the_terminal(width: int, height: int, state: DemoState) -> None:
    lines = printed(render(state), width, height)
    assert max(len(line) for line in lines) <= width
    assert len(lines) < height


def test_the_header_says_what_when_and_how_far(state: DemoState) -> None:
    head = printed(render(state))[:3]
    assert head[0].startswith("Tierstream · the example")
    assert head[0].rstrip().endswith("2025-12-21")
    assert "100 % of 23 events" in head[1]
    assert "in 23 " in head[2]
    assert "done 23 " in head[2]
    assert "lag 0" in head[2]


def test_the_panels_name_tiers_with_labels_and_stages_with_bars(state: DemoState) -> None:
    text = "\n".join(printed(render(state)))
    assert "B        Core" in text
    assert "at risk" in text
    assert "1 █" in text


def test_the_feed_tells_changes_in_words_with_their_days(state: DemoState) -> None:
    text = "\n".join(printed(render(state), 120, 60))
    assert "2025-02-01  ana: Core → VIP after an order: score 66 → 83 (at least 70)" in text
    assert "2025-04-03  ana: VIP → Core as the grace ended: score 75 → 66 (at least 70)" in text
    assert "2025-12-01  ben: is back, churned → dormant; last purchase Mar 25, 2025" in text
    assert "Newest of 10 tier changes and 16 alerts" in text


def test_dead_letters_stand_at_the_foot_by_reason(state: DemoState) -> None:
    assert printed(render(state), 160)[-1].startswith(
        "Dead letters 6: same id, other content 1 · the "
    )


def test_before_anything_came_the_view_is_empty_but_there() -> None:
    lines = printed(render(DemoState(title="Tierstream")))
    assert "before the first event" in lines[0]
    assert "Dead letters 0" in lines[-1]
    assert len(lines) < 24


def test_a_customer_id_is_never_taken_for_markup() -> None:
    state = DemoState()
    state.news.note("2025-01-01T00:00:00.000Z", "up", lambda: "[bold]x[/bold]: C → B")
    state.news.advance()
    assert "[bold]x[/bold]: C → B" in "\n".join(printed(render(state)))


def test_tiers_of_another_policy_are_shown_in_their_order() -> None:
    tiers = (Tier("gold", {"zh": "金"}, min_score=50), Tier("silver", {"en": "Silver"}))
    state = DemoState(policy=Policy(tiers=tiers))
    assert dict(state.tier_labels()) == {"gold": "金", "silver": "Silver", "prospect": ""}
    lines = printed(render(state))
    assert [line.split()[1] for line in lines[4:7]] == ["gold", "silver", "prospect"]


def test_without_a_terminal_one_line_says_it_all(state: DemoState) -> None:
    line = progress_line(state)
    assert "\n" not in line
    for part in ("2025-12-21", "sent 23", "processed 23", "B 1", "alerts 16", "dead letters 6"):
        assert part in line


def test_rare_kinds_of_news_get_their_turn() -> None:
    news = News()
    news.note("t0", "down", lambda: "rare")
    for number in range(100):
        news.note("t1", "first", f"common {number}".format)
    news.advance()
    news.advance()
    news.advance()
    assert [line.text for line in news.shown] == ["rare", "common 99"]


def test_rates_are_those_of_the_last_seconds() -> None:
    state = DemoState(total=2_000)
    for second in range(30):
        state.on_metrics(float(second), second * 10, 0)
    assert state.processed_rate.per_second == pytest.approx(10)


def test_the_time_of_the_last_event_processed_is_kept() -> None:
    state = DemoState(total=100)
    for second, processed in ((1, 40), (2, 100), (3, 100)):
        state.on_metrics(second, processed, 0)
    assert state.finished_s == 2


def test_what_the_worker_measures_is_read_from_its_metrics_page() -> None:
    metrics = Metrics()
    metrics.events.labels("orders", "order.placed", "forwarded").inc(50)
    metrics.events.labels("orders", "order.placed", "accepted").inc(40)
    metrics.events.labels("orders", "order.placed", "duplicate").inc(3)
    metrics.events.labels("orders", "unknown", "dead_letter").inc(2)
    metrics.dead_letters.labels("orders", "not_json").inc(2)
    metrics.outputs.labels(TIER_CHANGES).inc(7)
    metrics.consumer_lag.labels("orders", "0").set(11)
    metrics.consumer_lag.labels("orders", "1").set(4)
    found = read_metrics(exposition(metrics))
    assert found.processed == 45
    assert found.waiting == 15
    assert found.outputs == Counter({TIER_CHANGES: 7, DEAD_LETTERS: 2})


def exposition(metrics: Metrics) -> str:
    from prometheus_client import generate_latest

    return generate_latest(metrics.registry).decode()


def test_the_summary_has_the_figures_and_says_what_to_try(state: DemoState) -> None:
    state.in_redis = 3
    text = "\n".join(printed(summary(state, 2.0)))
    assert "23 events in 2.0 s, 12 a second: 3 customers, 10 tier changes, 16" in text
    assert "The Redis view holds 3 of 3 customers." in text
    assert "prospect → B  order" in text
    assert "Bought again  active" in text
    assert "tierstream backtest" in "\n".join(printed(what_next(words_in())))


def test_the_view_and_the_summary_speak_chinese(state: DemoState) -> None:
    state.words = words_in(Language.ZH)
    assert dict(state.tier_labels())["A"] == "高价值客户"
    change = (
        b'{"data":{"customer_id":"ana","sequence":9,"previous_tier":"B","tier":"A","direction":'
    )
    change += (
        b'"up","reason":"order","late":false,"caused_by":[],"effective_at":"2026-01-01T00:00:00'
    )
    change += b'.000Z","before":null,"after":null,"crossed":[],"next_tier":null,"keeps_until":null,'
    change += b'"action":null,"policy_version":"p"}}'
    state.on_output(TIER_CHANGES, change)
    state.news.advance()
    text = "\n".join(printed(render(state), 120, 60))
    for part in ("各等级客户", "流失风险", "积压 0", "ana：下单后，中等价值客户 → 高价值客户"):
        assert part in text
    text = "\n".join(printed(summary(state, 2.0), 120))
    for part in ("2.0 秒内处理 23 个事件", "潜在客户 → B  下单", "死信 6"):
        assert part in text
    assert "已处理 23" in progress_line(state)
    assert "接下来可以试试" in "\n".join(printed(what_next(state.words)))


def test_an_alert_that_is_not_to_be_acted_on_says_so() -> None:
    state = DemoState()
    alert = b'{"type":"dormancy.alert","data":{"customer_id":"ben","sequence":3,"level":"dormant",'
    alert += (
        b'"previous_level":"at_risk","effective_at":"2025-04-03T00:00:00.000Z","last_order_at":'
    )
    alert += (
        b'null,"last_interaction_at":null,"threshold_days":90.0,"basis":"fixed","withdraws":[],'
    )
    alert += (
        b'"tier":"B","open_tickets":0,"action":null,"suppressed":"holdout","policy_version":"p"}}'
    )
    state.on_output(DORMANCY_ALERTS, alert)
    state.news.advance()
    [line] = state.news.shown
    assert line.text == (
        "ben: dormant: no purchase for 90 days; do not contact: held out for comparison"
    )
