"""What the files of a backtest say of one customer: its profile, its outputs, its dead letters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct
from rich.console import Group
from rich.table import Table
from rich.text import Text

from cli.explain.result import NothingToExplain

_OUTPUTS = ("tier-changes", "dormancy-alerts", "care-reminders", "profile-changes")
_COMMON = frozenset(
    {
        "customer_id",
        "sequence",
        "effective_at",
        "reason",
        "caused_by",
        "suppressed",
        "policy_version",
        "backfill",
        "late",
        "marketing_consent",
        "consented_channels",
        "before",
        "after",
        "audience",
        "owner",
    }
)
_SHOWN_CHARACTERS = 60
_PROFILE = ("tier", "stage", "level", "segment", "score", "recency_days", "frequency", "monetary")


class Told(Struct, frozen=True):
    """What a backtest wrote of a customer.

    Attributes:
        customer_id: who.
        profile: the `data` of the profile at the end; None of one who was erased or merged.
        outputs: type and `data` of each, by their sequence.
        dead_letters: those of the customer's events, but for those of an erased customer, which do
            not say whose they are.
    """

    customer_id: str
    profile: dict[str, Any] | None
    outputs: list[dict[str, Any]]
    dead_letters: list[dict[str, Any]]


def told_in(folder: Path, customer_id: str) -> Told:
    """Read the files of a backtest.

    Raises:
        NothingToExplain: the folder is not that of a backtest, or has nothing of the customer.
        OSError: a file cannot be read.
    """
    if not (folder / "customer-profiles.jsonl").exists():
        raise NothingToExplain(f"{folder} has no outputs of a backtest: {_OUTPUTS[0]}.jsonl, …")
    wanted = json.dumps(customer_id).encode(), json.dumps(customer_id, ensure_ascii=False).encode()

    def lines(name: str) -> Iterator[dict[str, Any]]:
        with (folder / f"{name}.jsonl").open("rb") as source:
            for line in source:
                if any(text in line for text in wanted):
                    yield json.loads(line)

    of_whom = [
        {"type": one["type"], **one["data"]}
        for name in (*_OUTPUTS, "customer-profiles")
        for one in lines(name)
        if one["subject"] == customer_id
    ]
    outputs = [one for one in of_whom if one["type"] != "customer.profile"]
    profile = next((one for one in of_whom if one["type"] == "customer.profile"), None)
    letters = [one for one in _letters(folder) if _customer_of(one) == customer_id]
    if not of_whom and not letters:
        raise NothingToExplain(f"{folder} has nothing about customer {customer_id!r}")
    return Told(customer_id, profile, sorted(outputs, key=lambda one: one["sequence"]), letters)


def _letters(folder: Path) -> Iterator[dict[str, Any]]:
    with (folder / "dead-letters.jsonl").open("rb") as source:
        for line in source:
            yield json.loads(line)


def _customer_of(letter: dict[str, Any]) -> Any:
    """The customer id in a dead letter, if one can be read."""
    if letter.get("customer_id") is not None:
        return letter["customer_id"]
    try:
        document = json.loads(letter["raw"] or "null")
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    return document.get("subject" if "specversion" in document else "customer_id")


def told_view(told: Told) -> Group:
    """The same for a terminal."""
    profile = told.profile
    head = f"{told.customer_id}: no profile at the end (erased, or merged into another)"
    if profile is not None:
        figures = ", ".join(f"{name} {profile.get(name)}" for name in _PROFILE)
        head = f"{told.customer_id} as of {profile['as_of']}: {figures}"
    parts: list[Text | Table] = [Text(head)]
    if told.outputs:
        table = Table("#", "at", "what", "why", "", title="Outputs", title_justify="left")
        for one in told.outputs:
            cells = one["sequence"], one.get("effective_at"), one["type"], _why(one), _own(one)
            table.add_row(*(Text(str(cell)) for cell in cells))
        parts.append(table)
    if told.dead_letters:
        table = Table("line", "reason", "detail", title="Dead letters", title_justify="left")
        for one in told.dead_letters:
            table.add_row(*(Text(str(one[name])) for name in ("line", "reason", "detail")))
        parts.append(table)
    return Group(*parts)


def _why(output: dict[str, Any]) -> str:
    """The reason of an output with the events behind it, and whether to act on it."""
    reason = str(output.get("reason", output.get("cause", "")))
    events = ", ".join(output.get("caused_by") or ())
    suppressed = output.get("suppressed")
    found = f"{reason}: {events}" if events else reason
    return found if suppressed is None else f"{found} (suppressed: {suppressed})"


def _own(output: dict[str, Any]) -> str:
    """The fields that an output has beside the common ones, in short."""
    shown = []
    for name, value in output.items():
        if name in _COMMON or name == "type" or value in (None, [], {}):
            continue
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        shown.append(f"{name} {text[:_SHOWN_CHARACTERS]}{'…' * (len(text) > _SHOWN_CHARACTERS)}")
    return "; ".join(shown)
