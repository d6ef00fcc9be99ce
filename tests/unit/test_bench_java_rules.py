"""The Java peers of the benchmark count as the Python rules do, after every event."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from bench.peers.data_set import RULES
from bench.peers.maven import SOURCES
from bench.peers.rules.rfm import ORDER, PlainCustomer, apply, figures_of
from scoring.timestamps import rfc3339

QUICK = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
JAVAC = shutil.which("javac")
PACKAGE = "java/tierstream/peers"
MS_PER_DAY = 86_400_000
Line = tuple[str, int, int, int]


def histories(seed: int) -> list[Line]:
    """Customer, day, cents (-1: no order) and offset: at and about every cut-off, in and out of
    order, some offsets twice."""
    draws = random.Random(seed)
    amounts = [n + d for n in (0, *RULES.monetary_minor) for d in (0, -1, 1) if n + d >= 0]
    days = dict.fromkeys((f"c{number}" for number in range(60)), 20_000)
    found: list[Line] = []
    for offset in range(3_000):
        customer = draws.choice(list(days))
        days[customer] += draws.choice((0, 0, 0, 1, 1, 2, 4, 5, 6, 10, 18, 29, 30, 31))
        day = days[customer] - draws.choice((0, 0, 0, 1, 3, 29, 30))
        minor = draws.choice(amounts) if draws.random() < 0.6 else -1
        found.append((customer, day, minor, offset))
        if draws.random() < 0.1:
            found.append(draws.choice(found))
    return found


def told_by_python(lines: list[Line]) -> list[str]:
    customers: dict[str, PlainCustomer] = {}
    told = []
    for customer_id, day, minor, offset in lines:
        customer = customers.setdefault(customer_id, PlainCustomer())
        event = {"type": "page.viewed", "occurred_at": rfc3339(day * MS_PER_DAY)}
        if minor >= 0:
            event |= {"type": ORDER, "amount": f"{minor // 100}.{minor % 100:02d}"}
        before = apply(RULES, customer, event, offset)
        recency, *others = figures_of(customer)
        recency_text = "null" if recency is None else str(recency)
        told.append(" ".join([before or "-", recency_text, *map(str, others)]))
    return told


def told_by_java(lines: list[Line], classes: Path) -> list[str]:
    sources = [
        *(SOURCES / f"rules/src/main/{PACKAGE}/{name}.java" for name in ("Rules", "Customer")),
        SOURCES / f"rules/src/main/{PACKAGE}/Event.java",
        SOURCES / f"rules/src/test/{PACKAGE}/Replay.java",
    ]
    assert JAVAC is not None
    options = [f"-J{option}" for option in QUICK]
    subprocess.run(
        [JAVAC, *options, "-proc:none", "-d", str(classes), *map(str, sources)], check=True
    )
    names, scores = zip(*RULES.tiers, strict=True)
    cutoffs = (RULES.recency_days, RULES.frequency, RULES.monetary_minor, names, scores)
    lists = [",".join(map(str, each)) for each in cutoffs]
    done = subprocess.run(
        [
            *("java", *QUICK, "-cp", str(classes), "tierstream.peers.Replay"),
            *(str(RULES.window_days), *lists),
        ],
        input="".join(f"{c} {day} {minor} {offset}\n" for c, day, minor, offset in lines),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.skipif(JAVAC is None, reason="needs a Java development kit")
def test_java_rules_agree_with_the_python_rules_after_every_event(tmp_path: Path) -> None:
    lines = histories(seed=22)
    wanted = told_by_python(lines)
    assert {line.rpartition(" ")[2] for line in wanted} == {"prospect", "A", "B", "C"}
    assert told_by_java(lines, tmp_path) == wanted
