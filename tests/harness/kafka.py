"""Where Apache Kafka must be, and where it may be missing."""

from __future__ import annotations

import os

import pytest

from devtools.servers import BrokerUnavailable


def in_ci() -> bool:
    """Whether everything is tried, and nothing may be skipped."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def skip_without_java(reason: BrokerUnavailable) -> None:
    """Skip here, fail in CI: there Apache Kafka is what the tests are about."""
    if in_ci():
        pytest.fail(f"CI needs Apache Kafka: {reason}", pytrace=False)
    pytest.skip(f"no Apache Kafka on this machine: {reason}")
