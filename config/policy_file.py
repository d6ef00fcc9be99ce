"""The policy file: TOML in, a checked `Policy` out, or every problem with its place."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

from config.policy_care import read_care
from config.policy_points import read_points
from config.policy_satisfaction import read_health, read_holdout, read_satisfaction
from config.policy_tags import read_tags
from config.toml_table import TomlTable
from scoring.calendar import load_zone
from scoring.money import CURRENCY_DIGITS, amount_of, minor_units
from scoring.policy import (
    DEFAULT_TIERS,
    Cadence,
    Cutoffs,
    Dormancy,
    DormancyActions,
    Movement,
    Policy,
    Tier,
    Weights,
)
from scoring.rules import PROSPECT

MAX_POLICY_BYTES = 256 * 1024
MAX_TIERS = 32
_MOST_DAYS = 36_500
_MOST = 10**9


class PolicyError(Exception):
    """A policy that is refused. `problems` are sentences, each with the place and the reason."""

    def __init__(self, source: str, problems: list[str]) -> None:
        self.source = source
        self.problems = problems
        super().__init__(f"{source}: " + "; ".join(problems))


def load_policy(path: Path | None = None) -> Policy:
    """The policy of a file, or the one that comes with Tierstream.

    Raises:
        PolicyError: the file cannot be read, is no TOML, or says something it must not.
    """
    if path is None:
        return parse_policy(default_policy_text(), "default policy")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise PolicyError(str(path), [error.strerror or str(error)]) from error
    if len(raw) > MAX_POLICY_BYTES:
        raise PolicyError(str(path), [f"larger than {MAX_POLICY_BYTES} bytes"])
    try:
        return parse_policy(raw.decode(), str(path))
    except UnicodeDecodeError as error:
        raise PolicyError(str(path), ["not UTF-8 text"]) from error


def default_policy_text() -> str:
    """The policy file that comes with Tierstream."""
    return resources.files(__package__).joinpath("default_policy.toml").read_text("utf-8")


def parse_policy(text: str, source: str = "policy") -> Policy:
    """A policy from TOML text.

    Raises:
        PolicyError: naming each line or key that is wrong.
    """
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(source, [str(error)]) from error
    except RecursionError as error:
        raise PolicyError(source, ["nested too deep"]) from error
    return check_policy(document, source)


def check_policy(document: dict[str, Any], source: str = "policy") -> Policy:
    """A policy from a parsed document, checked. Raises PolicyError."""
    problems: list[str] = []
    root = TomlTable(document, "", problems)
    policy = _read(root)
    root.finish()
    if not problems:
        _check_amounts(policy, problems)
    if problems:
        raise PolicyError(source, problems)
    return policy


def _read(root: TomlTable) -> Policy:
    defaults = Policy()
    timezone = root.text("timezone", defaults.timezone)
    try:
        load_zone(timezone)
    except ZoneInfoNotFoundError:
        root.wrong("timezone", f"no time zone {timezone!r}; take a name such as Asia/Shanghai")
    currency = root.text("currency", defaults.currency)
    if currency not in CURRENCY_DIGITS:
        root.wrong("currency", f"{currency!r} is no ISO 4217 currency in use")
    tiers = _tiers(root)
    satisfaction = read_satisfaction(root)
    window_days = root.integer("window_days", defaults.window_days, 1, _MOST_DAYS)
    return Policy(
        version=root.text("version", defaults.version),
        timezone=timezone,
        currency=currency,
        window_days=window_days,
        count_orders=root.choice("count_orders", defaults.count_orders, ("placed", "paid")),
        loyal_min_orders=root.integer("loyal_min_orders", defaults.loyal_min_orders, 1, _MOST),
        currency_rates=_rates(root.table("currency_rates"), currency),
        cutoffs=_cutoffs(root.table("cutoffs")),
        weights=_weights(root.table("weights")),
        tiers=tiers,
        movement=_movement(root.table("movement")),
        dormancy=_dormancy(root.table("dormancy")),
        satisfaction=satisfaction,
        health=read_health(root, satisfaction),
        holdout=read_holdout(root),
        tags=read_tags(root, window_days, satisfaction),
        points=read_points(root, tiers),
        care=read_care(root, tiers),
    )


def _rates(table: TomlTable, base: str) -> dict[str, str]:
    rates = table.decimal_map()
    for currency in rates:
        if currency not in CURRENCY_DIGITS:
            table.wrong(currency, "no ISO 4217 currency in use")
        elif currency == base:
            table.wrong(currency, "is the base currency, it has no rate")
    return rates


def _cutoffs(table: TomlTable) -> Cutoffs:
    defaults = Cutoffs()
    cutoffs = Cutoffs(
        mode=table.choice("mode", defaults.mode, ("fixed",), "; other modes are not there yet"),
        recency_days=table.integers("recency_days", defaults.recency_days, _MOST_DAYS),
        frequency=table.integers("frequency", defaults.frequency, _MOST),
        monetary=table.decimals("monetary", defaults.monetary),
    )
    table.finish()
    return cutoffs


def _weights(table: TomlTable) -> Weights:
    defaults = Weights()
    weights = Weights(
        recency=table.decimal("recency", defaults.recency),
        frequency=table.decimal("frequency", defaults.frequency),
        monetary=table.decimal("monetary", defaults.monetary),
    )
    if sum(Fraction(w) for w in (weights.recency, weights.frequency, weights.monetary)) == 0:
        table.wrong("recency", "at least one weight must be above 0")
    table.finish()
    return weights


def _tiers(root: TomlTable) -> tuple[Tier, ...]:
    tables = root.tables("tiers")
    if tables is None:
        return DEFAULT_TIERS
    if not 1 <= len(tables) <= MAX_TIERS:
        root.wrong("tiers", f"must be 1 to {MAX_TIERS} tables, best first")
        return DEFAULT_TIERS
    tiers = tuple(_tier(table) for table in tables)
    names = [tier.name for tier in tiers]
    for table, tier in zip(tables, tiers, strict=True):
        if tier.name == PROSPECT:
            table.wrong("name", "prospect is what customers without an order are called")
        elif names.count(tier.name) > 1:
            table.wrong("name", f"{tier.name!r} stands twice")
    if _has_conditions(tiers[-1]):
        tables[-1].wrong("name", "the last tier must have no condition, it is for everyone")
    for table, tier in zip(tables[:-1], tiers[:-1], strict=True):
        if not _has_conditions(tier):
            table.wrong("name", "only the last tier may be without a condition")
    return tiers


def _tier(table: TomlTable) -> Tier:
    labels = table.table("label")
    tier = Tier(
        name=table.text("name", "", 64),
        label=labels.text_map(),
        action=table.optional_text("action", None),
        min_score=table.optional_integer("min_score", 0, 100),
        min_r=table.optional_integer("min_r", 1, 5),
        min_f=table.optional_integer("min_f", 1, 5),
        min_m=table.optional_integer("min_m", 1, 5),
        min_frequency=table.optional_integer("min_frequency", 0, _MOST),
        min_monetary=table.optional_decimal("min_monetary"),
        max_recency_days=table.optional_integer("max_recency_days", 0, _MOST_DAYS),
    )
    table.finish()
    return tier


def _has_conditions(tier: Tier) -> bool:
    return any(
        value is not None
        for value in (
            tier.min_score,
            tier.min_r,
            tier.min_f,
            tier.min_m,
            tier.min_frequency,
            tier.min_monetary,
            tier.max_recency_days,
        )
    )


def _movement(table: TomlTable) -> Movement:
    defaults = Movement()
    movement = Movement(
        grace_days=table.integer("grace_days", defaults.grace_days, 0, _MOST_DAYS),
        soft_landing=table.boolean("soft_landing", default=defaults.soft_landing),
    )
    table.finish()
    return movement


def _dormancy(table: TomlTable) -> Dormancy:
    defaults = Dormancy()
    dormancy = Dormancy(
        mode=table.choice(
            "mode", defaults.mode, ("fixed", "cadence"), "; other modes are not there yet"
        ),
        at_risk_days=table.integer("at_risk_days", defaults.at_risk_days, 1, _MOST_DAYS),
        dormant_days=table.integer("dormant_days", defaults.dormant_days, 1, _MOST_DAYS),
        churned_days=table.integer("churned_days", defaults.churned_days, 1, _MOST_DAYS),
        cadence_min_orders=table.integer(
            "cadence_min_orders", defaults.cadence_min_orders, 2, _MOST
        ),
        cadence=_cadence(table.table("cadence")),
        actions=_actions(table.table("actions")),
    )
    if dormancy.at_risk_days > dormancy.dormant_days:
        table.wrong("at_risk_days", "must not exceed dormant_days")
    table.finish()
    return dormancy


def _cadence(table: TomlTable) -> Cadence:
    defaults = Cadence()
    cadence = Cadence(
        at_risk=table.decimal("at_risk", defaults.at_risk),
        dormant=table.decimal("dormant", defaults.dormant),
        churned=table.decimal("churned", defaults.churned),
        min_days=table.integer("min_days", defaults.min_days, 1, _MOST_DAYS),
        max_days=table.integer("max_days", defaults.max_days, 1, _MOST_DAYS),
    )
    if Fraction(cadence.at_risk) > Fraction(cadence.dormant):
        table.wrong("at_risk", "must not exceed dormant")
    if cadence.min_days > cadence.max_days:
        table.wrong("min_days", "must not exceed max_days")
    table.finish()
    return cadence


def _actions(table: TomlTable) -> DormancyActions:
    defaults = DormancyActions()
    actions = DormancyActions(
        at_risk=table.optional_text("at_risk", defaults.at_risk),
        dormant=table.optional_text("dormant", defaults.dormant),
        churned=table.optional_text("churned", defaults.churned),
        reactivated=table.optional_text("reactivated", defaults.reactivated),
        returned=table.optional_text("returned", defaults.returned),
    )
    table.finish()
    return actions


def _check_amounts(policy: Policy, problems: list[str]) -> None:
    """Amounts must be whole minor units of the base currency."""
    digits = CURRENCY_DIGITS[policy.currency]
    places = [(f"cutoffs.monetary[{n}]", text) for n, text in enumerate(policy.cutoffs.monetary, 1)]
    places += [
        (f"tiers[{n}].min_monetary", tier.min_monetary)
        for n, tier in enumerate(policy.tiers, 1)
        if tier.min_monetary is not None
    ]
    places += [
        (f"tags[{n}].amount", rule.amount)
        for n, rule in enumerate(policy.tags or (), 1)
        if rule.amount is not None
    ]
    if policy.points is not None:
        places.append(("points.min_amount", policy.points.min_amount))
    for place, text in places:
        amount = amount_of(text)
        if amount is None or minor_units(amount, digits) is None:
            problems.append(
                f"{place}: {text!r} has more than the {digits} decimals of {policy.currency}, "
                "or is too large"
            )
