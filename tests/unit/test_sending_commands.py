"""`tierstream replay` and `tierstream simulate` as far as no broker is needed."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from cli.replay import replay
from cli.simulate import simulate

ROOT = Path(__file__).resolve().parents[2]
SIMULATE = "import typer; from cli.simulate import simulate; typer.run(simulate)"

app = typer.Typer()
app.command()(replay)
app.command()(simulate)


@pytest.fixture
def nobody_listens(monkeypatch: pytest.MonkeyPatch) -> str:
    """An address at which no broker answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    monkeypatch.setenv("TIERSTREAM_KAFKA_BOOTSTRAP_SERVERS", address)
    return address


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_simulated_traffic_goes_into_a_file(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    assert invoke("simulate", "--events", "2500", "--out", str(file)).exit_code == 0
    events = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(events) == 2_500
    assert events[0]["occurred_at"].startswith("2025-01-01T00:")


def test_the_same_command_writes_the_same_bytes_to_a_file_and_to_the_output(
    tmp_path: Path,
) -> None:
    file = tmp_path / "events.jsonl"
    asked = ("simulate", "--events", "300", "--seed", "9", "--customers", "40", "--out")
    invoke(*asked, str(file))
    assert invoke(*asked, "-").stdout.encode() == file.read_bytes()


def test_a_start_and_a_rate_set_the_times_of_events() -> None:
    found = invoke(
        *("simulate", "--events", "3", "--start", "2024-02-29T12:00:00Z", "--rate", "2"),
        *("--out", "-"),
    )
    times = [json.loads(line)["occurred_at"][11:] for line in found.stdout.splitlines()]
    assert times == ["12:00:00.000Z", "12:00:00.500Z", "12:00:01.000Z"]


def test_a_start_that_is_no_time_is_refused() -> None:
    found = invoke("simulate", "--start", "yesterday")
    assert found.exit_code == 2
    assert "'yesterday' is no RFC 3339 time" in found.stderr


@pytest.mark.parametrize("start", ["1989-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_a_start_before_the_accepted_times_is_one_sentence(start: str) -> None:
    found = invoke("simulate", "--events", "3", "--start", start, "--out", "-")
    assert (found.exit_code, found.stdout) == (1, "")
    assert f"--start {start}: no event of that time is accepted" in found.stderr
    assert "from 1990-01-01T00:00:00.000Z (TIERSTREAM_MIN_EVENT_TIME)" in found.stderr


def test_a_start_in_the_future_is_one_sentence() -> None:
    found = invoke("simulate", "--events", "3", "--start", "2999-01-01T00:00:00Z", "--out", "-")
    assert (found.exit_code, found.stdout) == (1, "")
    assert "(now and TIERSTREAM_MAX_FUTURE_SKEW)" in found.stderr


@pytest.mark.parametrize("arguments", [("simulate", "--events", "5"), ("replay", str(__file__))])
def test_a_missing_broker_is_one_sentence(arguments: tuple[str, ...], nobody_listens: str) -> None:
    found = invoke(*arguments)
    assert found.exit_code == 1
    assert found.stdout == ""
    sentences = [line for line in found.stderr.splitlines() if line.strip()]
    assert len(sentences) == 1
    assert sentences[0].startswith(f"tierstream: no Kafka broker answers at {nobody_listens}")


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "nothing.jsonl"
    found = invoke("replay", str(file))
    assert found.exit_code == 1
    assert found.stderr == f"tierstream: {file}: no such file or directory\n"


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    found = invoke("simulate", "--events", "5", "--out", str(tmp_path / "no" / "file"))
    assert found.exit_code == 1
    assert "no such file or directory" in found.stderr


def test_ctrl_c_ends_endless_traffic_between_two_lines(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-c", SIMULATE, "--out", str(file)],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    deadline_s = time.monotonic() + 30
    while not (file.exists() and file.stat().st_size):
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    lines = file.read_bytes().split(b"\n")
    assert lines.pop() == b""
    assert all(json.loads(line) for line in lines)


def test_a_reader_that_has_seen_enough_is_no_failure() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SIMULATE, "--out", "-"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())
        process.stdout.close()
        assert process.wait(30) == 0
        assert b"Error" not in process.stderr.read()
