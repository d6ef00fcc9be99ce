"""`tierstream explain`: one customer's state, and why it is what it is."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from config.settings import load_settings
from handlers.explain import explain as explanation_of
from streams.commands.customer_ids import refuse_no_id
from streams.commands.failing import fail, one_sentence


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
        from streams.changelog import read_customer
        from streams.explain.view import explanation_view

        console = Console(stderr=True)
        with console.status("reading the customer's partition"):
            partition = asyncio.run(read_customer(settings, customer))
        state = partition.store.get(customer)
        if state is None:
            fail(f"no event of customer {customer!r} was accepted so far")
            return
        if state.erased:
            _tell_erased(customer, state.applied, as_json=as_json)
            return
        if state.tier not in partition.rules.rank:
            fail("a new policy is being put in force at this moment; ask again in a second")
        why = explanation_of(state, partition.rules, partition.clock_of(state))
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(why)).decode() + "\n")
    else:
        Console(highlight=False).print(explanation_view(why))


def _tell_erased(customer: str, position: int, *, as_json: bool) -> None:
    if as_json:
        erased = {"customer_id": customer, "erased": True, "position": {"applied": position}}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(erased)).decode() + "\n")
        return
    typer.echo(
        f"customer {customer!r} was erased, at log position {position}: nothing else is kept"
    )
