"""`tierstream policy check` and `policy publish`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import fail, one_sentence
from config.policy_file import PolicyError, load_policy
from config.policy_warnings import warnings_of
from config.settings import load_settings
from scoring.policy import Policy
from streams.runtime.clock import wall_ms

policy_app = typer.Typer(help="The policy: tiers, cut-offs, dormancy.", no_args_is_help=True)

_File = Annotated[Path, typer.Argument(metavar="POLICY.toml", help="The policy file.")]


@policy_app.command("check")
def check(file: _File) -> None:
    """Read a policy file; name each wrong key, or summarise the policy.

    What it says in vain is a warning: tiers and levels that nobody reaches, actions that are never
    sent.
    """
    declared = _load(file)
    for warning in warnings_of(declared, wall_ms()):
        typer.echo(f"{file}: warning: {warning}", err=True)
    tiers = " > ".join(tier.name for tier in declared.tiers)
    typer.echo(
        f"ok: policy {declared.version!r}, {declared.timezone}, {declared.currency}, "
        f"window {declared.window_days} days, tiers {tiers}, "
        f"dormancy {declared.dormancy.mode}{_sections(declared)}"
    )


@policy_app.command("publish")
def publish(
    file: _File,
    at_a_time: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1_000_000,
            metavar="CUSTOMERS",
            help="How many customers each further record re-evaluates, beside its own; without it "
            "TIERSTREAM_POLICY_AT_A_TIME.",
        ),
    ] = None,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet",
            help='Mark what follows from the policy alone "suppressed": "policy_rollout".',
        ),
    ] = False,
) -> None:
    """Put a policy in force: it is written to every partition of the canonical log.

    From there on each event and each tick re-evaluates its own customer and some others, so that
    nobody waits for all of them.
    """
    declared = _load(file)
    with one_sentence():
        settings = load_settings()
        from streams.changelog import StateUnreadable, read_state
        from streams.policy_log import publish_policy

        try:
            running = asyncio.run(read_state(settings, 0, only="")).meta
        except StateUnreadable:
            running = None
        in_force = None if running is None else running.policy
        if in_force is not None and in_force.currency != declared.currency:
            fail(
                f"{file}: currency: the policy in force counts in {in_force.currency}; amounts "
                "kept in it cannot be changed to another base currency"
            )
        publishing = publish_policy(settings, declared, running, at_a_time, quiet=quiet)
        partitions = asyncio.run(publishing)
    typer.echo(f"policy {declared.version!r} written to {partitions} partitions")


_OPTIONAL = (
    *("dimensions", "override", "satisfaction", "health", "holdout", "tags"),
    *("points", "care", "audience", "contact", "retention"),
)


def _sections(declared: Policy) -> str:
    """The optional sections that are there."""
    found = [name for name in _OPTIONAL if getattr(declared, name) not in (None, ())]
    return f", with {', '.join(found)}" if found else ""


def _load(file: Path) -> Policy:
    try:
        return load_policy(file)
    except PolicyError as error:
        for problem in error.problems:
            typer.echo(f"{error.source}: {problem}", err=True)
        raise typer.Exit(1) from None
