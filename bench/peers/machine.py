"""The machine and the versions behind a measurement."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree as ET

from bench.peers.registry import Peer
from config.build import build
from devtools.servers.jar_cache import OPS, java_program

_ROOT = Path(__file__).parents[2]


def machine() -> dict[str, str | int]:
    """Processor, cores, memory and system."""
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "memory_gib": round(memory_bytes / 2**30),
        "system": f"{platform.system()} {platform.release()}",
    }


def versions(peers: Iterable[Peer]) -> dict[str, dict[str, str]]:
    """What ran: Tierstream and its broker, and what each peer stands on."""
    ours = {
        "commit": _git("rev-parse", "--short=12", "HEAD"),
        "changed_since": "yes" if _git("status", "--porcelain", "--untracked-files=no") else "no",
        "python": platform.python_version(),
        "build": build(),
        **{name: version(name) for name in ("tierstream", "faust-streaming", "aiokafka")},
    }
    found = {"tierstream": ours, "broker": {"kafka": _kafka(), "java": _java()}}
    return found | {peer.name: peer.versions() for peer in peers}


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments],  # noqa: S607 - whatever git the developer uses
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def _kafka() -> str:
    """The version that the pinned jars have."""
    properties = ET.parse(OPS / "pom.xml").find("{*}properties")  # noqa: S314 - our own file
    return "" if properties is None else properties.findtext("{*}kafka.version", "")


def _java() -> str:
    done = subprocess.run([java_program(), "-version"], capture_output=True, text=True, check=False)
    return done.stderr.splitlines()[0].strip()
