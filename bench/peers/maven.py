"""The programs of the Java peers: built once by Maven for each state of their sources."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

from bench.peers.environments import FOLDER, EnvironmentFailed
from devtools.servers.jar_cache import cache_folder, java_program, only_one
from devtools.servers.server_process import run_program

SOURCES = FOLDER / "jvm"
_MAVEN_TIMEOUT_S = 1_800.0
_LOG_LINES = 25


def java_command(engine: str, main: str, tell: Callable[[str], None]) -> list[str]:
    """How to start a program, which is built if a source is new.

    Args:
        engine: the folder below `jvm`.
        main: the class.
        tell: takes progress.

    Raises:
        EnvironmentFailed: Maven is missing, or ended with an error.
        BrokerUnavailable: there is no Java.
    """
    java = java_program()
    options = SOURCES / engine / "java.options"
    jars = _built(tell) / engine / "*"
    return [java, f"@{options}", "-cp", str(jars), f"tierstream.peers.{main}"]


def pinned_versions(names: tuple[str, ...]) -> dict[str, str]:
    """The versions of some packages, by the properties of `jvm/pom.xml`."""
    properties = ET.parse(SOURCES / "pom.xml").find("{*}properties")  # noqa: S314 - our own file
    assert properties is not None
    return {name: properties.findtext(f"{{*}}{name}.version", "") for name in names}


def _built(tell: Callable[[str], None]) -> Path:
    """The folder that has a folder of jars for each engine."""
    folder = cache_folder() / f"peers-jvm-{_key()}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with only_one(folder.with_suffix(".lock")):
        if not folder.is_dir():
            tell(
                "building the Java peers with Maven (250 MB, once for each state of their sources)"
            )
            _build(folder)
    return folder


def _key() -> str:
    files = [*SOURCES.rglob("pom.xml"), *SOURCES.rglob("*.java")]
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(str(file.relative_to(SOURCES)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def _build(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise EnvironmentFailed("the Java peers are built by Maven: there is no `mvn` on the PATH")
    # A folder beside its final place, renamed when whole: a broken build is never used.
    with tempfile.TemporaryDirectory(prefix="peers-jvm-", dir=folder.parent) as beside:
        part = Path(beside) / "built"
        command = [maven, "-q", "-B", "-f", str(SOURCES / "pom.xml"), f"-Dbuilt={part}", "package"]
        try:
            done = run_program(command, _MAVEN_TIMEOUT_S)
        except subprocess.TimeoutExpired as late:
            raise EnvironmentFailed(f"Maven did not end within {_MAVEN_TIMEOUT_S:g} s") from late
        if done.returncode != 0:
            tail = "\n".join(done.stdout.splitlines()[-_LOG_LINES:])
            raise EnvironmentFailed(f"Maven could not build the Java peers:\n{tail}")
        part.rename(folder)
