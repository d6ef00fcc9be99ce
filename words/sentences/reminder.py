"""Reminders as sentences: what is to be done, when, and since when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from words.naming import Naming

Data = Mapping[str, Any]


def orders_words(count: int | None, total: str | None, naming: Naming) -> str:
    """Such as `2 orders worth $300.00`; empty where no orders of today are enough."""
    if count is None or total is None:
        return ""
    return naming.words.plural(
        "{count} order worth {total}",
        "{count} orders worth {total}",
        count,
        total=naming.money(total),
    )


def _birthday(data: Data, naming: Naming) -> str:
    return naming.words.say(
        "birthday on {day}, turns {age}", day=_due(data, naming), age=data["age"]
    )


def _anniversary(data: Data, naming: Naming) -> str:
    return naming.words.plural(
        "{count} year since the first order on {day}",
        "{count} years since the first order on {day}",
        data["years"],
        day=_due(data, naming),
    )


def _holiday(data: Data, naming: Naming) -> str:
    return naming.words.say("{holiday} on {day}", holiday=data["holiday"], day=_due(data, naming))


def _checkin(data: Data, naming: Naming) -> str:
    return naming.words.say(
        "silent for {days} days, last seen {day}",
        days=data["silent_days"],
        day=naming.words.date(data["last_interaction_at"]),
    )


def _refresh(data: Data, naming: Naming) -> str:
    days = data["unchanged_days"]
    return naming.words.say("profile unchanged for {days} days", days=days)


def _tier(data: Data, naming: Naming) -> str:
    words = naming.words
    fields = {
        "before": naming.tier(data["tier"]),
        "after": naming.tier(data["falls_to"]),
        "day": _due(data, naming),
        "orders": orders_words(data.get("orders_needed"), data.get("total_needed"), naming),
    }
    if not fields["orders"]:
        return words.say("falls from {before} to {after} on {day}", **fields)
    return words.say("falls from {before} to {after} on {day}; {orders} would prevent it", **fields)


def _points(data: Data, naming: Naming) -> str:
    return naming.words.plural(
        "{count} point of {balance} expires on {day}",
        "{count} points of {balance} expire on {day}",
        data["points"],
        balance=naming.words.number(data["balance"]),
        day=_due(data, naming),
    )


def _survey(data: Data, naming: Naming) -> str:
    words = naming.words
    asked = words.say("to be asked for {survey}", survey=words.term("survey", data["survey"]))
    about = data.get("ticket_id") or data.get("order_id")
    if about is None:
        return asked
    trigger = words.term("trigger", data["trigger"])
    return words.say("{sentence} after {trigger} {id}", sentence=asked, trigger=trigger, id=about)


def _followup(data: Data, naming: Naming) -> str:
    words = naming.words
    found = words.say("contact agreed for {day}", day=_due(data, naming))
    for each in (data.get("by"), data.get("note")):
        found = words.say("{sentence}, {more}", sentence=found, more=each) if each else found
    return found


def _visit(data: Data, naming: Naming) -> str:
    words, last, day = naming.words, data.get("last_contact_at"), _due(data, naming)
    if last is None:
        return words.say("visit on {day}, {days} days in this tier", day=day, days=data["days"])
    return words.say("visit on {day}, last contact {last}", day=day, last=words.date(last))


def _ticket(data: Data, naming: Naming) -> str:
    words = naming.words
    fields = {
        "stage": words.term("ticket_stage", data["stage"]),
        "ticket": data["ticket_id"],
        "at": words.moment(data["due_at"], naming.policy.timezone),
        "step": data.get("step"),
    }
    if fields["step"] is None:
        return words.say("{stage} of ticket {ticket} was due {at}", **fields)
    return words.say("{stage} of ticket {ticket} was due {at}; tell {step}", **fields)


def _retention(data: Data, naming: Naming) -> str:
    last, day = naming.words.date(data["last_active_at"]), _due(data, naming)
    return naming.words.say("nothing heard since {last}; erased on {day}", last=last, day=day)


REMINDER_SENTENCES: Mapping[str, Callable[[Data, Naming], str]] = {
    "birthday.upcoming": _birthday,
    "anniversary.upcoming": _anniversary,
    "holiday.upcoming": _holiday,
    "checkin.due": _checkin,
    "profile.refresh_due": _refresh,
    "tier.expiring": _tier,
    "points.expiring": _points,
    "survey.due": _survey,
    "followup.due": _followup,
    "visit.due": _visit,
    "ticket.overdue": _ticket,
    "retention.due": _retention,
}


def _due(data: Data, naming: Naming) -> str:
    return naming.words.date(data["due_on"])
