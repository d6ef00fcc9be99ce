"""The compiled policy: every number the core needs, as integers in the units it uses."""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import NamedTuple

from scoring.calendar import BusinessCalendar
from scoring.care.contact import ContactRule
from scoring.care.dates import CareRule
from scoring.dormancy import ThresholdRule
from scoring.grading import attributes_of, grading_of
from scoring.health_score import health_rule
from scoring.holdout import holdout_rule
from scoring.money import CURRENCY_DIGITS, Amount, Rate, amount_of, most_minor_units, rate_of
from scoring.points.terms import PointsRule
from scoring.policy import Policy, Tier
from scoring.tags import TagRules

PROSPECT = "prospect"


MEASURES = (
    "recency_days",
    "frequency",
    "monetary",
    "r",
    "f",
    "m",
    "score",
    "orders_ever",
    "spend_ever",
)
"""The figures of `scoring.rfm.Rfm`, in its order."""
RECENCY_DAYS, FREQUENCY, MONETARY, R, F, M, SCORE, ORDERS_EVER, SPEND_EVER = range(9)
"""The places of the measures in `MEASURES`."""
MONEY = frozenset({"monetary", "spend_ever"})
"""The measures in minor units of the base currency."""


class Condition(NamedTuple):
    """One condition of a tier: the measure at least the cut-off, or at most it for recency."""

    measure_at: int
    """The place of the measure in `MEASURES`."""
    cutoff: int
    at_most: bool

    @property
    def measure(self) -> str:
        """The name of the measure."""
        return MEASURES[self.measure_at]


class TierRule(NamedTuple):
    """A tier with its conditions in minor units."""

    name: str
    action: str | None
    action_down: str | None
    """The action for a fall into the tier."""
    conditions: tuple[Condition, ...]
    """In the order in which those that were crossed are told (`scoring.tiers.crossed`)."""


class Rules:
    """A compiled policy. Immutable by convention; one instance for each policy version."""

    format = 255
    """The format of the partition's records, which its owner sets: a rule that needs a field of a
    later format does as the releases of that time did."""
    remembers = 255
    """The format whose figures are kept, though no rule may ask for them before the partition has
    that format; it is later than `format` where states are made anew from a log."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.version = policy.version
        self.calendar = BusinessCalendar(policy.timezone)
        self.window_days = policy.window_days
        self.counts_when_paid = policy.count_orders == "paid"
        self.loyal_min_orders = policy.loyal_min_orders
        self.base_currency = policy.currency
        self.base_digits = CURRENCY_DIGITS[policy.currency]
        self.rates = _rates(policy)
        self.most_minor = {
            currency: most_minor_units(rate, self.base_digits - CURRENCY_DIGITS[currency])
            for currency, rate in self.rates.items()
        }
        """The largest amount in each currency: both it and what it is converted to have a limit."""
        self.recency_cutoffs = policy.cutoffs.recency_days
        self.frequency_cutoffs = policy.cutoffs.frequency
        self.monetary_cutoffs = tuple(self._minor(text) for text in policy.cutoffs.monetary)
        self._weigh(policy)
        self.tiers = tuple(self._tier(tier) for tier in policy.tiers)
        self.prospect_rank = len(self.tiers)
        self.rank = {tier.name: index for index, tier in enumerate(self.tiers)}
        self.rank[PROSPECT] = self.prospect_rank
        self.recency_steps = self._recency_steps()
        self.grace_days = policy.movement.grace_days
        self.soft_landing = policy.movement.soft_landing
        self.hold_days = policy.movement.hold_days
        self.warn_days = policy.movement.warn_days
        self.dormancy = ThresholdRule(policy)
        actions = policy.dormancy.actions
        self.level_actions = (None, actions.at_risk, actions.dormant, actions.churned)
        self.reactivated_action = actions.reactivated
        self.returned_action = actions.returned
        self.satisfaction = policy.satisfaction
        self.health = None if policy.health is None else health_rule(policy.health)
        self.holdout = None if policy.holdout is None else holdout_rule(policy.holdout)

        self.points = None if policy.points is None else PointsRule(policy.points, self.base_digits)
        self.tags = None if policy.tags is None else TagRules(policy, self.base_digits)
        self.care = None if policy.care is None else CareRule(policy.care, self.calendar)
        self._address(policy)
        self._choose(policy)

    def _weigh(self, policy: Policy) -> None:
        """Set the weights of R, F and M, and what tiers follow from beyond orders."""
        self.weights, dimension_weights = _integer_weights(policy)
        self.points_by_digit = tuple(
            tuple(weight * (digit - 1) for digit in range(6)) for weight in self.weights
        )
        """Of R, F and M, what each digit adds to the sum of weight * (digit - 1)."""
        self.most_points = 4 * (sum(self.weights) + sum(dimension_weights))
        """The sum of weight * (digit - 1) with which the score is 100."""
        self.grading = grading_of(policy, dimension_weights)
        """None under a policy that asks for orders only."""

    def _address(self, policy: Policy) -> None:
        """Compile what says whom outputs are for, and when and how often they may be sent."""
        self.audience = policy.audience
        self.owner_attribute = None if policy.care is None else policy.care.owner_attribute
        contact = policy.contact
        self.contact = None if contact is None else ContactRule(contact, self.calendar)
        self.attribute_names = _attribute_names(policy)
        """The attributes that the policy names: a customer never has too many for them."""

    def _choose(self, policy: Policy) -> None:
        """Set what the policy says yes or no to, and what it declares at all."""
        self.is_opt_in = policy.consent == "opt_in"
        """Whether marketing needs a yes: who never said one counts as no."""
        self.retention = policy.retention
        """After how long inactive customers are erased; None if they are not."""
        self.amounts_optional = policy.amounts == "optional"
        """Whether an order may be without an amount, and then counts 0.00."""
        self.override_needs_approval = policy.override is not None and policy.override.approval
        """Whether a tier by hand waits until somebody else approves it."""
        features = (self.care, self.points, self.tags)
        self.has_features = any(feature is not None for feature in features)
        """Whether the policy declares more than tiers and dormancy levels."""
        self.asks_more = self.has_features or bool(self.satisfaction or self.retention)
        """Whether more than tiers and levels follows from interactions."""

    def tier_name(self, rank: int) -> str:
        """The name of a tier by its rank, 0 the best; `prospect` below the last."""
        return PROSPECT if rank == self.prospect_rank else self.tiers[rank].name

    def tier_action(self, rank: int, *, is_up: bool) -> str | None:
        """The action on coming into a tier from below or from above; None for prospects."""
        if rank == self.prospect_rank:
            return None
        tier = self.tiers[rank]
        return tier.action if is_up else tier.action_down or tier.action

    def _minor(self, text: str) -> int:
        amount = amount_of(text)
        if amount is None:
            raise ValueError(f"{text!r} is no amount")
        return _scaled(amount, self.base_digits)

    def _tier(self, tier: Tier) -> TierRule:
        found = (
            ("score", tier.min_score),
            ("r", tier.min_r),
            ("f", tier.min_f),
            ("m", tier.min_m),
            ("frequency", tier.min_frequency),
            ("monetary", None if tier.min_monetary is None else self._minor(tier.min_monetary)),
            ("recency_days", tier.max_recency_days),
            ("orders_ever", tier.min_orders_ever),
            (
                "spend_ever",
                None if tier.min_spend_ever is None else self._minor(tier.min_spend_ever),
            ),
        )
        conditions = tuple(
            Condition(MEASURES.index(name), cutoff, name == "recency_days")
            for name, cutoff in found
            if cutoff is not None
        )
        return TierRule(tier.name, tier.action, tier.action_down, conditions)

    def _recency_steps(self) -> tuple[int, ...]:
        """The recencies in days, ascending, at which a digit or a condition changes."""
        passed = {cutoff + 1 for cutoff in self.recency_cutoffs}
        for tier in self.tiers:
            for condition in tier.conditions:
                if condition.at_most:
                    passed.add(condition.cutoff + 1)
        return tuple(sorted(passed))


def _attribute_names(policy: Policy) -> frozenset[str]:
    tags = (tag.of for tag in policy.tags or () if tag.kind == "attribute")
    owner = None if policy.care is None else policy.care.owner_attribute
    named = {name for name in (*tags, owner) if name is not None}
    return frozenset(named.union(attributes_of(policy)))


def _scaled(amount: Amount, digits: int) -> int:
    units, scale = amount
    return int(units * 10**digits // 10**scale)


def _rates(policy: Policy) -> dict[str, Rate]:
    rates = {policy.currency: Rate(1, 1)}
    for currency, text in policy.currency_rates.items():
        rates[currency] = rate_of(text)
    return rates


def _integer_weights(policy: Policy) -> tuple[tuple[int, int, int], tuple[int, ...]]:
    """The weights of R, F and M, and those of the dimensions, in a common unit."""
    weights = policy.weights
    exact = [Fraction(text) for text in (weights.recency, weights.frequency, weights.monetary)]
    exact += [Fraction(dimension.weight) for dimension in policy.dimensions]
    common = lcm(*(weight.denominator for weight in exact))
    recency, frequency, monetary, *others = (int(weight * common) for weight in exact)
    return (recency, frequency, monetary), tuple(others)
