"""What all runs together say: medians, spreads and ratios, as in `bench/results.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from bench.peers.outcome import Outcome

TIERSTREAM = "tierstream"
READ_LIMIT = "read_limit"

Facts = dict[str, Any]


class Run(NamedTuple):
    """One run of one contender."""

    peer: str
    round: int
    """From 1: in a round each contender runs once."""
    events: int
    outcome: Outcome

    @property
    def events_per_second(self) -> float:
        """From the first record to the commit of the last."""
        return self.events / self.outcome.spent.seconds

    @property
    def cpu_us_per_event(self) -> float:
        """CPU µs of the client."""
        return self.outcome.spent.client_cpu_seconds / self.events * 1e6

    @property
    def broker_cpu_us_per_event(self) -> float:
        """CPU µs of the broker."""
        return self.outcome.spent.broker_cpu_seconds / self.events * 1e6


def facts_of_run(run: Run) -> Facts:
    """A run as it stands in the results."""
    outcome = run.outcome
    found: Facts = {
        "peer": run.peer,
        "round": run.round,
        "events": run.events,
        "seconds": round(outcome.spent.seconds, 2),
        "events_per_second": round(run.events_per_second),
        "cpu_us_per_event": round(run.cpu_us_per_event, 2),
        "broker_cpu_us_per_event": round(run.broker_cpu_us_per_event, 2),
        "load_average_before": round(outcome.load_average, 2),
        "others_cpu_share": round(outcome.spent.others_cpu_share, 2),
    }
    if outcome.check is not None:
        found |= {"tier_changes": outcome.tier_changes, **facts_of_check(outcome)}
    return found


def facts_of_check(outcome: Outcome) -> Facts:
    """What the comparison with the exact figures found."""
    assert outcome.check is not None
    return {
        "customers": outcome.check.customers,
        "figures_differ": outcome.check.figures_differ,
        "tiers_differ": outcome.check.tiers_differ,
    }


def summaries_of(runs: Sequence[Facts]) -> dict[str, Facts]:
    """Median, least and greatest of each measure, by contender.

    Args:
        runs: as in the results.
    """
    found: dict[str, Facts] = {}
    for peer in dict.fromkeys(run["peer"] for run in runs):
        own = [run for run in runs if run["peer"] == peer]
        found[peer] = {
            measure: _spread([run[measure] for run in own])
            for measure in ("events_per_second", "cpu_us_per_event", "broker_cpu_us_per_event")
        } | {"events": own[0]["events"], "runs": len(own)}
    return found


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": round(median(values), 2), "min": min(values), "max": max(values)}


def ratios_of(summaries: Mapping[str, Facts]) -> dict[str, dict[str, float]]:
    """How many times better Tierstream is than each other contender; below 1 it is worse.

    `throughput` and `cpu_per_event` are of the client; `cpu_per_event_with_broker` adds what the
    broker had to do for it.
    """
    own = summaries.get(TIERSTREAM)
    if own is None:
        return {}
    return {
        peer: {
            "throughput": _significant(
                own["events_per_second"]["median"] / other["events_per_second"]["median"]
            ),
            "cpu_per_event": _significant(
                other["cpu_us_per_event"]["median"] / own["cpu_us_per_event"]["median"]
            ),
            "cpu_per_event_with_broker": _significant(_with_broker(other) / _with_broker(own)),
        }
        for peer, other in summaries.items()
        if peer != TIERSTREAM
    }


def _with_broker(summary: Facts) -> float:
    return float(
        summary["cpu_us_per_event"]["median"] + summary["broker_cpu_us_per_event"]["median"]
    )


def _significant(value: float) -> float:
    """Three significant digits."""
    return float(f"{value:.3g}")
