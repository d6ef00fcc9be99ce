"""The command line: one small module a command."""

from __future__ import annotations

import typer

from streams.commands.api import api
from streams.commands.api_token import api_token
from streams.commands.backtest import backtest
from streams.commands.cdnow import cdnow
from streams.commands.dead_letters import dead_letters_app
from streams.commands.demo import demo
from streams.commands.doctor import doctor
from streams.commands.dump import dump
from streams.commands.erase import erase
from streams.commands.explain import explain
from streams.commands.policy import policy_app
from streams.commands.projector import projector
from streams.commands.rebuild_view import rebuild_view
from streams.commands.replay import replay
from streams.commands.simulate import simulate
from streams.commands.topics import topics_app
from streams.commands.uplift import uplift
from streams.commands.worker import worker

app = typer.Typer(
    name="tierstream",
    help="Customer tiers and dormancy alerts from live order, browse and support events.",
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
    backtest,
    replay,
    simulate,
    cdnow,
    explain,
    erase,
    dump,
    doctor,
    rebuild_view,
    uplift,
):
    app.command(command.__name__.replace("_", "-"))(command)
app.add_typer(policy_app, name="policy")
app.add_typer(topics_app, name="topics")
app.add_typer(dead_letters_app, name="dead-letters")


def main() -> None:
    """The entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
