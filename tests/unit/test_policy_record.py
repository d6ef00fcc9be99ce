"""What `policy publish` and a worker write into the log beside a policy."""

from __future__ import annotations

from typing import Any

import pytest

from config.settings import Settings
from handlers.control_records import PolicyActivated, decode_control
from handlers.state.format_fields import FormatTooOld
from handlers.state.formats import NEWEST
from handlers.state.partition_state import Meta
from scoring.policy import Policy
from streams.policy_log import activation

LIVE_FROM = "2026-01-01T00:00:00Z"
LIVE_FROM_MS = 1_767_225_600_000


def written(running: Meta | None = None, **more: Any) -> PolicyActivated:
    settings = Settings(live_from=LIVE_FROM)
    record = decode_control(activation(settings, Policy(), running, **more))
    assert isinstance(record, PolicyActivated)
    return record


def test_the_first_policy_has_the_setting_of_the_deployment() -> None:
    assert written().live_from_ms == LIVE_FROM_MS
    assert not written().quiet


def test_publishing_keeps_what_the_log_says() -> None:
    running = Meta(policy=Policy(), format=NEWEST, live_from_ms=5)
    assert written(running).live_from_ms == 5
    assert written(running, quiet=True).quiet


def test_an_older_format_goes_on_without_history_and_without_quiet_policies() -> None:
    running = Meta(policy=Policy(), format=2)
    assert written(running).live_from_ms is None
    assert written(number=2).live_from_ms is None
    with pytest.raises(FormatTooOld, match="quiet"):
        written(running, quiet=True)
