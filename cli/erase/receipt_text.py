"""The receipt of an erasure as text: what was done, and what data may remain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from streams.erasure.receipt import Outcome, Receipt, ResidualData

_MARKS: dict[Outcome, str] = {
    "done": "ok",
    "waiting": "..",
    "refused": "!!",
    "not_reached": "!!",
    "not_looked": "--",
}
_STEP_NAMES = {
    "request": "request",
    "merge": "merge",
    "log": "log",
    "state": "state",
    "profile": "profile",
    "view": "Redis",
}


def receipt_lines(receipt: Receipt) -> Iterator[str]:
    """The receipt as lines of text."""
    yield f"erasure of customer {receipt.erased_id!r}, {receipt.occurred_at}"
    if receipt.also_known_as:
        yield f"also known as {', '.join(map(repr, receipt.also_known_as))}"
    for step in receipt.steps:
        at = "" if step.at is None else f" ({step.at})"
        yield f"{_MARKS[step.outcome]}  {_STEP_NAMES[step.where] + ':':<9}{step.text}{at}"
    yield ""
    yield "What was written before stays in these topics:"
    for (gone_by, why), topics in _by_fate(receipt.remains).items():
        yield from _fate_lines(gone_by, why, topics)
    yield ""
    yield "Look yourself after:"
    yield from (f"  {line}" for line in receipt.elsewhere)


def what_is_missing(receipt: Receipt) -> str:
    """One sentence about the steps that were not seen."""
    lacking = [step for step in receipt.steps if step.outcome != "done"]
    refused = next((step for step in lacking if step.outcome == "refused"), None)
    if refused is not None:
        return f"customer {receipt.customer_id!r} is not erased: {refused.text}"
    names = ", ".join(_STEP_NAMES[step.where] for step in lacking)
    return (
        f"the erasure of customer {receipt.customer_id!r} is written and will be done, but was not "
        f"seen everywhere: {names}; run the command again to look"
    )


def _by_fate(remains: Iterable[ResidualData]) -> dict[tuple[str | None, str], list[ResidualData]]:
    """Topics grouped by when and why their data will be gone."""
    found: dict[tuple[str | None, str], list[ResidualData]] = {}
    for one in remains:
        found.setdefault((one.gone_by, one.why), []).append(one)
    return found


def _fate_lines(gone_by: str | None, why: str, topics: list[ResidualData]) -> Iterator[str]:
    yield f"  {'no end is certain' if gone_by is None else f'until {gone_by} at the latest'}: {why}"
    for one in topics:
        yield f"    {one.topic}: {one.holds}{_count_words(one)}"
    first = topics[0]
    if first.remedy is not None:
        remedy = first.remedy.replace(f" {first.topic} ", " TOPIC ")
        yield f"    to set one: {remedy}"


def _count_words(one: ResidualData) -> str:
    if one.count is None:
        return ""
    least = "" if one.count.complete else "at least "
    noun = "record bears" if one.count.records == 1 else "records bear"
    return f" ({least}{one.count.records:,} {noun} the id)"
