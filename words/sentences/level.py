"""Alerts about a customer's silence, and its end, as sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from words.naming import Naming


def alert(data: Mapping[str, Any], naming: Naming) -> str:
    """Such as `dormant: no purchase for 90 days (by this customer's own rhythm)`."""
    words, days = naming.words, data.get("threshold_days")
    level = words.term("level", data["level"])
    if days is None:
        reason = words.term("cause", data.get("reason"))
        return words.say("{level} {cause}", level=level, cause=reason)
    found = words.say("{level}: {silence}", level=level, silence=_silence(data, naming, days))
    if data.get("basis") in ("cadence", "probability"):
        own = words.term("basis", data["basis"])
        return words.say("{sentence} ({basis})", sentence=found, basis=own)
    return found


def withdrawn(data: Mapping[str, Any], naming: Naming) -> str:
    """Such as `alert withdrawn, dormant → active; last purchase Jan 3, 2025`."""
    move = naming.words.say("alert withdrawn, {levels}", levels=_levels(data, naming))
    return _with_last_purchase(move, data, naming)


def reactivated(data: Mapping[str, Any], naming: Naming) -> str:
    """Such as `bought again, dormant → active`."""
    return naming.words.say("bought again, {levels}", levels=_levels(data, naming))


def returned(data: Mapping[str, Any], naming: Naming) -> str:
    """Such as `is back, churned → dormant; last purchase Jan 3, 2025`."""
    move = naming.words.say("is back, {levels}", levels=_levels(data, naming))
    return _with_last_purchase(move, data, naming)


LEVEL_SENTENCES: Mapping[str, Callable[[Mapping[str, Any], Naming], str]] = {
    "dormancy.alert": alert,
    "dormancy.withdrawn": withdrawn,
    "customer.reactivated": reactivated,
    "customer.returned": returned,
}


def _silence(data: Mapping[str, Any], naming: Naming, days: float) -> str:
    number = naming.words.number(round(days, 1))
    if data["level"] == "churned":
        return naming.words.say("no interaction for {days} days", days=number)
    return naming.words.say("no purchase for {days} days", days=number)


def _levels(data: Mapping[str, Any], naming: Naming) -> str:
    before, after = (naming.words.term("level", data[name]) for name in ("previous_level", "level"))
    return f"{before} → {after}"


def _with_last_purchase(move: str, data: Mapping[str, Any], naming: Naming) -> str:
    last = data.get("last_order_at")
    if last is None:
        return move
    day = naming.words.date(last)
    return naming.words.say("{sentence}; last purchase {day}", sentence=move, day=day)
