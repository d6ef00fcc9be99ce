"""The settings that shape results, and the names that tell deployments apart.

The mode, the allowed lateness, `live_from` and how many customers go at a time are recorded in the
log with the policy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from config import field_checks
from config.durations import Duration
from config.settings_section import AnyDuration, Lower, Section, between


class ResultSettings(Section):
    """What is computed, and under which names."""

    app_id: Annotated[str, AfterValidator(field_checks.topic_name)] = Field(
        default="tierstream",
        description="Name of this application: in consumer groups, in the changelog topic and as "
        "`source` of every event it writes.",
    )
    topic_prefix: Annotated[str, AfterValidator(field_checks.topic_prefix)] = Field(
        default="", description="Prefix of the name of every topic that is read or written."
    )
    mode: Annotated[Literal["live", "replay"], Lower] = Field(
        default="live",
        description="What moves the clock: `live` uses wall time (ticks in the log), `replay` the"
        " newest event.",
    )
    allowed_lateness: Annotated[AnyDuration, between("0s", "30d")] = Field(
        default=Duration(300_000),
        description="How far the partition clock stays behind the tick or the newest event, so "
        "that events out of order are not late.",
    )
    max_future_skew: Annotated[AnyDuration, between("0s", "365d")] = Field(
        default=Duration(300_000),
        description="An event later than the wall clock by more than this is a dead letter "
        "(`from_the_future`).",
    )
    max_clock_error: Annotated[AnyDuration, between("5s", "365d")] = Field(
        default=Duration(30_000),
        description="A worker whose clock is further than this from the brokers' ends, before it "
        "writes ticks or judges events by it.",
    )
    min_event_time: Annotated[str, AfterValidator(field_checks.first_instant)] = Field(
        default="1990-01-01T00:00:00Z",
        description="An event before this RFC 3339 time is a dead letter (`invalid_timestamp`).",
    )
    live_from: Annotated[str, AfterValidator(field_checks.optional_instant)] = Field(
        default="",
        description="When the deployment went live (RFC 3339): what takes effect before it is "
        'history, and goes out marked `"suppressed": "backfill"`. Empty: nothing is.',
    )
    policy_file: Path | None = Field(
        default=None,
        description="The policy that the first start writes to the log; unset: the default policy.",
    )
    policy_at_a_time: int = Field(
        default=10,
        ge=1,
        le=1_000_000,
        description="Under a policy published from now on, each record of the log re-evaluates so"
        " many customers beside its own, until all had their turn.",
    )

    @property
    def allowed_lateness_ms(self) -> int:
        """`allowed_lateness` in milliseconds."""
        return self.allowed_lateness.ms

    @property
    def live_from_ms(self) -> int | None:
        """`live_from` in milliseconds since 1970; None if it is empty."""
        return field_checks.instant_ms(self.live_from) if self.live_from else None

    @property
    def max_future_skew_ms(self) -> int:
        """`max_future_skew` in milliseconds."""
        return self.max_future_skew.ms

    @property
    def min_event_time_ms(self) -> int:
        """`min_event_time` in milliseconds since 1970."""
        return field_checks.instant_ms(self.min_event_time)
