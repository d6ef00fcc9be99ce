"""The command line: `tierstream` and its commands."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.api import api
from cli.api_token import api_token
from cli.backtest.command import backtest
from cli.cdnow import cdnow
from cli.console import console
from cli.dead_letters.commands import dead_letters_app
from cli.demo import demo
from cli.doctor.command import doctor
from cli.dump import dump
from cli.erase.command import erase
from cli.explain.command import explain
from cli.policy import policy_app
from cli.projector import projector
from cli.rebuild_state import rebuild_state
from cli.rebuild_view import rebuild_view
from cli.replay import replay
from cli.report.command import report
from cli.simulate import simulate
from cli.top.command import top
from cli.topics.commands import topics_app
from cli.uplift.command import uplift
from cli.worker import worker

app = typer.Typer(
    name="tierstream",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    demo,
    worker,
    projector,
    api,
    api_token,
    console,
    top,
    backtest,
    replay,
    simulate,
    cdnow,
    explain,
    erase,
    dump,
    doctor,
    rebuild_view,
    rebuild_state,
    uplift,
    report,
):
    app.command(command.__name__.replace("_", "-"))(command)
app.add_typer(policy_app, name="policy")
app.add_typer(topics_app, name="topics")
app.add_typer(dead_letters_app, name="dead-letters")


def _print_version(asked: bool) -> None:
    if asked:
        from config.build import build, release

        typer.echo(f"tierstream {release()}, {build()} build")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the release and its build.",
            callback=_print_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Customer tiers and dormancy alerts from live order, browse and support events."""


def main() -> None:
    """The entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
