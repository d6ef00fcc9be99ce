"""Finds Java, and Kafka's jars: in the cache, or fetched once by Maven with pinned versions."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from devtools.servers.server_process import BrokerUnavailable, run_program

OPS = Path(__file__).resolve().parents[2] / "ops" / "kafka"
_POM = OPS / "pom.xml"
_JAVA_AT_LEAST = 17
_JAVA_TIMEOUT_S = 30.0
_MAVEN_TIMEOUT_S = 600.0


def java_program() -> str:
    """The path of a Java of version 17 or later: ``$JAVA_HOME/bin/java``, else on the PATH.

    Raises:
        BrokerUnavailable: there is none.
    """
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if java is None or not os.access(java, os.X_OK):
        raise BrokerUnavailable(
            f"Apache Kafka needs Java {_JAVA_AT_LEAST} or later, and there is no `java` "
            + (f"in JAVA_HOME={home}" if home else "on the PATH")
        )
    version = _java_version(java)
    if version < _JAVA_AT_LEAST:
        raise BrokerUnavailable(
            f"Apache Kafka needs Java {_JAVA_AT_LEAST} or later; {java} is Java {version}"
        )
    return java


def kafka_jars(progress: Callable[[str], None] | None = None) -> Path:
    """The folder with the jars that ``ops/kafka/pom.xml`` names, fetched if it is new.

    Raises:
        BrokerUnavailable: the file is not there (not a checkout), or Maven is missing or failed.
    """
    if not _POM.is_file():
        raise BrokerUnavailable(f"Apache Kafka from jars needs a source checkout: no {_POM}")
    key = hashlib.sha256(_POM.read_bytes()).hexdigest()[:16]
    jars = cache_folder() / f"kafka-{key}"
    if jars.is_dir():
        return jars
    jars.parent.mkdir(parents=True, exist_ok=True)
    with only_one(jars.with_suffix(".lock")):
        if not jars.is_dir():  # another process may have fetched them while we waited
            if progress is not None:
                progress("fetching the jars of Apache Kafka with Maven (43 MB, only this once)")
            _fetch(jars)
    return jars


def cache_folder() -> Path:
    """Where what was fetched once is kept: below ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tierstream"


def _java_version(java: str) -> int:
    done = _run([java, "-version"], _JAVA_TIMEOUT_S)
    match = re.search(r'version "(?:1\.)?(\d+)', done.stdout)
    if done.returncode != 0 or match is None:
        raise BrokerUnavailable(f"cannot tell the version of {java}: {done.stdout.strip()}")
    return int(match.group(1))


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold a lock file, so that two processes do not fetch the same."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(jars: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise BrokerUnavailable("Apache Kafka's jars are fetched by Maven: no `mvn` on the PATH")
    # A folder beside its final place, renamed when whole: a broken download is never used.
    with tempfile.TemporaryDirectory(prefix="kafka-", dir=jars.parent) as folder:
        part = Path(folder) / "jars"
        goal = "dependency:copy-dependencies"
        options = [f"-DoutputDirectory={part}", "-DincludeScope=runtime"]
        done = _run([maven, "-q", "-B", "-f", str(_POM), goal, *options], _MAVEN_TIMEOUT_S)
        if done.returncode != 0 or not any(part.glob("kafka_2.13-*.jar")):
            tail = "\n".join(done.stdout.splitlines()[-10:])
            raise BrokerUnavailable(f"Maven could not fetch Apache Kafka's jars:\n{tail}")
        part.rename(jars)


def _run(command: list[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
    try:
        return run_program(command, timeout_s)
    except subprocess.TimeoutExpired as late:
        raise BrokerUnavailable(f"{command[0]} did not end within {timeout_s:g} s") from late
