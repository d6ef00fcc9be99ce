"""`tierstream explain`: one customer's state, and the reasons for it."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.common import LangOption, print_json, refuse_no_id, words_for
from cli.errors import fail, one_sentence
from config.policy_file import load_policy
from config.settings import load_settings


def explain(  # noqa: PLR0913, PLR0917 - one argument an option
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="Id of the customer.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")] = False,
    events: Annotated[
        Path | None,
        typer.Option(
            metavar="EVENTS.jsonl",
            help="Explain what a backtest of this file makes of the customer, without a broker; - "
            "reads standard input.",
        ),
    ] = None,
    backtest: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Show what the outputs of a backtest in this folder say of the customer.",
        ),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(help="With --events or --backtest, as for backtest: the policy file."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="With --events, as for backtest: the time of the end."),
    ] = None,
    sort: Annotated[
        bool, typer.Option("--sort", help="With --events, as for backtest: sort them first.")
    ] = False,
    lang: LangOption = None,
) -> None:
    """Explain a customer's state: tier, score, orders, silence, and what comes next.

    The state is the one that a worker last wrote to Kafka, about a second old; or, with --events,
    the one at the end of a backtest. With --backtest it is what a backtest wrote, output by output.
    """
    refuse_no_id(customer)

    from cli.explain.render import explanation_view
    from cli.explain.result import Erased, Merged, NothingToExplain, explained_in
    from streams.changelog import read_customer

    if events is None and (until is not None or sort):
        fail("--until and --sort go with --events")
    if events is None and backtest is None and policy is not None:
        fail("--policy goes with --events or --backtest")
    if events is not None and backtest is not None:
        fail("--events and --backtest do not go together")
    if backtest is not None:
        from cli.explain.outputs import told_in, told_view
        from words import Naming

        with one_sentence(NothingToExplain):
            naming = Naming(words_for(lang), load_policy(policy or load_settings().policy_file))
            told = told_in(backtest, customer)
        if as_json:
            print_json(told)
        else:
            Console(highlight=False).print(told_view(told, naming))
        return
    with one_sentence(NothingToExplain):
        words = words_for(lang)
        if events is not None:
            from cli.backtest.command import state_after

            partition = state_after(events, policy, until, sort=sort)
        else:
            with Console(stderr=True).status(words.say("reading the customer's partition")):
                partition = asyncio.run(read_customer(load_settings(), customer))
        why = explained_in(partition, customer)
    if as_json:
        print_json(why)
    elif isinstance(why, Erased):
        typer.echo(
            words.say(
                "customer {customer} was erased, at log position {position}: nothing else is kept",
                customer=repr(customer),
                position=why.position["applied"],
            )
        )
    elif isinstance(why, Merged):
        typer.echo(
            words.say(
                "customer {customer} was merged into {into}, at log position {position}: see "
                "`tierstream explain {id}`",
                customer=repr(customer),
                into=repr(why.merged_into),
                position=why.position["applied"],
                id=shlex.quote(why.merged_into),
            )
        )
    else:
        Console(highlight=False).print(explanation_view(why, words, partition.rules.policy))
