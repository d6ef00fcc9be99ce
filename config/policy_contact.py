"""The optional sections `[audience]` and `[contact]` of a policy."""

from __future__ import annotations

from difflib import get_close_matches

from config.toml_table import TomlTable
from handlers.outputs import types
from scoring.audience import CUSTOMER, FORMS, STAFF
from scoring.care.quiet_hours import minute_of
from scoring.policy import Cap, ContactPolicy, Quiet

MAX_CAPS = 4
MAX_MESSAGES = 20
MAX_CAP_DAYS = 366
MAX_NAMES = 64


def read_audience(root: TomlTable) -> dict[str, str] | None:
    """Whom each type of output is for, where the policy says; None without the section."""
    table = root.optional_table("audience")
    if table is None:
        return None
    for name in table.names():
        if not _is_known(name, types.ADDRESSED_TYPES):
            table.wrong(name, _unknown(name, types.ADDRESSED_TYPES))
    found = {name: table.choice(name, CUSTOMER, (CUSTOMER, STAFF)) for name in table.names()}
    table.finish()
    return found


def read_contact(root: TomlTable) -> ContactPolicy | None:
    """Quiet hours and caps on messages; None without the section."""
    table = root.optional_table("contact")
    if table is None:
        return None
    declared = ContactPolicy(
        quiet=_quiet(table.optional_table("quiet")),
        caps=_caps(table),
        priority=_types(table, "priority"),
        exempt=_types(table, "exempt"),
    )
    table.finish()
    return declared


def _quiet(table: TomlTable | None) -> Quiet | None:
    if table is None:
        return None
    for key, example in (("from", "21:00"), ("to", "09:00")):
        if not table.has(key):
            table.wrong(key, f'is missing, a local time such as "{example}"')
            table.text(key, example)
    quiet = Quiet(_time(table, "from", "21:00"), _time(table, "to", "09:00"))
    if quiet.from_ == quiet.to:
        table.wrong(
            "to", f'is "{quiet.to}" as from is: they would cover the whole day; take another time'
        )
    table.finish()
    return quiet


def _time(table: TomlTable, key: str, default: str) -> str:
    found = table.text(key, default)
    if minute_of(found) is None:
        table.wrong(key, f'must be a local time from "00:00" to "23:59", got {found!r}')
        return default
    return found


def _caps(table: TomlTable) -> tuple[Cap, ...]:
    caps = table.tables("caps") or []
    if table.has("caps") and not 1 <= len(caps) <= MAX_CAPS:
        table.wrong("caps", f"must be 1 to {MAX_CAPS} of {{ messages = 1, days = 1 }}")
    return tuple(_cap(cap) for cap in caps)


def _cap(table: TomlTable) -> Cap:
    found = {}
    for key, most in (("messages", MAX_MESSAGES), ("days", MAX_CAP_DAYS)):
        if not table.has(key):
            table.wrong(key, f"is missing, a whole number from 1 to {most}")
        found[key] = table.optional_integer(key, 1, most) or 1
    table.finish()
    return Cap(found["messages"], found["days"])


def _types(table: TomlTable, key: str) -> tuple[str, ...]:
    names = table.texts(key, MAX_NAMES, 64)
    for name in names:
        if not _is_known(name, types.CHANGE_TYPES):
            table.wrong(key, _unknown(name, types.CHANGE_TYPES))
    return names


def _is_known(name: str, known: tuple[str, ...]) -> bool:
    type_name, colon, form = name.partition(":")
    return type_name in known and (not colon or form in FORMS.get(type_name, ()))


def _unknown(name: str, known: tuple[str, ...]) -> str:
    type_name, _, _ = name.partition(":")
    if type_name in known:
        forms = [f"{type_name}:{form}" for form in FORMS.get(type_name, ())]
        return f"{name!r} is no form of it; take " + " or ".join((type_name, *forms))
    if type_name in types.CHANGE_TYPES:
        return f"{name!r} is for nobody in particular; take an alert, tier change or reminder"
    close = get_close_matches(type_name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else "take one such as " + known[0]
    return f"{name!r} is no type of output, {hint}"
