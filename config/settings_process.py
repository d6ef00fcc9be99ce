"""The settings of the processes: logs, the breaker of the ingest, intervals and timeouts."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from config import field_checks
from config.durations import Duration
from config.settings_section import AnyDuration, Lower, Section, Upper, between


class ProcessSettings(Section):
    """How a process runs."""

    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], Upper] = Field(
        default="INFO", description="`debug`, `info`, `warning` or `error`."
    )
    log_format: Annotated[Literal["json", "console"], Lower] = Field(
        default="json", description="`json`: one object a line; `console`: for people."
    )

    lang: Annotated[Literal["en", "zh"], Lower] = Field(
        default="en",
        description="Language of what commands show people, unless `--lang` says another: `en` or "
        "`zh`.",
    )

    breaker_in_a_row: int = Field(
        default=100,
        ge=0,
        le=1_000_000,
        description="More bad records in a row than this stop the ingest of their input "
        "partition; 0 for no limit.",
    )
    breaker_share: Decimal = Field(
        default=Decimal("0.5"),
        ge=0,
        le=1,
        description="So does a larger share of bad records among the newest of the partition; 0 "
        "for no limit.",
    )
    breaker_window: int = Field(
        default=1_000, ge=1, le=100_000, description="… of which this many are examined."
    )
    breaker_pass: Annotated[str, AfterValidator(field_checks.breaker_exemptions)] = Field(
        default="",
        description="Bad records before these offsets do not count: `topic/partition@offset`, "
        "several separated by commas. With it a stopped partition continues after a "
        "restart.",
    )
    state_format: Annotated[int, AfterValidator(field_checks.state_format)] | None = Field(
        default=None,
        description="Format of states and control records that the partitions come to, once every "
        "worker of the group reads it. They never go back. Unset: the one they have; for a new "
        "deployment the newest of this release.",
    )
    processing_failed_per_minute: int = Field(
        default=100,
        ge=0,
        le=1_000_000,
        description="More faults in handlers (`processing_failed`) than this in a partition within "
        "a minute stop the worker; 0 for no limit.",
    )
    flush_interval: Annotated[AnyDuration, between("10ms", "60s")] = Field(
        default=Duration(50),
        description="Longest pause between two writes of outputs and state while events keep "
        "coming; few events are written at once.",
    )
    flush_max_records: int = Field(
        default=20_000,
        ge=1,
        le=1_000_000,
        description="Most events of a partition that may be applied and not yet written.",
    )
    tick_interval: Annotated[AnyDuration, between("100ms", "1m")] = Field(
        default=Duration(1_000),
        description="How often, in mode `live`, the owner of a partition writes a tick to it.",
    )
    stall_timeout: Annotated[AnyDuration, between("10s", "1d")] = Field(
        default=Duration(300_000),
        description="A worker that has records to read and makes no progress for this long ends, "
        "so that its supervisor restarts it.",
    )
    startup_timeout: Annotated[AnyDuration, between("1s", "1h")] = Field(
        default=Duration(30_000),
        description="Time after which a start gives up if a broker, a topic or Redis does not "
        "answer.",
    )
