"""The peers: their names in the results, how they are started, and when they are done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from bench.peers.environments import FOLDER, locked_versions, python_of
from bench.peers.maven import java_command, pinned_versions

Tell = Callable[[str], None]


class Peer(NamedTuple):
    """A program under the contract of `README.md`."""

    name: str
    """In `results.json` and on the command line."""
    title: str
    """For people."""
    command: Callable[[Tell], Sequence[str]]
    """Without the job's file; installs what it needs when it is called."""
    versions: Callable[[], dict[str, str]]
    environment: Mapping[str, str] = {}
    done: Literal["commits", "exits"] = "commits"
    bounded: bool = False
    """Too slow for the whole data set: it runs on the small one."""


def _python(name: str) -> Callable[[Tell], Sequence[str]]:
    return lambda tell: [str(python_of(name, tell)), str(FOLDER / name / "peer.py")]


def _versions(name: str, *packages: str) -> Callable[[], dict[str, str]]:
    return lambda: locked_versions(name, packages)


def _java(engine: str, main: str, *arguments: str) -> Callable[[Tell], Sequence[str]]:
    return lambda tell: [*java_command(engine, main, tell), *arguments]


def _pinned(*names: str) -> Callable[[], dict[str, str]]:
    return lambda: pinned_versions(names)


_RULES = {"PYTHONPATH": str(FOLDER / "rules"), "PYTHONUNBUFFERED": "1"}

PEERS = (
    Peer(
        "faust",
        "Faust",
        _python("faust"),
        _versions("faust", "faust-streaming", "aiokafka", "rocksdict"),
        _RULES,
        bounded=True,
    ),
    Peer(
        "quixstreams",
        "Quix Streams",
        _python("quixstreams"),
        _versions("quixstreams", "quixstreams", "confluent-kafka", "rocksdict"),
        _RULES,
    ),
    Peer(
        "bytewax",
        "Bytewax",
        _python("bytewax"),
        _versions("bytewax", "bytewax", "confluent-kafka"),
        _RULES,
        done="exits",
    ),
    Peer(
        "kafka_streams",
        "Kafka Streams, exactly once",
        _java("kafka_streams", "KafkaStreamsPeer", "exactly_once_v2"),
        _pinned("kafka", "jackson"),
    ),
    Peer(
        "kafka_streams_alos",
        "Kafka Streams, at least once",
        _java("kafka_streams", "KafkaStreamsPeer", "at_least_once"),
        _pinned("kafka", "jackson"),
    ),
    Peer(
        "flink",
        "Flink",
        _java("flink", "FlinkPeer"),
        _pinned("flink", "flink-connector-kafka", "kafka", "jackson"),
    ),
)
