"""The sections of a policy about tiers: `[cutoffs]`, `[weights]`, `[[tiers]]`, `[movement]`."""

from __future__ import annotations

from fractions import Fraction

from config.policy_grading import read_attribute_conditions, read_min_dimensions
from config.toml_table import TomlTable
from scoring.policy import DEFAULT_TIERS, Cutoffs, Dimension, Movement, Tier, Weights
from scoring.rules import PROSPECT

MAX_TIERS = 32
_MOST_DAYS = 36_500
_MOST = 10**9


def read_cutoffs(table: TomlTable) -> Cutoffs:
    """Where each digit of a customer's score begins."""
    defaults = Cutoffs()
    cutoffs = Cutoffs(
        mode=table.choice("mode", defaults.mode, ("fixed",), "; other modes are not there yet"),
        recency_days=table.integers("recency_days", defaults.recency_days, _MOST_DAYS),
        frequency=table.integers("frequency", defaults.frequency, _MOST),
        monetary=table.decimals("monetary", defaults.monetary),
    )
    table.finish()
    return cutoffs


def read_weights(table: TomlTable, dimensions: tuple[Dimension, ...] = ()) -> Weights:
    """How much each digit counts in the score, beside those of the dimensions."""
    defaults = Weights()
    weights = Weights(
        recency=table.decimal("recency", defaults.recency),
        frequency=table.decimal("frequency", defaults.frequency),
        monetary=table.decimal("monetary", defaults.monetary),
    )
    all_weights = [weights.recency, weights.frequency, weights.monetary]
    all_weights += [dimension.weight for dimension in dimensions]
    if sum(Fraction(weight) for weight in all_weights) == 0:
        table.wrong("recency", "at least one weight must be above 0")
    table.finish()
    return weights


def read_tiers(root: TomlTable, dimensions: tuple[Dimension, ...] = ()) -> tuple[Tier, ...]:
    """The tiers, best first; those that come with the program if there are none."""
    tables = root.tables("tiers")
    if tables is None:
        return DEFAULT_TIERS
    if not 1 <= len(tables) <= MAX_TIERS:
        root.wrong("tiers", f"must be 1 to {MAX_TIERS} tables, best first")
        return DEFAULT_TIERS
    tiers = tuple(_tier(table, dimensions) for table in tables)
    sound = [table.is_sound for table in tables]
    names = [tier.name for tier in tiers]
    for table, tier in zip(tables, tiers, strict=True):
        if tier.name == PROSPECT:
            table.wrong("name", "prospect is what customers without an order are called")
        elif names.count(tier.name) > 1:
            table.wrong("name", f"{tier.name!r} stands twice")
    if _has_conditions(tiers[-1]):
        tables[-1].wrong("name", "the last tier must have no condition, it is for everyone")
    for table, tier, is_sound in zip(tables[:-1], tiers[:-1], sound[:-1], strict=True):
        if is_sound and not _has_conditions(tier):
            table.wrong("name", "only the last tier may be without a condition")
    return tiers


def _tier(table: TomlTable, dimensions: tuple[Dimension, ...]) -> Tier:
    labels = table.table("label")
    tier = Tier(
        name=table.text("name", "", 64),
        label=labels.text_map(),
        action=table.optional_text("action", None),
        action_down=table.optional_text("action_down", None),
        min_score=table.optional_integer("min_score", 0, 100),
        min_r=table.optional_integer("min_r", 1, 5),
        min_f=table.optional_integer("min_f", 1, 5),
        min_m=table.optional_integer("min_m", 1, 5),
        min_frequency=table.optional_integer("min_frequency", 0, _MOST),
        min_monetary=table.optional_decimal("min_monetary"),
        max_recency_days=table.optional_integer("max_recency_days", 0, _MOST_DAYS),
        min_orders_ever=table.optional_integer("min_orders_ever", 0, _MOST),
        min_spend_ever=table.optional_decimal("min_spend_ever"),
        attributes=read_attribute_conditions(table),
        min_dimensions=read_min_dimensions(table, dimensions),
    )
    table.finish()
    return tier


def _has_conditions(tier: Tier) -> bool:
    return bool(tier.attributes or tier.min_dimensions) or any(
        value is not None
        for value in (
            tier.min_score,
            tier.min_r,
            tier.min_f,
            tier.min_m,
            tier.min_frequency,
            tier.min_monetary,
            tier.max_recency_days,
            tier.min_orders_ever,
            tier.min_spend_ever,
        )
    )


def read_movement(table: TomlTable) -> Movement:
    """How a tier is lost."""
    defaults = Movement()
    movement = Movement(
        grace_days=table.integer("grace_days", defaults.grace_days, 0, _MOST_DAYS),
        soft_landing=table.boolean("soft_landing", default=defaults.soft_landing),
        hold_days=table.integer("hold_days", defaults.hold_days, 0, _MOST_DAYS),
        warn_days=table.optional_integer("warn_days", 1, _MOST_DAYS),
    )
    table.finish()
    return movement
