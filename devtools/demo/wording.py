"""Tier changes and alerts as sentences."""

from __future__ import annotations

from handlers.outputs import (
    CUSTOMER_REACTIVATED,
    CUSTOMER_RETURNED,
    DORMANCY_WITHDRAWN,
    LevelChanged,
    RfmView,
    TierChanged,
)
from scoring.money import grouped_thousands

_SUPPRESSED = {
    "backfill": "history",
    "policy_rollout": "a new policy",
    "no_consent": "no consent",
    "open_complaint": "open complaint",
    "holdout": "held out for comparison",
    "frequency_cap": "enough messages",
}


_OWN = {
    "cadence": " (by this customer's own rhythm)",
    "probability": " (by what is likely for this customer)",
}


def tier_sentence(change: TierChanged, window_days: int) -> str:
    """Such as `ana: B → A, 4 orders and 1,120.00 in 365 days; score 66 → 83`."""
    move = f"{change.customer_id}: {change.previous_tier} → {change.tier}, "
    late = " (told late)" if change.late else ""
    return move + _why(change, window_days) + _score(change) + late


def alert_sentence(type_name: str, change: LevelChanged) -> str:
    """Such as `ben: dormant, no purchase for 90 days`."""
    levels = f"{level_words(change.previous_level)} → {level_words(change.level)}"
    if type_name == CUSTOMER_REACTIVATED:
        return f"{change.customer_id}: bought again, {levels}"
    if type_name == CUSTOMER_RETURNED:
        return f"{change.customer_id}: is back, {levels}{_last_purchase(change)}"
    if type_name == DORMANCY_WITHDRAWN:
        return f"{change.customer_id}: alert withdrawn, {levels}{_last_purchase(change)}"
    silence = "" if change.threshold_days is None else _silence(change, change.threshold_days)
    suppressed = ""
    if change.suppressed is not None:
        why = _SUPPRESSED.get(change.suppressed, change.suppressed)
        suppressed = f"; do not contact: {why}"
    return f"{change.customer_id}: {level_words(change.level)}{silence}{suppressed}"


def level_words(level: str) -> str:
    """A level or stage as people say it: `at_risk` is `at risk`."""
    return level.replace("_", " ")


def _why(change: TierChanged, window_days: int) -> str:
    after = change.after
    if after is None:
        by_hand = change.reason == "override"
        return "by hand" if by_hand else f"no order counts any more ({change.reason})"
    holds = _holds(after, window_days)
    match change.reason:
        case "order":
            return holds
        case "refund" | "cancellation":
            return f"after a {change.reason} {holds}"
        case "grace_expired":
            return f"{_idle(after)}, grace over"
        case "window":
            return f"{_idle(after)}, {holds}"
        case "policy":
            return f"by policy {change.policy_version}"
        case "merge":
            return f"merged with another customer, {holds}"
        case other:
            return f"{other}, {holds}"


def _holds(after: RfmView, window_days: int) -> str:
    orders = "1 order" if after.frequency == 1 else f"{after.frequency} orders"
    return f"{orders} and {grouped_thousands(after.monetary)} in {window_days} days"


def _idle(after: RfmView) -> str:
    return f"no order for {after.recency_days} days"


def _score(change: TierChanged) -> str:
    """The score before and after; after a grace, what it was when the grace began."""
    if change.after is None:
        return ""
    if change.before is None:
        return f"; score {change.after.score}"
    before = change.before.score
    for crossed in change.crossed:
        if change.reason == "grace_expired" and crossed.measure == "score":
            return f"; score {crossed.before} → {crossed.after}"
    return f"; score {before} → {change.after.score}"


def _silence(change: LevelChanged, days: float) -> str:
    number = f"{days:.1f}".removesuffix(".0")
    own = _OWN.get(change.basis or "", "")
    return f", no purchase for {number} days{own}"


def _last_purchase(change: LevelChanged) -> str:
    return f"; last purchase {change.last_order_at[:10]}" if change.last_order_at else ""
