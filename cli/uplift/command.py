"""`tierstream uplift`: the effect of a campaign, against customers held out as a control group."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from cli.common import instant_ms, print_json
from cli.errors import fail, one_sentence
from cli.uplift.comparison import Question, Uplift, UpliftReport
from config.policy_file import load_policy
from config.settings import load_settings
from handlers.decode.decode import Limits
from scoring.dormancy import LEVELS
from streams.runtime.clock import wall_ms


def uplift(  # noqa: PLR0913, PLR0917 - one argument an option
    alerts: Annotated[
        Path | None,
        typer.Argument(
            metavar="ALERTS",
            help="A file of dormancy alerts, or the folder of a backtest; without it, the topics.",
        ),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(
            metavar="EVENTS.jsonl", help="The events that led to the file, for repurchase."
        ),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            metavar="POLICY.toml",
            help="The policy of the backtest; without it, the configured one. A log has its own.",
        ),
    ] = None,
    level: Annotated[str, typer.Option(help="The level whose alerts are acted on.")] = "dormant",
    window_days: Annotated[
        int, typer.Option(min=1, max=3_650, help="Days of 24 hours to watch after an alert.")
    ] = 30,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only alerts from this RFC 3339 time on.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="End of the observation, if earlier.")
    ] = None,
    confidence: Annotated[
        float, typer.Option(help="Confidence of the intervals, above 0 and below 1.")
    ] = 0.95,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")] = False,
) -> None:
    """Compare reactivation and repurchase of treated customers with the holdout group.

    A policy with a holdout section marks the alerts of some customers "suppressed": "holdout".
    Each customer counts once, by the first alert of the level. An order counts as a repurchase if
    it counted by the rules.
    """
    if level not in LEVELS[1:]:
        fail(f"--level {level}: must be one of {', '.join(LEVELS[1:])}")
    if not 0 < confidence < 1:
        fail(f"--confidence {confidence}: must be above 0 and below 1, such as 0.95")
    if events is not None and alerts is None:
        fail("--events goes with a file of alerts; the topics have their own events")
    question = Question(
        level, window_days, confidence, instant_ms("--since", since), instant_ms("--until", until)
    )
    found = Uplift(question)
    with one_sentence():
        from cli.backtest.run import BacktestOptions
        from cli.uplift.inputs import AlertsUnreadable, read_files, read_topics
        from cli.uplift.render import uplift_view

        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("reading", total=None)

            def show(name: str, done: int, total: int) -> None:
                progress.update(task, description=name, completed=done, total=total)

            settings = load_settings()
            declared = load_policy(policy or settings.policy_file)
            options = BacktestOptions(
                policy=declared,
                app_id=settings.app_id,
                allowed_lateness_ms=settings.allowed_lateness_ms,
                limits=Limits(settings.min_event_time_ms, wall_ms() + settings.max_future_skew_ms),
                until_ms=question.until_ms,
            )
            try:
                if alerts is None:
                    asyncio.run(read_topics(found, settings, options, show))
                else:
                    read_files(found, alerts, events, options, show)
            except AlertsUnreadable as error:
                fail(str(error))
    report = found.report()
    if events is not None:
        _warn_of_another_policy(report, declared.version)
    if as_json:
        print_json(report)
    else:
        Console(highlight=False).print(uplift_view(report))


def _warn_of_another_policy(report: UpliftReport, version: str) -> None:
    """Say so if the alerts were made by other policies than what counts is judged by."""
    if report.policy_versions and version not in report.policy_versions:
        versions = ", ".join(map(repr, report.policy_versions))
        typer.echo(
            f"the alerts are of policy {versions}, but what counts is judged by {version!r}: give "
            "the other with --policy",
            err=True,
        )
