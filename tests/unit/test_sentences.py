"""Every output is one sentence in each language."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from config.policy_file import load_policy
from handlers.outputs.types import CHANGE_TYPES
from scoring.policy import Policy
from tests.support.each import for_each
from words import Language, Naming, do_not_contact, sentence, words_in
from words.sentences.any_output import SENTENCES

EXAMPLE = Path(__file__).resolve().parents[1] / "example"
EN, ZH = (Naming(words_in(language), Policy()) for language in (Language.EN, Language.ZH))
AFTER = {"frequency": 4, "monetary": "1120.00"}
MOVE = {
    "previous_tier": "B",
    "tier": "A",
    "reason": "order",
    "after": AFTER,
    "crossed": [{"measure": "score", "before": 66, "after": 83, "cutoff": 70}],
}
DORMANT = {
    "level": "dormant",
    "previous_level": "at_risk",
    "reason": "silence",
    "threshold_days": 90.0,
    "basis": "fixed",
    "last_order_at": "2025-01-03T00:30:00.000Z",
}
DUE = {"due_on": "2026-03-04", "tier": "A"}
CASES: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "tier.changed",
        MOVE,
        "Core → VIP after an order: score 66 → 83 (at least 70)",
        "下单后，中等价值客户 → 高价值客户：评分 66 → 83（条件：不低于 70）",
    ),
    (
        "tier.changed",
        MOVE | {"previous_tier": "prospect", "crossed": [], "late": True},
        "prospect → VIP after an order: 4 orders worth $1,120.00 in 365 days (told late)",
        "下单后，潜在客户 → 高价值客户：365 天内 4 笔订单，合计 US$1,120.00（补录的事件）",
    ),
    (
        "tier.changed",
        MOVE | {"reason": "cancellation", "tier": "prospect", "after": None, "crossed": []},
        "Core → prospect after a cancellation: no order counts any more",
        "取消订单后，中等价值客户 → 潜在客户：已没有有效订单",
    ),
    (
        "tier.changed",
        MOVE | {"reason": "override", "after": None, "crossed": []},
        "Core → VIP by hand",
        "手工设定，中等价值客户 → 高价值客户",
    ),
    (
        "tier.changed",
        MOVE
        | {
            "reason": "profile",
            "crossed": [
                {
                    "measure": "attributes.credit",
                    "before": None,
                    "after": "A",
                    "cutoff": {"in": ["A", "B"], "present": True},
                },
                {"measure": "monetary", "before": "5.00", "after": "70.00", "cutoff": "60.00"},
                {"measure": "recency_days", "before": 41, "after": 0, "cutoff": 40},
            ],
        },
        (
            "Core → VIP after an update of the profile: attribute credit none → A (one of A, B, is "
            "known), value $5.00 → $70.00 (at least $60.00), days since the last order 41 → 0 (at "
            "most 40)"
        ),
        (
            "资料更新后，中等价值客户 → 高价值客户：属性 credit 无 → A（条件：属于 A、B、已知）、"
            "消费额 US$5.00 → US$70.00（条件：不低于 US$60.00）、"
            "距上次购买天数 41 → 0（条件：不高于 40）"
        ),
    ),
    (
        "tier.changed",
        MOVE | {"reason": "policy", "policy_version": "spring"},
        "Core → VIP by policy spring: score 66 → 83 (at least 70)",
        "策略 spring 生效，中等价值客户 → 高价值客户：评分 66 → 83（条件：不低于 70）",
    ),
    ("dormancy.alert", DORMANT, "dormant: no purchase for 90 days", "沉睡：90 天没有购买"),
    (
        "dormancy.alert",
        DORMANT | {"level": "churned", "threshold_days": 44.26, "basis": "cadence"},
        "churned: no interaction for 44.3 days (by this customer's own rhythm)",
        "已流失：44.3 天没有互动（按该客户自己的购买节奏）",
    ),
    (
        "dormancy.alert",
        DORMANT | {"reason": "refund", "threshold_days": None},
        "dormant after a refund",
        "退款后变为沉睡",
    ),
    (
        "dormancy.withdrawn",
        DORMANT | {"level": "active", "previous_level": "dormant"},
        "alert withdrawn, dormant → active; last purchase Jan 3, 2025",
        "预警撤销，沉睡 → 活跃；上次购买 2025年1月3日",
    ),
    (
        "customer.reactivated",
        DORMANT | {"level": "active", "previous_level": "dormant"},
        "bought again, dormant → active",
        "重新购买，沉睡 → 活跃",
    ),
    (
        "customer.returned",
        DORMANT | {"previous_level": "churned", "last_order_at": None},
        "is back, churned → dormant",
        "重新活跃，已流失 → 沉睡",
    ),
    (
        "birthday.upcoming",
        DUE | {"age": 40},
        "birthday on Mar 4, 2026, turns 40",
        "2026年3月4日 生日，满 40 岁",
    ),
    (
        "anniversary.upcoming",
        DUE | {"years": 1},
        "1 year since the first order on Mar 4, 2026",
        "2026年3月4日 是首单 1 周年",
    ),
    (
        "holiday.upcoming",
        DUE | {"holiday": "春节"},
        "春节 on Mar 4, 2026",
        "2026年3月4日 春节",
    ),
    (
        "checkin.due",
        DUE | {"silent_days": 30, "last_interaction_at": "2026-02-02T00:00:00.000Z"},
        "silent for 30 days, last seen Feb 2, 2026",
        "已 30 天没有互动，最近一次 2026年2月2日",
    ),
    (
        "profile.refresh_due",
        DUE | {"unchanged_days": 180},
        "profile unchanged for 180 days",
        "资料已 180 天未更新",
    ),
    (
        "tier.expiring",
        DUE | {"falls_to": "B", "orders_needed": 2, "total_needed": "300.00"},
        "falls from VIP to Core on Mar 4, 2026; 2 orders worth $300.00 would prevent it",
        "2026年3月4日 将从 高价值客户 降至 中等价值客户；2 笔订单（合计 US$300.00）即可保级",
    ),
    (
        "tier.expiring",
        DUE | {"falls_to": "B", "orders_needed": None, "total_needed": None},
        "falls from VIP to Core on Mar 4, 2026",
        "2026年3月4日 将从 高价值客户 降至 中等价值客户",
    ),
    (
        "points.expiring",
        DUE | {"points": 1200, "balance": 3000},
        "1,200 points of 3,000 expire on Mar 4, 2026",
        "2026年3月4日 有 1,200 积分过期（余额 3,000）",
    ),
    (
        "survey.due",
        DUE | {"survey": "csat", "trigger": "ticket", "ticket_id": "t1", "order_id": None},
        "to be asked for CSAT after ticket t1",
        "待发问卷：满意度（CSAT）（工单 t1 之后）",
    ),
    (
        "survey.due",
        DUE | {"survey": "nps", "trigger": "cadence", "ticket_id": None, "order_id": None},
        "to be asked for NPS",
        "待发问卷：推荐值（NPS）",
    ),
    (
        "followup.due",
        DUE | {"by": "kim", "note": "new price"},
        "contact agreed for Mar 4, 2026, kim, new price",
        "约定 2026年3月4日 联系，kim，new price",
    ),
    (
        "visit.due",
        DUE | {"last_contact_at": "2026-01-04T00:00:00.000Z", "days": 60},
        "visit on Mar 4, 2026, last contact Jan 4, 2026",
        "2026年3月4日 该拜访：上次联系 2026年1月4日",
    ),
    (
        "visit.due",
        DUE | {"last_contact_at": None, "days": 60},
        "visit on Mar 4, 2026, 60 days in this tier",
        "2026年3月4日 该拜访：处于该等级已 60 天",
    ),
    (
        "ticket.overdue",
        DUE
        | {
            "ticket_id": "t1",
            "stage": "response",
            "step": "lead",
            "due_at": "2026-03-04T09:30:00.000Z",
        },
        "response of ticket t1 was due Mar 4, 2026 09:30; tell lead",
        "工单 t1 的响应时限为 2026年3月4日 09:30，已超时；通知 lead",
    ),
    (
        "retention.due",
        DUE | {"last_active_at": "2024-01-01T00:00:00.000Z"},
        "nothing heard since Jan 1, 2024; erased on Mar 4, 2026",
        "自 2024年1月1日 起没有任何动静；2026年3月4日 删除数据",
    ),
    (
        "tags.changed",
        {"added": [{"tag": "buyer:often"}], "removed": [{"tag": "a"}, {"tag": "b"}]},
        "new tags: buyer:often; gone tags: a, b",
        "新增标签：buyer:often；移除标签：a、b",
    ),
    (
        "points.changed",
        {"cause": "expiry", "delta": -1200, "balance": 5},
        "-1,200 points (expired), balance 5",
        "积分 -1,200（已过期），余额 5",
    ),
    (
        "points.refused",
        {"points": 50, "balance": 20},
        "redemption of 50 points refused, balance 20",
        "兑换 50 积分被拒，余额 20",
    ),
    (
        "attributes.refused",
        {"refused": {"birth_date": "must be a date such as 1990-12-31"}},
        "attributes that cannot be used: birth_date",
        "无法采用的属性：birth_date",
    ),
    (
        "owner.changed",
        {"previous_owner": None, "owner": "lee", "open_tickets": [{}], "followups": []},
        "account manager nobody → lee; handed over: open tickets 1, follow-ups 0",
        "客户经理 无 → lee；移交：未结工单 1 个，待回访 0 个",
    ),
]


@for_each("type_name, data, english, chinese", CASES)
def test_an_output_is_one_sentence(
    type_name: str, data: dict[str, Any], english: str, chinese: str
) -> None:
    assert sentence(type_name, data, EN) == english
    assert sentence(type_name, data, ZH) == chinese


def test_every_type_of_output_has_a_sentence_and_a_case() -> None:
    assert set(SENTENCES) == set(CHANGE_TYPES) == {case[0] for case in CASES}
    assert sentence("moon.rose", {}, ZH) == "moon.rose"


def test_a_suppressed_output_says_that_nobody_is_to_be_contacted() -> None:
    assert do_not_contact({"suppressed": None}, EN) == ""
    assert (
        do_not_contact({"suppressed": "holdout"}, EN) == "do not contact: held out for comparison"
    )
    assert do_not_contact({"suppressed": "no_consent"}, ZH) == "请勿联系：未同意营销"


@pytest.mark.parametrize("language", Language)
def test_the_outputs_of_the_example_of_practice_are_told(language: Language) -> None:
    naming = Naming(words_in(language), load_policy(EXAMPLE / "practice" / "policy.toml"))
    lines = (EXAMPLE / "practice" / "expected.jsonl").read_text("utf-8").splitlines()
    outputs = [one for one in map(json.loads, lines) if one["type"] in CHANGE_TYPES]
    assert len(outputs) > 20
    for output in outputs:
        told = sentence(output["type"], output.get("data", output), naming)
        assert told != output["type"]
        assert "{" not in told
