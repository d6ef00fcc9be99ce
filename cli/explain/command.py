"""`tierstream explain`: one customer's state, and why it is what it is."""

from __future__ import annotations

import asyncio
import logging
import shlex
import sys
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from cli.common import refuse_no_id
from cli.errors import fail, one_sentence
from config.settings import load_settings


def explain(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="Id of the customer.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")] = False,
) -> None:
    """Tell what a customer is and why: tier, score, orders, silence, and what comes next.

    The state is read from Kafka as a worker last wrote it, about a second old.
    """
    refuse_no_id(customer)
    # The Kafka client's own complaints would stand before our sentence and say less.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with one_sentence():
        settings = load_settings()
        from cli.explain.render import explanation_view
        from cli.explain.state import Erased, Merged, NothingToExplain, explained

        try:
            with Console(stderr=True).status("reading the customer's partition"):
                why = asyncio.run(explained(settings, customer))
        except NothingToExplain as reason:
            fail(str(reason))
            return
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(why)).decode() + "\n")
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
