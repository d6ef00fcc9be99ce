"""The program and the variables of a process under test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.settings import Settings, variable_names

ROOT = Path(__file__).parents[2]
CLI = (sys.executable, "-m", "cli.main")
ANY_PORTS = {"http_port": 0, "api_port": 0}
"""Settings with which a process takes free ports: somebody may listen on the default ones."""

_OURS = ("TIERSTREAM_", "KAFKA_", "REDIS_")


def environment_with(settings: Mapping[str, Any]) -> dict[str, str]:
    """The variables of a process: these settings by field name, and none of ours beside them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return kept | {f"TIERSTREAM_{name.upper()}": str(value) for name, value in settings.items()}


def bare_environment(settings: Settings | None = None, **others: str) -> dict[str, str]:
    """The variables that give these settings, and beside them only what finds programs."""
    given = settings.model_fields_set if settings is not None else ()
    found = {variable_names(name)[0]: getattr(settings, name) for name in given}
    ours = {name: str(value) for name, value in found.items() if value is not None}
    home = os.environ.get("HOME", "/")
    return {"PATH": os.environ["PATH"], "HOME": home, **ours, **others}


def run_cli(
    *arguments: str,
    env: Mapping[str, str],
    timeout_s: float,
    stdin: int = subprocess.DEVNULL,
    program: tuple[str, ...] = CLI,
) -> subprocess.CompletedProcess[str]:
    """Run a command of the product to its end."""
    return subprocess.run(
        [*program, *arguments],
        cwd=ROOT,
        env=env,
        stdin=stdin,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
