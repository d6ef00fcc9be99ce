"""The optional `[[tags]]` of a policy: what each kind of rule needs, and what it may not say."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any
from unicodedata import category, normalize

from config.toml_table import TomlTable
from handlers.decode.fields import MAX_ID_LENGTH
from handlers.events import CHURN, MAX_ANSWER, SCHEMA, Browsed, CustomerErased, CustomerMerged
from scoring.policy import Satisfaction, TagRule
from scoring.tags import (
    BROWSE,
    MAX_COUNTED,
    MAX_COUNTED_DAYS,
    MAX_NAME_BYTES,
    MAX_TAGS,
    count_key,
    is_usable,
)

MAX_DAYS = 366
"""Of a window over which a rule counts, and of a half-life."""

_MOST_BANDS = 16
_MOST_VALUES = 64
_MOST_AGE = 150
_MOST_TOP = 10
_MOST_WEIGHT = 100
_MOST = 10**9
_LEAST_SHARE_ORDERS = 1

_ACTIVITY = "activity.recorded"
_COUNTED = tuple(
    name
    for name, declared in SCHEMA.items()
    if declared.event not in (CustomerMerged, CustomerErased)
)
_ORDERS_OF = ("count", "spend", "average", "ever")
_SHARES_OF = ("small", "refunded", "hours")
_TOP_OF = ("category", "channel")
_OPEN_OF = ("open_tickets", "open_complaints")
_SURVEYS_OF = ("csat_last", "csat_mean", "nps_last", "nps_mean")

_Fields = dict[str, Any]


class _Surroundings:
    """What a rule is checked against beside itself."""

    def __init__(self, window_days: int, satisfaction: Satisfaction | None) -> None:
        self.window_days = window_days
        self.satisfaction = satisfaction


def read_tags(
    root: TomlTable, window_days: int, satisfaction: Satisfaction | None
) -> tuple[TagRule, ...] | None:
    """The declared tags; None without any."""
    tables = root.tables("tags")
    if tables is None:
        return None
    if not 1 <= len(tables) <= MAX_TAGS:
        root.wrong("tags", f"must be 1 to {MAX_TAGS} tables")
        return None
    around = _Surroundings(window_days, satisfaction)
    rules = tuple(_rule(table, around) for table in tables)
    _check_together(root, tables, rules)
    return rules


def _rule(table: TomlTable, around: _Surroundings) -> TagRule:
    name = table.text("tag", "", 32)
    if name and not _is_name(name):
        table.wrong(
            "tag",
            "takes letters of any script (no capitals), digits, - and _, and begins with one of "
            "the first two",
        )
    kind = table.choice("kind", "", tuple(_KINDS))
    fields = _KINDS[kind](table, around) if kind in _KINDS else {}
    fields["label"] = table.table("label").text_map()
    if kind in _KINDS:
        table.finish()
    return TagRule(name, kind or "measure", **fields)


def _is_name(name: str) -> bool:
    """Whether a text can name a tag; of a text that can be spelt in two ways only one is taken."""
    kinds = [category(c)[0] for c in name]
    return (
        kinds[0] in "LN"
        and all(kind in "LMN" or c in "-_" for kind, c in zip(kinds, name, strict=True))
        and name == normalize("NFC", name.lower())
        and len(name.encode()) <= MAX_NAME_BYTES
    )


def _attribute(table: TomlTable, _around: _Surroundings) -> _Fields:
    values = table.texts("values", _MOST_VALUES, MAX_NAME_BYTES)
    return {"of": table.text("of", ""), "values": values}


def _age(table: TomlTable, _around: _Surroundings) -> _Fields:
    return {"bands": table.rising("bands", _MOST_BANDS, _MOST_AGE)}


def _count(table: TomlTable, _around: _Surroundings) -> _Fields:
    named = table.texts("events", len(_COUNTED) + 1, MAX_ID_LENGTH)
    events: dict[str, None] = {}
    for name in named:
        if name == BROWSE:
            events.update(dict.fromkeys(SCHEMA.names_of(Browsed)))
        elif name in _COUNTED:
            events[name] = None
        else:
            table.wrong("events", f"{name!r} is no type of event that can be counted")
    if not named:
        table.wrong("events", 'must be a list of types of events such as ["page.viewed"]')
    activity = table.optional_text("activity", None)
    if activity is not None and list(events) != [_ACTIVITY]:
        table.wrong("activity", f'goes with events = ["{_ACTIVITY}"] alone')
    if activity is not None and not is_usable(activity):
        table.wrong("activity", f"must take at most {MAX_NAME_BYTES} bytes")
    days = table.optional_integer("days", 1, MAX_DAYS)
    return {
        "events": tuple(events),
        "activity": activity,
        "days": days,
        **_bounds(table, whole=True),
    }


def _orders(table: TomlTable, around: _Surroundings) -> _Fields:
    of = table.choice("of", "count", _ORDERS_OF)
    days = None
    if of != "ever":
        days = table.optional_integer("days", 1, around.window_days)
    return {"of": of, "days": days, **_bounds(table, whole=of in ("count", "ever"))}


def _order_share(table: TomlTable, around: _Surroundings) -> _Fields:
    of = table.choice("of", "", _SHARES_OF)
    fields: _Fields = {
        "of": of,
        "days": table.optional_integer("days", 1, around.window_days),
        "min_orders": table.integer("min_orders", 3, _LEAST_SHARE_ORDERS, _MOST),
        **_bounds(table, whole=False, most=1),
    }
    if of == "small":
        amount = table.optional_decimal("amount")
        if amount is None and not table.has("amount"):
            table.wrong("amount", "is missing, the largest amount that is small")
        fields["amount"] = amount
    elif of == "hours":
        hours = table.whole_numbers("hours", 2, 24)
        if len(hours) != 2 or hours[0] == hours[1] or hours[0] == 24:
            table.wrong("hours", "must be two hours such as [22, 6], from the first to the second")
        else:
            fields["hours"] = hours
    return fields


def _top(table: TomlTable, _around: _Surroundings) -> _Fields:
    of = table.choice("of", "", _TOP_OF)
    at_least = table.decimal("at_least", "0.5")
    if not Fraction(1, 1000) <= Fraction(at_least) <= _MOST:
        table.wrong("at_least", f"must be from 0.001 to {_MOST}, got {at_least}")
    fields: _Fields = {
        "of": of,
        "top": table.integer("top", 3, 1, _MOST_TOP),
        "half_life_days": table.integer("half_life_days", 30, 1, MAX_DAYS),
        "at_least": at_least,
    }
    if of == "category":
        fields["view_weight"] = table.integer("view_weight", 1, 0, _MOST_WEIGHT)
        fields["purchase_weight"] = table.integer("purchase_weight", 5, 0, _MOST_WEIGHT)
    return fields


def _measure(table: TomlTable, around: _Surroundings) -> _Fields:
    of = table.choice("of", "", _OPEN_OF + _SURVEYS_OF)
    if of in _SURVEYS_OF and around.satisfaction is None:
        table.wrong("of", f'"{of}" needs a [satisfaction] section')
    return {"of": of, **_bounds(table, whole=of in _OPEN_OF)}


def _answer(table: TomlTable, _around: _Surroundings) -> _Fields:
    survey = table.choice("survey", CHURN, (CHURN,))
    return {"survey": survey, "values": table.texts("values", _MOST_VALUES, MAX_ANSWER)}


_KINDS: dict[str, Callable[[TomlTable, _Surroundings], _Fields]] = {
    "attribute": _attribute,
    "age": _age,
    "count": _count,
    "orders": _orders,
    "order_share": _order_share,
    "top": _top,
    "measure": _measure,
    "answer": _answer,
}


def _bounds(table: TomlTable, *, whole: bool, most: int = _MOST) -> _Fields:
    """`at_least` and `at_most`, of which one must be there."""
    found: _Fields = {}
    for key in ("at_least", "at_most"):
        text = table.optional_decimal(key)
        if text is not None and whole and Fraction(text).denominator != 1:
            table.wrong(key, f"must be a whole number, got {text}")
        elif text is not None and Fraction(text) > most:
            table.wrong(key, f"must be at most {most}, got {text}")
        elif text is not None:
            found[key] = text
    if not table.has("at_least") and not table.has("at_most"):
        table.wrong("at_least", "is missing: a rule needs at_least, at_most or both")
    elif len(found) == 2 and Fraction(found["at_least"]) > Fraction(found["at_most"]):
        table.wrong("at_least", "must not exceed at_most")
    return found


def _check_together(root: TomlTable, tables: list[TomlTable], rules: tuple[TagRule, ...]) -> None:
    names = [rule.tag for rule in rules]
    for place, (table, rule) in enumerate(zip(tables, rules, strict=True)):
        if rule.tag and rule.tag in names[:place]:
            table.wrong("tag", f"{rule.tag!r} stands twice")
        if rule.kind == "top" and any(
            other.kind == "top" and other.of == rule.of for other in rules[:place]
        ):
            table.wrong("of", f'there is another rule for the top of "{rule.of}" already')
    _check_counted(root, rules)


def _check_counted(root: TomlTable, rules: tuple[TagRule, ...]) -> None:
    """What is counted bounds a customer's memory."""
    windows: dict[str, int] = {}
    for rule in rules:
        for event in rule.events:
            key = count_key(event, rule.activity)
            windows[key] = max(windows.get(key, 0), rule.days or 0)
    if len(windows) > MAX_COUNTED:
        root.wrong(
            "tags", f"count {len(windows)} kinds of events in all, at most {MAX_COUNTED} may be"
        )
    days = sum(windows.values())
    if days > MAX_COUNTED_DAYS:
        root.wrong(
            "tags",
            f"count {len(windows)} kinds of events over {days} days taken together, at most "
            f"{MAX_COUNTED_DAYS} may be",
        )
