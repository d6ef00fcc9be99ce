"""The comparison as a table in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.side_by_side.course import Outcome

_ROWS: tuple[tuple[str, Callable[[Outcome], str]], ...] = (
    ("orders lost", lambda o: f"{o.counts.orders_lost:,}"),
    ("orders counted twice", lambda o: f"{o.counts.orders_twice:,}"),
    ("customers with wrong figures", lambda o: f"{o.counts.customers_wrong:,}"),
    ("… of them rolled back", lambda o: f"{o.counts.customers_rolled_back:,}"),
    ("customers in a wrong tier", lambda o: f"{o.counts.customers_in_wrong_tier:,}"),
    ("tier changes missing", lambda o: f"{o.counts.changes_missing:,}"),
    ("tier changes told twice", lambda o: f"{o.counts.changes_repeated:,}"),
    ("tier changes that never were", lambda o: f"{o.counts.changes_wrong:,}"),
    ("orders left without a commit", lambda o: f"{o.uncommitted:,}"),
    ("workers that ended by themselves", lambda o: f"{o.ends:,}"),
    ("recovery in s, median", lambda o: _seconds(_median(o))),
    ("recovery in s, longest", lambda o: _seconds(_longest(o))),
    ("orders/s before the faults", lambda o: f"{o.per_second:,.0f}"),
)


def markdown(outcomes: Sequence[Outcome]) -> str:
    """A column for each contender."""
    lines = [
        _line("", *(outcome.name for outcome in outcomes)),
        _line("---", *("---:" for _ in outcomes)),
    ]
    lines += [_line(name, *(shown(outcome) for outcome in outcomes)) for name, shown in _ROWS]
    return "".join(f"{line}\n" for line in lines)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _median(outcome: Outcome) -> float | None:
    """Of the faults; one without recovery counts as the longest."""
    found = sorted(_known_or_endless(outcome))
    return found[len(found) // 2] if found else 0.0


def _longest(outcome: Outcome) -> float | None:
    return max(_known_or_endless(outcome), default=0.0)


def _known_or_endless(outcome: Outcome) -> list[float]:
    return [float("inf") if took_s is None else took_s for _, took_s in outcome.recoveries_s]


def _seconds(seconds: float | None) -> str:
    return "never" if seconds is None or seconds == float("inf") else f"{seconds:.1f}"
