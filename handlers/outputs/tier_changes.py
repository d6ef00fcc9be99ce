"""What goes out on `tier-changes`."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from handlers.outputs.envelope import Change
from scoring.crossed import Crossed
from scoring.grading import Beyond, Said
from scoring.money import text_of_minor
from scoring.rfm import Rfm
from scoring.rules import MONEY, Rules
from scoring.timestamps import rfc3339


class RfmView(Struct, frozen=True):
    """RFM of one business day; money as decimal text in major units."""

    recency_days: int
    frequency: int
    monetary: str
    r: int
    f: int
    m: int
    score: int
    segment: str
    dimensions: dict[str, int] | UnsetType = UNSET
    """The digits beside R, F and M, under a policy with dimensions."""


class CrossedView(Struct, frozen=True):
    """A condition that came to hold or ceased to."""

    measure: str
    before: int | str | None
    after: int | str | None
    cutoff: int | str | Said
    """Of an attribute the condition as in the policy."""
    at: str


class NextTier(Struct, frozen=True):
    """The tier directly above and what reaches it or better.

    The smallest single order today; the fewest orders today, and the smallest total of so many.
    """

    tier: str
    order_amount_needed: str | None
    orders_needed: int | None
    total_needed: str | None


class TierChanged(Change, frozen=True, kw_only=True):
    """`data` of `tier.changed`."""

    previous_tier: str
    tier: str
    direction: str
    late: bool
    caused_by: list[str]
    before: RfmView | None
    after: RfmView | None
    crossed: list[CrossedView]
    next_tier: NextTier | None
    keeps_until: str | None
    action: str | None


def rfm_view(rfm: Rfm | None, rules: Rules) -> RfmView | None:
    """RFM for an output; None for a prospect."""
    if rfm is None:
        return None
    return RfmView(
        rfm.recency_days,
        rfm.frequency,
        text_of_minor(rfm.monetary, rules.base_digits),
        rfm.r,
        rfm.f,
        rfm.m,
        rfm.score,
        rfm.segment,
        digits_view(rfm.beyond),
    )


def digits_view(beyond: Beyond | None) -> dict[str, int] | UnsetType:
    """The digit of each dimension; unset under a policy without any."""
    return UNSET if beyond is None or not beyond.digits else dict(beyond.digits)


def crossed_view(crossed: Crossed, rules: Rules) -> CrossedView:
    """A crossed condition for an output."""
    measure, before, after, cutoff, at_ms = crossed
    if measure in MONEY:
        assert not isinstance(before, str)
        assert not isinstance(after, str)
        assert isinstance(cutoff, int)
        digits = rules.base_digits
        return CrossedView(
            measure,
            None if before is None else text_of_minor(before, digits),
            None if after is None else text_of_minor(after, digits),
            text_of_minor(cutoff, digits),
            rfc3339(at_ms),
        )
    return CrossedView(measure, before, after, cutoff, rfc3339(at_ms))
