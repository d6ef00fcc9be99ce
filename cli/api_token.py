"""`tierstream api-token`: a new bearer token for the API."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import typer

from cli.errors import fail


def api_token(
    name: Annotated[str, typer.Argument(help="Whose token it is, for logs and limits.")],
    scope: Annotated[
        list[str], typer.Option(help="What it may do: read, attributes, erase; repeatable.")
    ] = ["read"],  # noqa: B006 - typer takes a list, and nobody changes it
    days: Annotated[
        int | None, typer.Option(min=1, max=3_650, help="Days until it expires.")
    ] = None,
) -> None:
    """Make a token: show it once on standard error, and print its entry for the token file.

    So `tierstream api-token crm >> tokens.toml` shows the token and adds its entry, which has only
    its hash. A running API reads a changed file within a second.
    """
    from datetime import UTC

    from serving.api.tokens import Token, checked_name, checked_scopes, digest_of, new_token

    try:
        scopes = checked_scopes(scope)
        name = checked_name(name)
    except ValueError as error:
        fail(str(error))
    secret = new_token()
    expires_ms = None
    if days is not None:
        expires_ms = int((datetime.now(UTC) + timedelta(days=days)).timestamp()) * 1_000
    typer.echo(secret, err=True)
    typer.echo(Token(name, digest_of(secret), scopes, expires_ms).toml())
