"""`tierstream topics create`, `topics check` and `topics adopt`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from cli.doctor import things
from cli.errors import fail, one_sentence
from config.settings import load_settings
from streams.kafka.topics import all_topics, create_topics

topics_app = typer.Typer(help="The Kafka topics.", no_args_is_help=True)


@topics_app.command("create")
def create() -> None:
    """Create the missing topics, with the partitions and replication of the settings."""
    with one_sentence():
        settings = load_settings()
        made = asyncio.run(create_topics(settings))
    for name in made:
        typer.echo(f"created {name}")
    there = len(all_topics(settings)) - len(made)
    typer.echo(f"{len(made)} topics created, {there} were there")


@topics_app.command("check")
def check() -> None:
    """Check that all topics exist, with partitions, settings and replicas that fit.

    The exit code is 1 if any line begins with "!!".
    """
    from cli.topics.check import check_all

    with one_sentence():
        settings = load_settings()
        findings = asyncio.run(check_all(settings))
    for finding in findings:
        typer.echo(str(finding))
    wrong = sum(not finding.is_ok for finding in findings)
    if wrong:
        fail(f"{things(wrong)} wrong with the topics")


@topics_app.command("adopt")
def adopt(
    name: Annotated[str, typer.Argument(help="The topic, with or without the prefix.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it, instead of only showing it.")] = False,
) -> None:
    """Continue with a topic that was deleted and recreated, or that lost unread records.

    Workers refuse such a topic. This moves their offsets to its first record; stop them first. It
    shows what it would do, and does it only with --yes.
    """
    from cli.topics.adopt import commit_adoption, plan_adoption

    with one_sentence():
        settings = load_settings()
        adoption = asyncio.run(plan_adoption(settings, name))
        if not adoption.committed:
            typer.echo(f"nothing to do: the positions belong to {adoption.topic} as it is")
            return
        if yes:
            asyncio.run(commit_adoption(settings, adoption))
    anew = "now name" if yes else "would name"
    typer.echo(f"{len(adoption.committed)} positions {anew} {adoption.topic} as it is")
    for tp, offset, meaning in adoption.changes:
        told = "is read from" if yes else "would be read from"
        typer.echo(f"{tp.topic}/{tp.partition} {told} offset {offset} on: {meaning}")
    if not yes:
        typer.echo("nothing was changed; run it again with --yes")
