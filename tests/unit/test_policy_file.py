"""A wrong policy is refused, each problem with its place and its reason."""

from __future__ import annotations

import re
import tomllib
from hashlib import sha256
from pathlib import Path

import pytest

from config.policy_file import (
    MAX_POLICY_BYTES,
    PolicyError,
    check_policy,
    default_policy_text,
    load_policy,
    parse_policy,
)
from config.policy_tiers import MAX_TIERS
from scoring.policy import Movement, Policy, Tier
from scoring.rules import Rules

TWO_TIERS = '[[tiers]]\nname = "gold"\nmin_score = 50\n[[tiers]]\nname = "base"\n'


def problems(text: str) -> list[str]:
    with pytest.raises(PolicyError) as refused:
        parse_policy(text, "p.toml")
    assert refused.value.source == "p.toml"
    return refused.value.problems


# What is right


def test_an_empty_file_is_the_default_policy() -> None:
    assert parse_policy("") == Policy()


def test_a_file_without_a_version_names_itself_by_its_content(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_bytes(b"window_days=30\n")
    assert load_policy(file).version == f"sha256:{sha256(file.read_bytes()).hexdigest()[:12]}"
    first = load_policy(file).version
    file.write_bytes(b"window_days=31\n")
    assert load_policy(file).version != first
    file.write_bytes(b'version="spring"\n')
    assert load_policy(file).version == "spring"


def test_a_byte_order_mark_at_the_head_of_a_policy_is_skipped(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_bytes(b'\xef\xbb\xbfversion="spring"\n')
    assert load_policy(file).version == "spring"


def test_each_word_that_the_default_file_offers_is_accepted() -> None:
    lines = default_policy_text().splitlines()
    offered = [
        (line, other)
        for line in lines
        if re.match(r'\w+ = "', line)
        for other in re.findall(r'"(\w+)"', line.partition("#")[2])
        if other != "probability"  # it needs its section
    ]
    assert {other for _, other in offered} >= {"paid", "opt_in", "cadence"}
    for line, other in offered:
        changed = re.sub(r'"\w+"', f'"{other}"', line.partition("#")[0])
        parse_policy("\n".join(changed if each is line else each for each in lines))


def test_the_file_that_comes_with_tierstream_says_the_defaults_and_every_key_of_them() -> None:
    assert load_policy() == Policy()
    written = tomllib.loads(default_policy_text())
    always = [
        name for name in Policy.__struct_fields__ if getattr(Policy(), name) not in (None, ())
    ]
    assert sorted(written) == sorted(always), "all but the sections that are left out"


def test_the_worked_examples_policy_is_the_default() -> None:
    example = Path(__file__).parents[1] / "example" / "policy.toml"
    assert load_policy(example) == Policy()


def test_numbers_may_be_written_as_numbers_or_as_texts() -> None:
    texts = parse_policy(
        'currency_rates = {EUR = "1.08"}\nweights = {recency = "2"}\n'
        'cutoffs = {monetary = ["1", "2.5", "3", "4"]}\n'
    )
    numbers = parse_policy(
        "currency_rates = {EUR = 1.08}\nweights = {recency = 2}\n"
        "cutoffs = {monetary = [1, 2.5, 3, 4]}\n"
    )
    assert texts == numbers
    assert numbers.currency_rates == {"EUR": "1.08"}, "never a float"


def test_an_empty_action_is_none() -> None:
    policy = parse_policy('[dormancy.actions]\nat_risk = ""\n' + TWO_TIERS)
    assert policy.dormancy.actions.at_risk is None
    assert policy.dormancy.actions.dormant == "wake_up_offer"


def test_a_single_tier_without_conditions_is_enough() -> None:
    assert parse_policy('[[tiers]]\nname = "known"').tiers == (Tier("known"),)


def test_every_condition_of_a_tier_is_read() -> None:
    text = TWO_TIERS.replace(
        "min_score = 50",
        "min_score = 50\nmin_r = 1\nmin_f = 2\nmin_m = 3\nmin_frequency = 4\n"
        'min_monetary = "5.5"\nmax_recency_days = 6\naction = "call"\nlabel = {en = "Gold"}',
    )
    assert parse_policy(text).tiers[0] == Tier(
        "gold", {"en": "Gold"}, "call", 50, 1, 2, 3, 4, "5.5", 6
    )


def test_every_policy_that_is_taken_can_be_compiled() -> None:
    text = 'currency = "KWD"\ncutoffs.monetary = ["0.001", "1", "2", "3"]\n' + TWO_TIERS
    assert Rules(parse_policy(text)).monetary_cutoffs == (1, 1_000, 2_000, 3_000)


# What is wrong


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("version = 5", "version: must be a text of 1 to 128 characters, got 5"),
        ('version = ""', "version: must be a text of 1 to 128 characters, got ''"),
        ('timezone = "Mars"', "timezone: no time zone 'Mars'; take a name such as Asia/Shanghai"),
        ('timezone = "+08:00"', "timezone: no time zone '+08:00'"),
        ("timezone = 8", "timezone: must be a text"),
        ('currency = "usd"', "currency: 'usd' is no ISO 4217 currency in use"),
        ('currency = "XXX"', "currency: 'XXX' is no ISO 4217 currency in use"),
        ("window_days = 0", "window_days: must be a whole number from 1 to 36500, got 0"),
        ("window_days = 36501", "window_days: must be a whole number from 1 to 36500, got 36501"),
        ("window_days = 1.5", "window_days: must be a whole number"),
        ("window_days = true", "window_days: must be a whole number"),
        ('window_days = "365"', "window_days: must be a whole number"),
        ('count_orders = "all"', 'count_orders: must be "placed" or "paid", got \'all\''),
        ("count_orders = [1]", 'count_orders: must be "placed" or "paid", got [1]'),
        ("loyal_min_orders = 0", "loyal_min_orders: must be a whole number from 1"),
        ("currency_rates = 5", "currency_rates: must be a table"),
        ('currency_rates.EUR = "0"', "currency_rates.EUR: must be above 0"),
        ("currency_rates.EUR = -1.08", "currency_rates.EUR: must be a decimal from 0"),
        ('currency_rates.EUR = "one"', "currency_rates.EUR: must be a decimal from 0"),
        ("currency_rates.EUR = nan", "currency_rates.EUR: must be a decimal from 0"),
        ("currency_rates.EUR = inf", "currency_rates.EUR: must be a decimal from 0"),
        ('currency_rates.EURO = "1"', "currency_rates.EURO: no ISO 4217 currency in use"),
        ('currency_rates.USD = "1"', "currency_rates.USD: is the base currency, it has no rate"),
        ('cutoffs.mode = "quantile"', "cutoffs.mode: must be \"fixed\", got 'quantile'"),
        ("cutoffs.recency_days = [1, 2, 3]", "cutoffs.recency_days: must be four ascending"),
        ("cutoffs.recency_days = [1, 2, 3, 4, 5]", "cutoffs.recency_days: must be four ascending"),
        ("cutoffs.recency_days = [4, 3, 2, 1]", "cutoffs.recency_days: must be four ascending"),
        ("cutoffs.recency_days = [-1, 2, 3, 4]", "cutoffs.recency_days: must be four ascending"),
        ("cutoffs.recency_days = [1, 2, 3, 99999]", "cutoffs.recency_days: must be four ascending"),
        ("cutoffs.recency_days = 30", "cutoffs.recency_days: must be four ascending"),
        ("cutoffs.frequency = [1, 2, 3, 4.5]", "cutoffs.frequency: must be four ascending whole"),
        ("cutoffs.frequency = [true, 2, 3, 4]", "cutoffs.frequency: must be four ascending whole"),
        ('cutoffs.monetary = ["1", "2", "3"]', "cutoffs.monetary: must be four ascending decimals"),
        ('cutoffs.monetary = ["4", "3", "2", "1"]', "cutoffs.monetary: must be four ascending"),
        ('cutoffs.monetary = ["-1", "1", "2", "3"]', "cutoffs.monetary: must be four ascending"),
        ('cutoffs.monetary = "5"', "cutoffs.monetary: must be four ascending decimals"),
        (
            'cutoffs.monetary = ["1", "2.005", "3", "4"]',
            "cutoffs.monetary[2]: '2.005' has more than the 2 decimals of USD",
        ),
        ('weights.recency = "-1"', "weights.recency: must be a decimal from 0"),
        ('weights.frequency = "+1"', "weights.frequency: must be a decimal from 0"),
        ('weights.monetary = "1."', "weights.monetary: must be a decimal from 0"),
        ('weights.monetary = ".5"', "weights.monetary: must be a decimal from 0"),
        ("weights.monetary = 1e31", "weights.monetary: must be a decimal from 0"),
        ("weights.monetary = 1e-999999999", "weights.monetary: must be a decimal from 0"),
        (
            "weights = {recency = 0, frequency = 0, monetary = 0}",
            "weights.recency: at least one weight must be above 0",
        ),
        ("tiers = []", "tiers: must be 1 to 32 tables, best first"),
        ("tiers = 5", "tiers: must be written as [[tiers]] tables"),
        ("tiers = [1]", "tiers: must be written as [[tiers]] tables"),
        ("[[tiers]]\nmin_score = 5", "tiers[1].name: must be a text of 1 to 64 characters"),
        ('[[tiers]]\nname = "prospect"', "tiers[1].name: prospect is what customers without"),
        (TWO_TIERS.replace("base", "gold"), "tiers[1].name: 'gold' stands twice"),
        (TWO_TIERS + "min_r = 1", "tiers[2].name: the last tier must have no condition"),
        (
            TWO_TIERS.replace("min_score = 50", ""),
            "tiers[1].name: only the last tier may be without a condition",
        ),
        (
            TWO_TIERS.replace("50", "101"),
            "tiers[1].min_score: must be a whole number from 0 to 100, got 101",
        ),
        (TWO_TIERS.replace("min_score = 50", "min_r = 6"), "tiers[1].min_r: must be a whole"),
        (TWO_TIERS.replace("min_score = 50", "min_f = 0"), "tiers[1].min_f: must be a whole"),
        (TWO_TIERS.replace("min_score = 50", "min_m = 6"), "tiers[1].min_m: must be a whole"),
        (
            TWO_TIERS.replace("min_score = 50", "min_frequency = -1"),
            "tiers[1].min_frequency: must be a whole number from 0",
        ),
        (
            TWO_TIERS.replace("min_score = 50", 'min_monetary = "x"'),
            "tiers[1].min_monetary: must be a decimal from 0",
        ),
        (
            TWO_TIERS.replace("min_score = 50", 'min_monetary = "0.005"'),
            "tiers[1].min_monetary: '0.005' has more than the 2 decimals of USD",
        ),
        (
            TWO_TIERS.replace("min_score = 50", "max_recency_days = -1"),
            "tiers[1].max_recency_days: must be a whole number from 0",
        ),
        (TWO_TIERS + "action = 5", "tiers[2].action: must be a text"),
        (TWO_TIERS + 'label = "Base"', "tiers[2].label: must be a table"),
        (TWO_TIERS + "label.en = 5", "tiers[2].label.en: must be a text"),
        ("movement.grace_days = -1", "movement.grace_days: must be a whole number from 0"),
        ("movement.hold_days = -1", "movement.hold_days: must be a whole number from 0"),
        (
            "movement.grace_days = 1.5",
            "movement.grace_days: must be a whole number from 0 to 36500, got 1.5",
        ),
        (
            "movement.warn_days = true",
            "movement.warn_days: must be a whole number from 1 to 36500, got true",
        ),
        (
            "cutoffs.frequency = [1, true, 2.5]",
            "cutoffs.frequency: must be four ascending whole numbers from 0, got [1, true, 2.5]",
        ),
        ("movement.hold_days = 40000", "movement.hold_days: must be a whole number from 0"),
        ("movement.warn_days = 0", "movement.warn_days: must be a whole number from 1"),
        ("movement.warn_days = true", "movement.warn_days: must be a whole number from 1"),
        ("movement.soft_landing = 1", "movement.soft_landing: must be true or false, got 1"),
        (
            'dormancy.mode = "mean"',
            'dormancy.mode: must be "fixed" or "cadence" or "probability", got',
        ),
        ("dormancy.at_risk_days = 0", "dormancy.at_risk_days: must be a whole number from 1"),
        ("dormancy.at_risk_days = 91", "dormancy.at_risk_days: must not exceed dormant_days"),
        ("dormancy.churned_days = 0", "dormancy.churned_days: must be a whole number from 1"),
        (
            "dormancy.cadence_min_orders = 1",
            "dormancy.cadence_min_orders: must be a whole number from 2",
        ),
        ('dormancy.cadence.at_risk = "4"', "dormancy.cadence.at_risk: must not exceed dormant"),
        ("dormancy.cadence.min_days = 366", "dormancy.cadence.min_days: must not exceed max_days"),
        ("dormancy.cadence.min_days = 0", "dormancy.cadence.min_days: must be a whole number"),
        ('dormancy.cadence.churned = "often"', "dormancy.cadence.churned: must be a decimal"),
        ("dormancy.actions.dormant = 5", "dormancy.actions.dormant: must be a text"),
    ],
)
def test_a_wrong_value_is_refused_with_its_key_and_the_reason(text: str, problem: str) -> None:
    assert any(found.startswith(problem) for found in problems(text)), problems(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("windows_days = 5", "windows_days: unknown key, did you mean window_days?"),
        ("entirely_different = 5", "entirely_different: unknown key"),
        ("[movement]\ngrace = 5", "movement.grace: unknown key"),
        (TWO_TIERS + "min_recency = 5", "tiers[2].min_recency: unknown key"),
        ("[dormancy.cadence]\nminimum = 5", "dormancy.cadence.minimum: unknown key"),
        ("[dormancy.actions]\nchurn = 'x'", "dormancy.actions.churn: unknown key, did you mean"),
        ("[cutoffs]\nmoney = 5", "cutoffs.money: unknown key"),
        ("[weights]\nr = 5", "weights.r: unknown key"),
    ],
)
def test_an_unknown_key_is_refused_with_the_one_that_may_be_meant(text: str, problem: str) -> None:
    [found] = problems(text)
    assert found.startswith(problem)


def test_every_problem_is_named_at_once() -> None:
    found = problems('window_days = 0\ncurrency = "XXX"\nnonsense = 1\n')
    assert [problem.split(":")[0] for problem in found] == ["currency", "window_days", "nonsense"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("window_days = =", "at line 1, column 15"),
        ("window_days = 1\nwindow_days = 2\n# end", "at line 2"),
        ("window_days = 1\n[cutoffs", "at end of document"),
        ("window_days = 010", "at line 1"),
    ],
)
def test_what_is_no_toml_is_refused_with_its_place(text: str, place: str) -> None:
    [problem] = problems(text)
    assert place in problem


def test_toml_nested_without_end_is_refused() -> None:
    [problem] = problems("x = " + "[" * 100_000)
    assert "nested" in problem


def test_more_tiers_than_anybody_needs_are_refused() -> None:
    many = "".join(f'[[tiers]]\nname = "t{n}"\nmin_score = 1\n' for n in range(MAX_TIERS))
    assert problems(many + '[[tiers]]\nname = "last"\n') == [
        "tiers: must be 1 to 32 tables, best first"
    ]


# Files


def test_a_file_that_is_not_there_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"none\.toml: No such file"):
        load_policy(tmp_path / "none.toml")


def test_a_folder_is_no_policy(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="Is a directory"):
        load_policy(tmp_path)


def test_a_file_that_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_bytes(b'version = "\xff"')
    with pytest.raises(PolicyError, match="not UTF-8"):
        load_policy(file)


def test_a_file_too_large_for_a_record_of_the_log_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text("#" * (MAX_POLICY_BYTES + 1))
    with pytest.raises(PolicyError, match="larger than 262144 bytes"):
        load_policy(file)


def test_an_error_names_the_file_and_every_problem_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text("window_days = 0\nzzz = 1\n")
    with pytest.raises(PolicyError) as refused:
        load_policy(file)
    assert str(refused.value) == (
        f"{file}: window_days: must be a whole number from 1 to 36500, got 0; zzz: unknown key"
    )


def test_movement_and_the_action_of_a_fall_are_read() -> None:
    policy = check_policy(
        {
            "tiers": [
                {"name": "A", "min_score": 50, "action": "welcome", "action_down": "keep_in_touch"},
                {"name": "B"},
            ],
            "movement": {"hold_days": 20, "warn_days": 14},
        }
    )
    assert policy.movement == Movement(hold_days=20, warn_days=14)
    assert [tier.action_down for tier in policy.tiers] == ["keep_in_touch", None]
    assert check_policy({}).movement == Movement(hold_days=0, warn_days=None)


def test_a_tier_whose_condition_is_wrong_is_not_called_one_without_a_condition() -> None:
    text = '[[tiers]]\nname = "A"\nmin_score = 101\n[[tiers]]\nname = "B"\n'
    assert problems(text) == ["tiers[1].min_score: must be a whole number from 0 to 100, got 101"]
