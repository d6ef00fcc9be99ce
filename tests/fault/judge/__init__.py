"""A judge of episodes of faults, who shares no code with the product.

He reads the bytes of all topics, folds the log with the naive oracle and says what is wrong, a
sentence each. He takes nothing from `scoring`, `handlers`, `config`, `streams` or `serving`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from statistics import quantiles

from tests.fault.evidence import Evidence
from tests.fault.judge.accounting import check_accounting
from tests.fault.judge.case import Case, read_case
from tests.fault.judge.commits import check_commits
from tests.fault.judge.epochs import check_epochs, zombie_writes
from tests.fault.judge.exits import check_exits
from tests.fault.judge.forwarding import check_forwarded
from tests.fault.judge.memory import check_memory, slopes
from tests.fault.judge.order import check_order
from tests.fault.judge.outputs import Outputs, check_outputs, read_outputs
from tests.fault.judge.policies import check_policies
from tests.fault.judge.profiles import check_profiles
from tests.fault.judge.recovery import LONGEST_S, check_recovery, recoveries

__all__ = ["Judgement", "figures", "judge", "verdict"]

_MOST_OF_A_CHECK = 20

Figures = dict[str, float | int]


@dataclass(frozen=True)
class Judgement:
    """What is wrong, a sentence each, and the figures of the episode."""

    problems: list[str]
    figures: Figures


def judge(evidence: Evidence) -> Judgement:
    """Verdict and figures, with the log folded once."""
    began_s = time.process_time()
    case = read_case(evidence)
    outputs = read_outputs(case)
    checks = (
        check_accounting(case),
        check_order(case),
        check_forwarded(case),
        check_policies(case),
        check_outputs(case, outputs),
        check_profiles(case),
        check_commits(case, outputs),
        check_epochs(case),
        check_recovery(evidence),
        check_memory(evidence),
        check_exits(evidence),
    )
    problems = [problem for check in checks for problem in _some(check)]
    return Judgement(problems, _figures(case, outputs, time.process_time() - began_s))


def verdict(evidence: Evidence) -> list[str]:
    """What is wrong, a sentence each; empty when all is well."""
    return judge(evidence).problems


def figures(evidence: Evidence) -> Figures:
    """What went in and came out, how often, and how long recoveries took."""
    return judge(evidence).figures


def _some(check: Iterable[str]) -> list[str]:
    """The first problems of a check, and how many more there are."""
    rest = iter(check)
    found = list(islice(rest, _MOST_OF_A_CHECK))
    more = sum(1 for _ in rest)
    return [*found, f"… and {more} more of this kind"] if more else found


def _figures(case: Case, outputs: Outputs, cpu_s: float) -> Figures:
    evidence = case.evidence
    counts = case.counts
    took = [LONGEST_S if r.seconds is None else r.seconds for r in recoveries(evidence)]
    grown = [slope.bytes_a_minute for slope in slopes(evidence)]
    restored_s = evidence.restored_s if evidence.restored_s is not None else float("inf")
    restored_ms = evidence.began_ms + restored_s * 1_000
    kept = [output for outputs_of in outputs.kept.values() for output in outputs_of]
    return {
        "records_in": counts["records_in"],
        "accepted": counts["accepted"],
        "duplicates": counts["duplicates"],
        "dead_letters": counts["dead_letters"],
        "customers": sum(len(story.standing) for story in case.stories.values()),
        "outputs": len(kept),
        "outputs_after_restore": sum(o.record.timestamp_ms >= restored_ms for o in kept),
        "output_repetitions": outputs.raw - len(kept),
        "forwarded": sum(not e.is_repeated for es in case.follows_from.values() for e in es),
        "forwarded_back": sum(
            e.forwarded is not None and e.forwarded.arrival.way.back_from is not None
            for es in case.follows_from.values()
            for e in es
        ),
        "log_repetitions": sum(e.is_repeated for es in case.log.values() for e in es),
        "letter_repetitions": len(case.letters) - counts["dead_letters"],
        "zombie_writes": zombie_writes(case),
        "faults": len(evidence.faults),
        "lives": len(evidence.processes),
        "restarts": len(evidence.processes) - len({life.name for life in evidence.processes}),
        "guests": sum(life.name.startswith("guest") for life in evidence.processes),
        "samples": len(evidence.samples),
        "recoveries": len(took),
        "recovery_p50_s": _quantile(took, 50),
        "recovery_p99_s": _quantile(took, 99),
        "recovery_max_s": max(took, default=0.0),
        "slopes": len(grown),
        "slope_max_mib_a_minute": max(grown, default=0.0) / (1 << 20),
        "judge_cpu_s": cpu_s,
    }


def _quantile(values: list[float], percent: int) -> float:
    if len(values) < 2:
        return max(values, default=0.0)
    return quantiles(values, n=100, method="inclusive")[percent - 1]
