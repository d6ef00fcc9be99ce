"""`tierstream topics create` and `topics check`."""

from __future__ import annotations

import asyncio

import typer

from config.settings import load_settings
from streams.commands.failing import one_sentence
from streams.topics import all_topics, check_topics, create_topics

topics_app = typer.Typer(help="The Kafka topics.", no_args_is_help=True)


@topics_app.command("create")
def create() -> None:
    """Make the topics that are missing, with the partitions and replication of the settings."""
    with one_sentence():
        settings = load_settings()
        made = asyncio.run(create_topics(settings))
    for name in made:
        typer.echo(f"created {name}")
    there = len(all_topics(settings)) - len(made)
    typer.echo(f"{len(made)} topics created, {there} were there")


@topics_app.command("check")
def check() -> None:
    """Tell whether all topics are there, with partition counts that fit together."""
    with one_sentence():
        settings = load_settings()
        counts = asyncio.run(check_topics(settings))
    for topic in all_topics(settings):
        typer.echo(f"ok  {topic.name}: {counts[topic.name]} partitions")
