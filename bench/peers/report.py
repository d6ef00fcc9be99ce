"""The table of `bench/results.json`, written into the documents between two marks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.peers.registry import PEERS
from bench.peers.results import READ_LIMIT, TIERSTREAM

BEGIN = "<!-- side by side: written by make bench -->"
END = "<!-- side by side: end -->"

_TITLES = {
    TIERSTREAM: "Tierstream",
    READ_LIMIT: "reading limit",
    **{peer.name: peer.title for peer in PEERS},
}
_ZH = {
    READ_LIMIT: "读取上限",
    "kafka_streams_alos": "Kafka Streams 至少一次",
    "kafka_streams": "Kafka Streams 精确一次",
}
_HEAD = "| | client CPU µs an event | times better: throughput | times better: CPU |"
_HEAD_ZH = "| | 每事件客户端 CPU, µs | Tierstream 吞吐量的倍数 | Tierstream CPU 效率的倍数 |"
_FULL_HEAD = (
    "| | events/s | CPU µs an event: client | broker | times better: throughput | CPU "
    "| wrong figures | … after a kill |"
)

Results = Mapping[str, Any]


class MarksMissing(ValueError):
    """A document has no place for the table; the message names it."""


def title_of(peer: str) -> str:
    """A contender's name for people."""
    return _TITLES.get(peer, peer)


def full_table(results: Results) -> str:
    """Every contender with medians, spreads, ratios and what the check found."""
    lines = [_FULL_HEAD, "|---|---|---|---|---|---|---|---|"]
    for peer in _order(results):
        summary = results["summary"][peer]
        cells = [
            title_of(peer),
            _cell(summary["events_per_second"], 0),
            _cell(summary["cpu_us_per_event"], 1),
            _cell(summary["broker_cpu_us_per_event"], 1),
            *_ratio_cells(results, peer),
            _wrong([run for run in results["runs"] if run["peer"] == peer]),
            _wrong([found for found in results["kills"] if found["peer"] == peer]),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def short_table(results: Results, *, chinese: bool = False) -> str:
    """Client CPU and ratios alone, for the README."""
    head = _HEAD_ZH if chinese else _HEAD
    lines = [head, "|---|---|---|---|"]
    for peer in _order(results):
        title = _ZH.get(peer, title_of(peer)) if chinese else title_of(peer)
        cpu = f"{results['summary'][peer]['cpu_us_per_event']['median']:.1f}"
        lines.append(f"| {' | '.join([title, cpu, *_ratio_cells(results, peer)])} |")
    return "\n".join(lines)


def conditions(results: Results) -> str:
    """One sentence on what was run, and how busy the machine was."""
    data, machine, runs = results["data_set"], results["machine"], results["runs"]
    shares = [run["others_cpu_share"] for run in runs]
    bounded = [
        f"{title_of(peer)} on {summary['events']:,} of them"
        for peer, summary in results["summary"].items()
        if summary["events"] != data["events"]
    ]
    return (
        f"{data['events']:,} events of {data['customers']:,} customers"
        + (f" ({', '.join(bounded)})" if bounded else "")
        + f", {_count_of_runs(results)} interleaved runs of each; {machine['cores']} cores"
        f" ({machine['processor']}), of which other processes took"
        f" {min(shares):.0%} to {max(shares):.0%}. Median, least and greatest."
    )


def _count_of_runs(results: Results) -> str:
    counts = sorted({summary["runs"] for summary in results["summary"].values()})
    return " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))


def replaced(document: str, text: str, name: str) -> str:
    """The document with the text between the marks.

    Raises:
        MarksMissing: it has not both marks, in order.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise MarksMissing(f"{name} has no lines '{BEGIN}' and '{END}'")
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def write_documents(results: Results, root: Path) -> None:
    """Bring the tables into the documents of a checkout.

    Raises:
        MarksMissing: a document has no place for it.
    """
    picture = "![CPU time an event](img/side-by-side.png)"
    texts = {
        "docs/performance.md": f"{conditions(results)}\n\n{full_table(results)}\n\n{picture}",
        "README.md": short_table(results),
        "README.zh-CN.md": short_table(results, chinese=True),
    }
    for name, text in texts.items():
        file = root / name
        file.write_text(replaced(file.read_text(), text, name))


def _order(results: Results) -> list[str]:
    """Tierstream first, the reading limit last, the others by their CPU time."""
    summary = results["summary"]
    others = sorted(
        (peer for peer in summary if peer not in (TIERSTREAM, READ_LIMIT)),
        key=lambda peer: -summary[peer]["cpu_us_per_event"]["median"],
    )
    return [peer for peer in (TIERSTREAM, *others, READ_LIMIT) if peer in summary]


def _cell(spread: Mapping[str, float], digits: int) -> str:
    middle, least, most = (f"{spread[name]:,.{digits}f}" for name in ("median", "min", "max"))
    return f"{middle} ({least} to {most})"


def _ratio_cells(results: Results, peer: str) -> list[str]:
    ratios = results["ratios"].get(peer)
    if ratios is None:
        return ["", ""]
    return [f"{ratios['throughput']:g}", f"{ratios['cpu_per_event']:g}"]


def _wrong(found: list[Mapping[str, Any]]) -> str:
    """Of how many customers the figures, or the tier that was told, were wrong, at worst."""
    checked = [item for item in found if "figures_differ" in item]
    if not checked:
        return ""
    figures = max(item["figures_differ"] for item in checked)
    tiers = max(item["tiers_differ"] for item in checked)
    return str(figures) if not tiers else f"{figures}, tiers told {tiers}"
