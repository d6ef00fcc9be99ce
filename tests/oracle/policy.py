"""The policy, as parsed from TOML, with the defaults of the example policy."""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.oracle.money import digits_of
from tests.oracle.times import DAY_MS

# Key of a tier's condition and the measure it looks at, in the order the rules name them.
CONDITIONS = (
    ("min_score", "score"),
    ("min_r", "r"),
    ("min_f", "f"),
    ("min_m", "m"),
    ("min_frequency", "frequency"),
    ("min_monetary", "monetary"),
    ("max_recency_days", "recency_days"),
    ("min_orders_ever", "orders_ever"),
    ("min_spend_ever", "spend_ever"),
)

MONEY = ("monetary", "spend_ever")
_LEVELS = ("at_risk", "dormant", "churned")

DEFAULTS: dict[str, Any] = {
    "version": "default-1",
    "timezone": "UTC",
    "currency": "USD",
    "window_days": 365,
    "count_orders": "placed",
    "consent": "opt_out",
    "amounts": "required",
    "loyal_min_orders": 4,
    "currency_rates": {},
    "cutoffs": {
        "mode": "fixed",
        "recency_days": [30, 60, 120, 240],
        "frequency": [2, 4, 8, 16],
        "monetary": ["50", "150", "400", "1000"],
    },
    "weights": {"recency": 1, "frequency": 1, "monetary": 1},
    "tiers": [
        {"name": "A", "min_score": 70, "action": "dedicated_service"},
        {"name": "B", "min_score": 40, "action": "upgrade_offer"},
        {"name": "C", "action": "nurture"},
    ],
    "movement": {"grace_days": 30, "soft_landing": True, "hold_days": 0},
    "dormancy": {
        "mode": "fixed",
        "at_risk_days": 60,
        "dormant_days": 90,
        "churned_days": 180,
        "cadence_min_orders": 3,
        "probability_min_orders": 1,
        "cadence": {
            "at_risk": "1.5",
            "dormant": "3",
            "churned": "6",
            "min_days": 14,
            "max_days": 365,
        },
        "actions": {
            "at_risk": "care_message",
            "dormant": "wake_up_offer",
            "churned": "win_back_survey",
            "reactivated": "welcome_back",
            "returned": "welcome_back_browse",
        },
    },
}


Number = Fraction | int
"""An exact number; whole ones are compared faster as such."""


@dataclass(frozen=True)
class Tier:
    """A tier; `cutoffs` by measure, a monetary one in minor units."""

    name: str
    cutoffs: dict[str, Number]
    action: str | None
    action_down: str | None = None
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)  # conditions by name
    min_dimensions: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Probability:
    """The model of dormancy by probability, as decimals; least and most in milliseconds."""

    r: Decimal
    alpha: Decimal
    a: Decimal
    b: Decimal
    unit_ms: int
    levels: tuple[Decimal, Decimal, Decimal]
    least_ms: int
    most_ms: int
    min_orders: int


@dataclass(frozen=True)
class Policy:
    """A policy ready for use: exact numbers, money in base minor units, thresholds in ms."""

    version: str
    timezone: str
    currency: str
    digits: int
    window_days: int
    paid_only: bool
    loyal_min_orders: int
    rates: dict[str, Fraction]
    recency_cutoffs: tuple[Number, ...]
    frequency_cutoffs: tuple[Number, ...]
    monetary_cutoffs_minor: tuple[Number, ...]
    weights: tuple[Fraction, Fraction, Fraction]
    tiers: tuple[Tier, ...]
    dimensions: tuple[dict[str, Any], ...]
    grace_days: int
    soft_landing: bool
    hold_days: int
    warn_days: int | None
    opt_in: bool
    amounts_optional: bool
    cadence: bool
    probability: Probability | None
    fixed_ms: tuple[int, int, int]
    cadence_min_orders: int
    multipliers: tuple[Fraction, Fraction, Fraction]
    cadence_min_ms: int
    cadence_max_ms: int
    actions: dict[str, str]
    # As they were told: a file leaves out what the log has, so two of them cannot be compared.
    points: dict[str, Any] | None = field(compare=False)
    sections: dict[str, Any] = field(compare=False)  # the whole, for those that may be left out
    live_from_ms: int | None = field(default=None, compare=False)  # of the deployment
    is_quiet: bool = field(default=False, compare=False)  # published so that nobody is written to

    @property
    def attributes_named(self) -> set[str]:
        """Those the policy names: they are never forgotten."""
        rules = self.sections.get("tags", [])
        named = {rule["of"] for rule in rules if rule["kind"] == "attribute"}
        ages = any(rule["kind"] == "age" for rule in rules)
        has_birthday = "birthday" in self.sections.get("care", {})
        named |= {name for tier in self.tiers for name in tier.attributes}
        named |= {each["attribute"] for each in self.dimensions if each["source"] == "attribute"}
        named |= {self.owner_attribute} - {None}
        return named | ({"birth_date"} if ages or has_birthday else set())

    @property
    def owner_attribute(self) -> str | None:
        """The attribute that holds the account manager."""
        found: str | None = self.sections.get("care", {}).get("owner_attribute")
        return found

    @property
    def needs_approval(self) -> bool:
        """Whether a tier set by hand rests until somebody else approves it."""
        return bool(self.sections.get("override", {}).get("approval", False))

    def tier_named(self, name: str) -> Tier | None:
        return next((tier for tier in self.tiers if tier.name == name), None)


def number(value: Any) -> Number:
    """A TOML number or decimal text, as written."""
    found = exact(value)
    return found.numerator if found.denominator == 1 else found


def exact(value: Any) -> Fraction:
    """A TOML number or decimal text, as written."""
    return Fraction(str(value))


def _milliseconds(days: Any) -> int:
    return int(exact(days) * DAY_MS)


def _with_defaults(given: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """Tables key by key; anything else, a list of tiers too, replaces its default."""
    merged = dict(defaults) | dict(given)
    for key, value in defaults.items():
        if isinstance(value, dict):
            merged[key] = _with_defaults(given.get(key, {}), value)
    return merged


def _tier(given: dict[str, Any], digits: int) -> Tier:
    cutoffs = {
        measure: number(given[key]) for key, measure in CONDITIONS if given.get(key) is not None
    }
    for measure in MONEY:
        if measure in cutoffs:
            cutoffs[measure] = number(cutoffs[measure] * 10**digits)
    return Tier(
        given["name"],
        cutoffs,
        given.get("action"),
        given.get("action_down"),
        given.get("attributes", {}),
        given.get("min_dimensions", {}),
    )


def _dimension(given: dict[str, Any]) -> dict[str, Any]:
    """One with what a file may leave out, and its weight as a number: so the log has it."""
    return {**given, "weight": number(given.get("weight", 1)), "default": given.get("default", 1)}


def _probability(dormancy: dict[str, Any]) -> Probability | None:
    if dormancy["mode"] != "probability":
        return None
    given = {name: Decimal(str(v)) for name, v in dormancy["probability"].items()}
    levels = [given.get(n, Decimal(p)) for n, p in zip(_LEVELS, ("0.7", "0.4", "0.1"), strict=True)]
    return Probability(
        r=given["r"],
        alpha=given["alpha"],
        a=given["a"],
        b=given["b"],
        unit_ms=int(given.get("unit_days", Decimal(7)) * DAY_MS),
        levels=(levels[0], levels[1], levels[2]),
        least_ms=_milliseconds(given.get("min_days", 14)),
        most_ms=_milliseconds(given.get("max_days", 730)),
        min_orders=dormancy["probability_min_orders"],
    )


def read_policy(
    given: dict[str, Any], *, live_from_ms: int | None = None, is_quiet: bool = False
) -> Policy:
    """The policy of a parsed TOML file. It is taken to be valid; only fixed figures are known."""
    whole = _with_defaults(_without_nulls(given), DEFAULTS)
    cutoffs, dormancy, weights = whole["cutoffs"], whole["dormancy"], whole["weights"]
    if cutoffs["mode"] != "fixed":
        raise ValueError("the oracle knows fixed cut-offs only")
    digits = digits_of(whole["currency"])
    cadence = dormancy["cadence"]
    rates = {code: exact(rate) for code, rate in whole["currency_rates"].items()}
    return Policy(
        version=whole["version"],
        timezone=whole["timezone"],
        currency=whole["currency"],
        digits=digits,
        window_days=whole["window_days"],
        paid_only=whole["count_orders"] == "paid",
        loyal_min_orders=whole["loyal_min_orders"],
        rates=rates | {whole["currency"]: Fraction(1)},
        recency_cutoffs=tuple(map(number, cutoffs["recency_days"])),
        frequency_cutoffs=tuple(map(number, cutoffs["frequency"])),
        monetary_cutoffs_minor=tuple(number(exact(c) * 10**digits) for c in cutoffs["monetary"]),
        weights=(
            exact(weights["recency"]),
            exact(weights["frequency"]),
            exact(weights["monetary"]),
        ),
        tiers=tuple(_tier(tier, digits) for tier in whole["tiers"]),
        dimensions=tuple(_dimension(each) for each in whole.get("dimensions", ())),
        grace_days=whole["movement"]["grace_days"],
        soft_landing=whole["movement"]["soft_landing"],
        hold_days=whole["movement"]["hold_days"],
        warn_days=whole["movement"].get("warn_days"),
        opt_in=whole["consent"] == "opt_in",
        amounts_optional=whole["amounts"] == "optional",
        probability=_probability(dormancy),
        cadence=dormancy["mode"] == "cadence",
        fixed_ms=(
            _milliseconds(dormancy["at_risk_days"]),
            _milliseconds(dormancy["dormant_days"]),
            _milliseconds(dormancy["churned_days"]),
        ),
        cadence_min_orders=dormancy["cadence_min_orders"],
        multipliers=(
            exact(cadence["at_risk"]),
            exact(cadence["dormant"]),
            exact(cadence["churned"]),
        ),
        cadence_min_ms=_milliseconds(cadence["min_days"]),
        cadence_max_ms=_milliseconds(cadence["max_days"]),
        actions=dormancy["actions"],
        points=whole.get("points"),
        sections=whole,
        live_from_ms=live_from_ms,
        is_quiet=is_quiet,
    )


def _without_nulls(value: Any) -> Any:
    """A document as a file has it: in the log, what was left out is null."""
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value
