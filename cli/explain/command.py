"""`tierstream explain`: one customer's state, and the reasons for it."""

from __future__ import annotations

import asyncio
import shlex
from typing import Annotated

import typer
from rich.console import Console

from cli.common import print_json, refuse_no_id
from cli.errors import one_sentence
from config.settings import load_settings


def explain(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="Id of the customer.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")] = False,
) -> None:
    """Explain a customer's state: tier, score, orders, silence, and what comes next.

    The state is the one that a worker last wrote to Kafka, about a second old.
    """
    refuse_no_id(customer)

    from cli.explain.render import explanation_view
    from cli.explain.result import Erased, Merged, NothingToExplain, explained

    with (
        one_sentence(NothingToExplain),
        Console(stderr=True).status("reading the customer's partition"),
    ):
        why = asyncio.run(explained(load_settings(), customer))
    if as_json:
        print_json(why)
    elif isinstance(why, Erased):
        typer.echo(
            f"customer {customer!r} was erased, at log position {why.position['applied']}: "
            "nothing else is kept"
        )
    elif isinstance(why, Merged):
        typer.echo(
            f"customer {customer!r} was merged into {why.merged_into!r}, at log position "
            f"{why.position['applied']}: see `tierstream explain {shlex.quote(why.merged_into)}`"
        )
    else:
        Console(highlight=False).print(explanation_view(why))
