"""All checks of a deployment, one finding each, within a deadline.

Settings and the policy file come first, since nothing else can be checked without them; then Kafka,
then Redis, each whatever the other found.
"""

from __future__ import annotations

import platform
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from importlib.metadata import version

from cli.doctor import Finding
from cli.doctor.kafka import kafka_findings
from cli.doctor.redis import redis_findings
from config.build import build
from config.policy_file import PolicyError, load_policy
from config.settings import SettingsError, load_settings, unknown_variables
from config.settings_section import ENV_PREFIX
from scoring.policy import Policy

# Kubernetes adds these for every service whose name begins with ours.
_SERVICE_LINK = re.compile(
    r"_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_[A-Z]+)?)?)"
)


async def diagnose(environ: Mapping[str, str]) -> AsyncIterator[Finding]:
    """Run all checks in turn.

    Args:
        environ: the environment of this process, for the names of its variables; their values are
            read by `config.settings.load_settings`.
    """
    yield _versions()
    try:
        settings = load_settings()
    except SettingsError as error:
        yield Finding(f"settings: {error}", "correct the variable and ask again")
        return
    for finding in _settings_findings(environ):
        yield finding
    declared: Policy | None = None
    try:
        declared = load_policy(settings.policy_file)
    except PolicyError as error:
        for problem in error.problems:
            yield Finding(f"policy file {error.source}: {problem}", "correct the file")
    else:
        place = settings.policy_file or "the one that comes with the program"
        yield Finding(f"policy file: {place}, version {declared.version!r}")
    async for finding in kafka_findings(settings, declared):
        yield finding
    async for finding in redis_findings(settings):
        yield finding


def _versions() -> Finding:
    names = ("tierstream", "faust-streaming", "aiokafka", "redis")
    found = ", ".join(f"{name} {version(name)}" for name in names)
    return Finding(f"{found}, Python {platform.python_version()}, {build()} build")


def _settings_findings(environ: Mapping[str, str]) -> Iterator[Finding]:
    count = 0
    for name, meant in unknown_variables(environ).items():
        if meant is None and _SERVICE_LINK.search(name):
            continue
        count += 1
        remedy = f"did you mean {meant}?" if meant else "remove it, or look for its right name"
        yield Finding(f"variable {name} is no setting", remedy)
    if count == 0:
        given = sum(name.startswith(ENV_PREFIX) for name in environ)
        yield Finding(f"settings: {given} variables {ENV_PREFIX}…, all known and sound")
