"""Files of events as they really come: marked, compressed, in another form, from a pipe."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from devtools.traffic.lines import LineSplitter
from tests.builders import day, order, without

pytestmark = pytest.mark.usefixtures("no_settings")
LINES = [order(f"o{number}", "100", day(number)) for number in range(3)]
PLAIN = b"\n".join(LINES) + b"\n"
MARK = b"\xef\xbb\xbf"


def backtest(folder: Path, content: bytes, *options: str) -> Result:
    """Run the command on a file of this content."""
    file = folder / "events.jsonl"
    file.write_bytes(content)
    out = str(folder / "out")
    return CliRunner().invoke(app, ["backtest", str(file), "--out", out, *options])


def sentence(result: Result) -> str:
    """The one sentence with which a command failed."""
    assert result.exit_code == 1, result.output
    *progress, line = result.stderr.splitlines()
    assert not "".join(progress).strip()
    return line


def accepted(result: Result) -> int:
    assert result.exit_code == 0, result.output
    words = " ".join(result.stdout.split())
    return int(words.partition(" accepted")[0].rpartition(" ")[2])


@pytest.mark.parametrize("options", [(), ("--sort",)])
def test_a_byte_order_mark_at_the_head_is_skipped(tmp_path: Path, options: tuple[str]) -> None:
    assert accepted(backtest(tmp_path, MARK + PLAIN, *options)) == 3
    assert accepted(backtest(tmp_path, MARK + PLAIN.replace(b"\n", b"\r\n"), *options)) == 3


def test_a_byte_order_mark_elsewhere_is_a_dead_letter(tmp_path: Path) -> None:
    assert accepted(backtest(tmp_path, LINES[0] + b"\n" + MARK + LINES[1])) == 1


def test_a_replay_skips_the_byte_order_mark_too() -> None:
    splitter = LineSplitter()
    assert [*splitter.lines(MARK + PLAIN), *splitter.last()] == LINES


def test_the_standard_input_is_read_for_a_dash(tmp_path: Path) -> None:
    arguments = ["backtest", "-", "--out", str(tmp_path / "out")]
    assert accepted(CliRunner().invoke(app, arguments, input=MARK + PLAIN)) == 3
    assert accepted(CliRunner().invoke(app, [*arguments, "--sort"], input=PLAIN)) == 3
    assert (tmp_path / "out/tier-changes.jsonl").read_bytes()


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["explain", *arguments])


def test_a_customer_is_explained_as_of_the_end_of_a_backtest(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(MARK + PLAIN)
    policy = tmp_path / "policy.toml"
    policy.write_text('version = "spring"\n', "utf-8")
    options = "--events", str(file), "--policy", str(policy), "--json"
    found = json.loads(explain("ana", *options).stdout)
    assert (found["as_of"], found["policy_version"]) == (day(2), "spring")
    assert len(found["orders"]["in_window"]) == 3
    later = json.loads(explain("ana", *options, "--until", day(70)).stdout)
    assert (later["as_of"], later["stage"]) == (day(70), "at_risk")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.jsonl", "policy.toml"]


def test_who_is_in_no_event_of_the_file_cannot_be_explained(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(PLAIN)
    assert "no event of customer 'ben' was accepted" in sentence(
        explain("ben", "--events", str(file))
    )


def test_the_outputs_of_a_backtest_are_shown_customer_by_customer(tmp_path: Path) -> None:
    bad = order("bad", "-5", day(3))
    other = order("b1", "900", day(2), "ben")
    assert backtest(tmp_path, PLAIN + other + b"\n" + bad, "--until", day(70)).exit_code == 0
    out = str(tmp_path / "out")
    told = json.loads(explain("ana", "--backtest", out, "--json").stdout)
    assert [(one["type"], one["sequence"]) for one in told["outputs"]] == [
        ("tier.changed", 1),
        ("dormancy.alert", 2),
    ]
    assert told["profile"]["level"] == "at_risk"
    assert [one["reason"] for one in told["dead_letters"]] == ["invalid_amount"]
    shown = " ".join(explain("ana", "--backtest", out).stdout.split())
    assert shown.startswith("ana as of 2025-03-12 00:00:00: Core, at risk, ")
    assert "dormant" not in shown
    assert "invalid amount" in shown
    in_chinese = " ".join(explain("ana", "--backtest", out, "--lang", "zh").stdout.split())
    assert in_chinese.startswith("ana，截至 2025年3月12日 00:00:00：中等价值客户、流失风险、")
    assert json.loads(explain("ana", "--backtest", out, "--json", "--lang", "zh").stdout) == told
    assert "ben" not in shown


def test_a_folder_that_is_not_of_a_backtest_or_has_nothing_of_somebody_is_told(
    tmp_path: Path,
) -> None:
    assert "has no outputs of a backtest" in sentence(explain("ana", "--backtest", str(tmp_path)))
    backtest(tmp_path, PLAIN)
    said = sentence(explain("ben", "--backtest", str(tmp_path / "out")))
    assert said.endswith("has nothing about customer 'ben'")


def test_options_of_a_backtest_need_its_file() -> None:
    said = sentence(explain("ana", "--until", day(3)))
    assert said == "tierstream: --until and --sort go with --events"
    said = sentence(explain("ana", "--policy", "mine.toml"))
    assert said == "tierstream: --policy goes with --events or --backtest"


def test_a_warning_of_late_events_counts_only_those_that_were_accepted(tmp_path: Path) -> None:
    """A file told again from its beginning has as many duplicates, and none of them counts."""
    many = [order(f"o{number}", "1", day(number)) for number in range(50)]
    again = backtest(tmp_path, b"\n".join([*many, *many[-40:], *many[-40:]]))
    assert " late, " in " ".join(again.stdout.split())
    assert "of the events are late" not in again.stdout
    reversed_ = backtest(tmp_path, b"\n".join(reversed(many)))
    assert "98% of the events are late" in " ".join(reversed_.stdout.split())


OBJECTS = [json.loads(line) for line in LINES]


@pytest.mark.parametrize(
    ("content", "looks", "advice"),
    [
        (b"[" + b",".join(LINES) + b"]", "one JSON array", "jq -c '.[]' "),
        (MARK + b"[" + b",".join(LINES) + b"]", "one JSON array", "jq -c '.[]' "),
        (json.dumps(OBJECTS, indent=2).encode(), "one JSON array", "jq -c '.[]' "),
        (json.dumps(OBJECTS[0], indent=2).encode(), "objects over several lines", "jq -c . "),
        (
            json.dumps({"events": OBJECTS}).encode(),
            "one JSON object with the list 'events'",
            "jq -c '.[\"events\"][]' ",
        ),
        (PLAIN.decode().encode("utf-16"), "UTF-16", "iconv -f UTF-16 -t UTF-8 "),
        (PLAIN.decode().encode("utf-16-le"), "UTF-16LE", "iconv -f UTF-16LE -t UTF-8 "),
        (PLAIN.decode().encode("utf-16-be"), "UTF-16BE", "iconv -f UTF-16BE -t UTF-8 "),
        (PLAIN.decode().encode("utf-32"), "UTF-32", "iconv -f UTF-32 -t UTF-8 "),
        (gzip.compress(PLAIN), "compressed with gzip", "gunzip -c "),
        (bz2.compress(PLAIN), "compressed with bzip2", "bunzip2 -c "),
        (lzma.compress(PLAIN), "compressed with xz", "xz -dc "),
        (b"PK\x03\x04\x14\x00" + b"\x00" * 40, "a ZIP archive or an Excel workbook", "export it"),
        (b"PAR1" + b"\x00" * 40, "a Parquet file", "export it"),
        (
            b'"order_id","customer_id","amount"\n"1","k","5.00"\n',
            "CSV with the columns order_id, customer_id, amount",
            "make each row a JSON object",
        ),
        (b"\x8f,\xff\x01|\n", "no text in UTF-8", "as one JSON object a line"),
        (b"order_id;amount\n1;5,00\n", "CSV with the columns order_id, amount", "each row"),
        (b"order_id\tamount\n1\t5.00\n", "CSV with the columns order_id, amount", "each row"),
        (b"<orders><order/></orders>", "XML or HTML", "export the events"),
        (b"not json\n", "it is not one JSON object a line, in UTF-8", ""),
        (
            b'{"event":"Order Completed","userId":"k","properties":{}}\n',
            "its objects have no type; the first has the fields event, userId, properties",
            "an event has event_id, type, customer_id, occurred_at",
        ),
        (b'{"type":"track","userId":"k"}', "the first line has the type 'track'", "Events in"),
    ],
)
def test_a_file_in_which_nothing_is_an_event_says_what_it_looks_like_and_what_to_do(
    tmp_path: Path, content: bytes, looks: str, advice: str
) -> None:
    said = sentence(backtest(tmp_path, content))
    assert said.startswith(f"tierstream: {tmp_path / 'events.jsonl'}: no line of it ")
    assert looks in said
    assert advice in said


def test_the_outputs_of_an_earlier_run_stay_where_a_file_cannot_be_read_at_all(
    tmp_path: Path,
) -> None:
    backtest(tmp_path, PLAIN)
    before = (tmp_path / "out/tier-changes.jsonl").read_bytes()
    sentence(backtest(tmp_path, gzip.compress(PLAIN)))
    assert (tmp_path / "out/tier-changes.jsonl").read_bytes() == before != b""


def test_the_standard_input_that_is_none_of_it_is_told_so(tmp_path: Path) -> None:
    arguments = ["backtest", "-", "--out", str(tmp_path / "out")]
    said = sentence(CliRunner().invoke(app, arguments, input=gzip.compress(PLAIN)))
    assert said.startswith("tierstream: -: no line of it can be read: it is compressed with gzip")
    assert said.endswith("gunzip -c FILE")


@pytest.mark.parametrize(
    "content",
    [b"", b"\n\n", b"[\n" + PLAIN + b"]\n", without(LINES[0], "amount"), b"not json\n" + LINES[0]],
)
def test_a_file_without_lines_or_with_one_event_is_run(tmp_path: Path, content: bytes) -> None:
    assert backtest(tmp_path, content).exit_code == 0
