"""`tierstream demo`: everything on this machine, with real purchases, in a minute."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.common import LangOption, words_for
from cli.sending import sending, until_interrupted
from config.settings import Settings, load_settings
from config.settings_section import ENV_PREFIX
from devtools.demo.run import DemoPlan, DemoRun, demo_records
from devtools.demo.stack import DemoFailed, DemoStack
from devtools.demo.state import DemoState
from devtools.demo.summary import summary, what_next
from devtools.servers import LocalServerError
from streams.kafka.topics import create_topics
from words import Words

_UNPREFIXED = ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL")


class BrokerChoice(StrEnum):
    """Which broker the demo starts."""

    EMBEDDED = "embedded"
    KAFKA = "kafka"


def demo(
    broker: Annotated[
        BrokerChoice,
        typer.Option(help="In memory and immediate, or Apache Kafka (needs Java)."),
    ] = BrokerChoice.EMBEDDED,
    events: Annotated[int | None, typer.Option(min=1, help="Stop after this many events.")] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Another seed adds other simulated traffic.")
    ] = 1,
    speed: Annotated[
        float | None,
        typer.Option(min=1, help="Events per second; without it, as fast as this machine can."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Stay up afterwards, until Ctrl-C.")] = False,
    pages: Annotated[
        bool,
        typer.Option(
            "--console/--no-console",
            help="On a terminal, or with --keep, end with the console open for a browser.",
        ),
    ] = True,
    lang: LangOption = None,
) -> None:
    """Replay 69,659 real purchases and watch customers move between tiers and fall dormant.

    Starts a broker, a Redis, a worker and the projector on free ports of this machine, sends 18
    months of the CDNOW log with simulated browsing, support events and refunds, and stops
    everything again. Your own Kafka and Redis are not touched.
    """
    console = Console()
    with sending():
        words = words_for(lang)
        try:
            plan, stays = DemoPlan(events, seed, speed), keep or (pages and console.is_terminal)
            ended = _demo(console, broker, plan, words, stays=stays, pages=pages)
        except (LocalServerError, DemoFailed) as failure:
            typer.echo(f"tierstream: {failure}", err=True)
            raise typer.Exit(1) from failure
    if not ended:
        console.print(words.say("Ended before the end; nothing is left running."))
        raise typer.Exit(130)


def _demo(
    console: Console,
    broker: BrokerChoice,
    plan: DemoPlan,
    words: Words,
    *,
    stays: bool,
    pages: bool,
) -> bool:
    def tell(what: str) -> None:
        console.print(what, style="dim", highlight=False)

    tell(words.say("Starting a broker ({broker}) and a Redis …", broker=broker))
    with DemoStack(broker.value, tell) as stack:
        settings = _settings(stack.environment)
        title = words.say("Tierstream · 18 months of CDNOW · {broker} broker", broker=broker)
        state = DemoState(title=title, words=words)
        ended = asyncio.run(until_interrupted(_run(console, stack, settings, plan, state)))
        if ended:
            console.print(what_next(words, _program()))
        if ended and stays:
            _stay(console, stack, words, pages=pages)
    return ended


async def _run(
    console: Console, stack: DemoStack, settings: Settings, plan: DemoPlan, state: DemoState
) -> None:
    console.print(state.words.say("Creating topics, starting worker and projector …"), style="dim")
    await create_topics(settings)
    records, _ = await asyncio.gather(asyncio.to_thread(demo_records, plan), stack.launch())
    run = DemoRun(stack, settings, records, plan.per_second, state, console)
    await run.run()
    console.print(summary(state, state.finished_s))


def _program() -> str:
    """How this program is called from the shell it was started from."""
    if shutil.which("tierstream"):
        return "tierstream"
    beside = Path(sys.executable).with_name("tierstream")
    return str(beside.relative_to(Path.cwd()) if beside.is_relative_to(Path.cwd()) else beside)


def _stay(console: Console, stack: DemoStack, words: Words, *, pages: bool) -> None:
    told = words.say("The demo stays up until Ctrl-C. In another terminal:")
    console.print(f"{told}\n", style="bold")
    for name, value in stack.environment.items():
        console.print(f"  export {name}={value}", highlight=False, soft_wrap=True)
    console.print(f"  {_program()} explain 00004\n", highlight=False)
    with asyncio.Runner() as runner:
        runner.run(until_interrupted(_for_ever(console, stack, words, pages=pages)))


async def _for_ever(console: Console, stack: DemoStack, words: Words, *, pages: bool) -> None:
    if pages:
        address = await stack.launch_console()
        console.print(words.say("The console is open at {address}", address=address), style="bold")
    while True:
        stack.check()
        await asyncio.sleep(1)


def _settings(environment: dict[str, str]) -> Settings:
    """The settings of the demo alone: what this process inherited for another deployment goes."""
    for name in list(os.environ):
        if name.startswith(ENV_PREFIX) or name in _UNPREFIXED:
            del os.environ[name]
    os.environ.update(environment)
    return load_settings()
