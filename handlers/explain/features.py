"""The parts of an explanation that a policy may declare: tags, health, points, reminders."""

from __future__ import annotations

from fractions import Fraction

from handlers.explain.model import (
    HealthPart,
    HealthWhy,
    LotWhy,
    NameWeight,
    PointsWhy,
    TagWhy,
)
from handlers.explain.orders import date_of
from handlers.outputs import optional_time
from handlers.profile.record import SatisfactionView, health_view, satisfaction_view
from handlers.state.customer import Customer, Tagged
from scoring.health_score import PARTS
from scoring.money import text_of_minor
from scoring.points.account import Account
from scoring.rfm import Rfm
from scoring.rules import Rules
from scoring.timestamps import rfc3339

_DECIMALS = 3


def tags_why(customer: Customer, rules: Rules) -> list[TagWhy] | None:
    """The tags that hold, each with the kind of its rule; None under a policy without tags."""
    if rules.policy.tags is None:
        return None
    kinds = {rule.tag: rule.kind for rule in rules.policy.tags}
    since = {} if customer.tagged is None else customer.tagged.since
    return [
        TagWhy(name, rfc3339(since_ms), kinds[name.partition(":")[0]])
        for name, since_ms in sorted(since.items())
    ]


def weights_why(customer: Customer, rules: Rules, today: int) -> list[NameWeight] | None:
    """The weights of categories and channels today; None under a policy without them."""
    declared = rules.tags
    if declared is None or (declared.category is None and declared.channel is None):
        return None
    tagged = customer.tagged or Tagged()
    found = []
    for of, sketch in (("category", tagged.categories), ("channel", tagged.channels)):
        if sketch is not None:
            for name in sketch.heaviest(len(sketch.weights)):
                weight, error = sketch.weight_on(name, today), sketch.error_on(name, today)
                found.append(NameWeight(of, name, _decimal(weight), _decimal(error)))
    return found


def health_why(customer: Customer, rules: Rules, rfm: Rfm | None) -> HealthWhy | None:
    """The score and its parts with their weights; None under a policy without health."""
    if rules.health is None or rules.policy.health is None or customer.refuses_profiling:
        return None
    view = health_view(customer, rules, rules.health, rfm)
    declared = rules.policy.health
    return HealthWhy(
        view.score,
        [
            HealthPart(name, view.parts[name], getattr(declared, name))
            for name in PARTS
            if name in view.parts
        ],
    )


def satisfaction_why(customer: Customer, rules: Rules) -> SatisfactionView | None:
    """The satisfaction of the profile; None under a policy without it."""
    return None if rules.satisfaction is None else satisfaction_view(customer, rules.satisfaction)


def _decimal(value: Fraction) -> str:
    return text_of_minor(round(value * 10**_DECIMALS), _DECIMALS)


def points_why(customer: Customer, rules: Rules) -> PointsWhy | None:
    """The account of points; None under a policy without points."""
    if rules.points is None:
        return None
    account = customer.points or Account()
    return PointsWhy(
        balance=account.balance,
        owed=account.owed,
        earned=account.earned,
        redeemed=account.redeemed,
        taken_back=account.taken_back,
        expired=account.expired,
        lots=[
            LotWhy(date_of(lot.day), lot.points, optional_time(lot.expires_ms))
            for lot in account.lots
        ],
        next_order_rate=rules.points.rate_text(customer.tier),
        next_order_per=rules.points.per_text(customer.tier),
        cancellations_waiting=len(account.spent.waiting),
    )
