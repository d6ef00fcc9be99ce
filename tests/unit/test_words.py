"""The catalogue has a text for all that a user reads, and nothing else."""

from __future__ import annotations

import string
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from babel.messages.catalog import Message

from config.policy_actions import actions_of
from config.policy_file import load_policy
from handlers import causes, reasons, suppression
from handlers.explain.model import (
    ConditionHeld,
    DueKind,
    NotCounted,
    OverrideWhy,
    WaitingKind,
)
from handlers.outputs.types import CHANGE_TYPES, CUSTOMER_PROFILE
from handlers.points import account, redemptions
from handlers.profile.attributes import KNOWN_NAMES
from scoring.dormancy import LEVELS
from scoring.health_score import PARTS
from scoring.policy import Action, Policy, TagRule, Tier
from scoring.rfm import SEGMENTS
from scoring.rules import MEASURES
from serving.api.problems import KINDS
from tests.support.each import for_each
from words import LANGUAGES, TERMS, Language, Naming, UnknownLanguage, language_of, words_in
from words.catalogue import read_catalogue, texts_in
from words.extraction import messages_in

ROOT = Path(__file__).resolve().parents[2]
EN, ZH = words_in(Language.EN), words_in(Language.ZH)

POINTS_CAUSES = {
    account.ACTIVITY,
    account.EXPIRY,
    redemptions.REDEMPTION,
    redemptions.CANCELLED,
    redemptions.ADJUSTMENT,
}
CLOSED: dict[str, set[str]] = {
    "attribute": set(KNOWN_NAMES),
    "level": set(LEVELS),
    "stage": {*LEVELS, "prospect", "new", "loyal"},
    "segment": set(SEGMENTS.values()),
    "dead_letter": set(reasons.REASONS),
    "suppressed": {
        suppression.BACKFILL,
        suppression.POLICY_ROLLOUT,
        suppression.NO_CONSENT,
        suppression.OPEN_COMPLAINT,
        suppression.HOLDOUT,
        suppression.FREQUENCY_CAP,
    },
    "output": {*CHANGE_TYPES, CUSTOMER_PROFILE},
    "measure": set(MEASURES),
    "reason": {
        value for name, value in vars(causes).items() if name.isupper() and not name.startswith("_")
    }
    | {"window", "grace_expired"},
    "cause": set(TERMS["reason"]),
    "points": {*TERMS["reason"], *POINTS_CAUSES},
    "operator": set(get_args(get_type_hints(ConditionHeld)["comparison"])) | {"min", "max"},
    "action": actions_of(load_policy()),
    "due": set(get_args(DueKind)),
    "waiting": set(get_args(WaitingKind)),
    "not_counted": set(get_args(NotCounted)),
    "health": set(PARTS),
    "problem": set(KINDS),
    "mode": set(get_args(get_type_hints(OverrideWhy)["mode"])),
}


@for_each("kind, values", CLOSED.items())
def test_every_value_of_a_closed_set_has_a_term(kind: str, values: set[str]) -> None:
    assert values == set(TERMS[kind])


def test_the_catalogue_has_the_messages_of_the_sources_and_no_others() -> None:
    used = {(message.context, message.id) for message in messages_in(ROOT) if message.id}
    kept = {(message.context, message.id) for message in read_catalogue(Language.ZH) if message.id}
    assert kept == used, "run `make words`, and fill in the texts in words/zh.po"


@for_each("message", [message for message in read_catalogue(Language.ZH) if message.id])
def test_every_message_has_a_chinese_text_with_the_same_fields(message: Message) -> None:
    forms = [message.string] if isinstance(message.string, str) else list(message.string or ())
    ids = [message.id] if isinstance(message.id, str) else list(message.id)
    assert len(forms) == 1
    assert forms[0]
    assert not message.fuzzy
    wanted = set.union(*(_fields(text) for text in ids))
    assert _fields(forms[0]) == wanted


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_a_text_that_is_missing_would_be_shown_in_english() -> None:
    assert ("", "no such text") not in texts_in(Language.ZH)
    assert ZH.say("no such {thing}", thing="text") == "no such text"


def test_languages_are_known_by_the_names_that_programs_give_them() -> None:
    assert [language_of(name) for name in ("zh", "zh-CN", "zh_CN.UTF-8", "ZH-Hans")] == ["zh"] * 4
    assert [language_of(name) for name in ("en", "en_GB.UTF-8")] == ["en"] * 2
    with pytest.raises(UnknownLanguage, match="'de', only en, zh"):
        language_of("de")
    assert set(LANGUAGES) == {"en", "zh"}


def test_numbers_money_and_dates_have_the_form_of_the_language() -> None:
    assert EN.number(1234567) == ZH.number(1234567) == "1,234,567"
    assert EN.number(Decimal("12.50")) == "12.5"
    assert (EN.money("1234.50", "USD"), ZH.money("1234.50", "USD")) == ("$1,234.50", "US$1,234.50")
    assert (EN.money("1234.50", "CNY"), ZH.money("1234.50", "CNY")) == ("CN¥1,234.50", "¥1,234.50")
    assert EN.money("90071992547409.93") == "90,071,992,547,409.93"
    assert EN.money("-5", "JPY") == "-¥5"
    assert EN.percent(Decimal("0.125"), 1) == ZH.percent(Decimal("0.125"), 1) == "12.5%"
    assert (EN.compact(12_345), ZH.compact(12_345)) == ("12.3K", "1.2万")
    assert (EN.date("2026-03-04"), ZH.date("2026-03-04")) == ("Mar 4, 2026", "2026年3月4日")
    late = datetime(2026, 3, 4, 20, 5, tzinfo=UTC)
    assert EN.moment(late) == "Mar 4, 2026 20:05"
    assert ZH.moment("2026-03-04T20:05:00.000Z", "Asia/Shanghai") == "2026年3月5日 04:05"
    assert EN.instant("2026-03-04T20:05:00.000Z") == "2026-03-04 20:05:00"
    assert ZH.instant("2026-03-04T20:05:00.007Z") == "2026年3月4日 20:05:00.007"
    assert (EN.instant(None), ZH.instant(None)) == ("never", "从未")


def test_a_tier_is_called_by_its_label_in_the_language() -> None:
    tiers = (Tier("A", {"en": "VIP", "zh": "高价值客户"}), Tier("B", {"zh": "其他"}), Tier("C"))
    in_zh, in_en = (Naming(words, Policy(tiers=tiers)) for words in (ZH, EN))
    assert [in_zh.tier(tier) for tier in "ABC"] == ["高价值客户", "其他", "C"]
    assert [in_en.tier(tier) for tier in "ABC"] == ["VIP", "其他", "C"]
    assert in_zh.tier("prospect") == "潜在客户"
    assert in_en.tier("gone") == "gone"


def test_a_tag_and_an_action_are_called_by_their_labels() -> None:
    tags = (TagRule("age", "age", label={"en": "Age", "zh": "年龄"}), TagRule("often", "count"))
    policy = Policy(tags=tags, actions={"call": Action({"en": "Call", "zh": "致电"})})
    in_zh, in_en = (Naming(words, policy) for words in (ZH, EN))
    assert [in_zh.tag(tag) for tag in ("age:18-39", "often", "gone:x")] == [
        "年龄：18-39",
        "often",
        "gone:x",
    ]
    assert in_en.tag("age:18-39") == "Age: 18-39"
    assert [in_zh.action(name) for name in ("call", "mail")] == ["致电", "mail"]


def test_a_value_of_another_release_is_shown_as_it_is() -> None:
    assert ZH.term("stage", "hibernating") == "hibernating"
    assert ZH.term("suppressed", None) == ""
    assert (ZH.term("consent", None), ZH.term("consent", "true")) == ("未告知", "是")
