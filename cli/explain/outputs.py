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
from cli.explain.words import plain
from words import Naming, Words, do_not_contact, sentence

_OUTPUTS = ("tier-changes", "dormancy-alerts", "care-reminders", "profile-changes")


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


def told_view(told: Told, naming: Naming) -> Group:
    """The same for a terminal."""
    words, profile = naming.words, told.profile
    head = words.say(
        "{customer}: no profile at the end (erased, or merged into another)",
        customer=plain(told.customer_id),
    )
    if profile is not None:
        head = words.say(
            "{customer} as of {time}: {figures}",
            customer=plain(told.customer_id),
            time=words.instant(profile["as_of"]),
            figures=words.listed(list(_figures(profile, naming))),
        )
    parts: list[Text | Table] = [Text(head)]
    if told.outputs:
        parts.append(_output_table(told.outputs, naming))
    if told.dead_letters:
        parts.append(_letter_table(told.dead_letters, words))
    return Group(*parts)


def _figures(profile: dict[str, Any], naming: Naming) -> Iterator[str]:
    """The tier, the stage, the segment and the figures, those that there are."""
    words = naming.words
    yield naming.tier(profile["tier"])
    for kind in ("stage", "segment"):
        if profile.get(kind) is not None:
            yield words.term(kind, profile[kind])
    for measure in ("score", "recency_days", "frequency", "monetary"):
        if profile.get(measure) is not None:
            yield f"{naming.measure(measure)} {naming.value(measure, profile[measure])}"


def _output_table(outputs: list[dict[str, Any]], naming: Naming) -> Table:
    words = naming.words
    columns = "#", words.named("column", "at"), words.named("column", "what"), ""
    table = Table(*columns, title=words.say("Outputs"), title_justify="left")
    for one in outputs:
        told = [sentence(one["type"], one, naming), _actions(one, naming)]
        cells = (
            str(one["sequence"]),
            words.instant(one["effective_at"]),
            words.term("output", one["type"]),
            plain(words.say("; ").join(part for part in told if part)),
        )
        table.add_row(*map(Text, cells))
    return table


def _actions(output: dict[str, Any], naming: Naming) -> str:
    """The action of an output, or why there is to be none."""
    action = output.get("action")
    if not action or output.get("suppressed"):
        return do_not_contact(output, naming)
    return naming.words.say("action: {action}", action=naming.action(action))


def _letter_table(letters: list[dict[str, Any]], words: Words) -> Table:
    columns = (
        words.named("column", "line"),
        words.named("column", "reason"),
        words.named("column", "detail"),
    )
    table = Table(*columns, title=words.say("Dead letters"), title_justify="left")
    for one in letters:
        reason = words.term("dead_letter", one["reason"])
        table.add_row(*(Text(plain(str(cell))) for cell in (one["line"], reason, one["detail"])))
    return table
