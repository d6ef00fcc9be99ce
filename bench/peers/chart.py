"""The chart of `bench/results.json`: CPU time an event, client and broker, of each contender."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.peers.report import title_of
from bench.peers.results import TIERSTREAM

_CLIENT, _OWN, _BROKER = "#6b7a8f", "#c8553d", "#c9d1da"


def draw(results: Mapping[str, Any], file: Path) -> None:
    """Write the chart as PNG: bars on a logarithmic axis, the cheapest at the top."""
    import matplotlib as mpl  # only `make bench` has it

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    summary = results["summary"]
    peers = sorted(
        summary, key=lambda peer: summary[peer]["cpu_us_per_event"]["median"], reverse=True
    )
    figure, axes = plt.subplots(figsize=(8, 0.6 * len(peers) + 1.2), layout="constrained")
    for place, peer in enumerate(peers):
        client, broker = (
            summary[peer][name]["median"]
            for name in ("cpu_us_per_event", "broker_cpu_us_per_event")
        )
        color = _OWN if peer == TIERSTREAM else _CLIENT
        for cpu_us, at, height, shade in (
            (client, place + 0.12, 0.46, color),
            (broker, place - 0.25, 0.24, _BROKER),
        ):
            axes.barh(at, cpu_us, height=height, color=shade)
            axes.text(cpu_us, at, f"  {cpu_us:,.1f}", va="center", size=8)
    axes.set_yticks(range(len(peers)), [title_of(peer) for peer in peers])
    axes.set_xscale("log")
    axes.set_xlim(left=1)
    axes.margins(x=0.1)
    axes.set_xlabel("CPU µs an event: client (dark), broker (light); logarithmic")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=120, metadata={"Software": None})
    plt.close(figure)
