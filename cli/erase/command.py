"""`tierstream erase`: erase a customer, and say where personal data may remain."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer
from rich.console import Console

from cli.common import print_json, refuse_no_id
from cli.errors import fail
from cli.sending import sending
from config.settings import load_settings


def erase(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="Id of the customer.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Verify that it is done everywhere.")
    ] = True,
    within: Annotated[
        float,
        typer.Option(
            min=1, max=3_600, help="Seconds to wait for the worker, and for the projector."
        ),
    ] = 60,
    count: Annotated[
        bool, typer.Option("--count", help="Count the records with the id, for up to a minute.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")] = False,
) -> None:
    """Erase a customer: state, profile, tags, points and the view in Redis.

    This cannot be undone, and later events of the id are refused. An unknown id can be erased too.
    Records written before stay in the topics for a while; the command lists which, and until when.
    Running it again does no harm.
    """
    refuse_no_id(customer)
    _ask(customer, yes=yes)
    with sending():
        settings = load_settings()
        from cli.erase.erase import erase as erased
        from cli.erase.receipt_text import receipt_lines, what_is_missing

        with Console(stderr=True).status("asking Kafka") as status:
            receipt = asyncio.run(
                erased(
                    settings,
                    customer,
                    wait_s=within if wait else 0,
                    count=count,
                    on_progress=status.update,
                )
            )
    if as_json:
        print_json(receipt)
    else:
        typer.echo("\n".join(receipt_lines(receipt)))
    if wait and not receipt.complete:
        fail(what_is_missing(receipt))


def _ask(customer: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        fail(f"nothing was done: to erase customer {customer!r} without being asked, add --yes")
    typer.confirm(f"Erase customer {customer!r}? Nothing brings the customer back", abort=True)
