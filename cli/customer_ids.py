"""Customer ids as arguments."""

from __future__ import annotations

from cli.errors import fail
from handlers.decode.schema import valid_customer_id


def refuse_no_id(customer: str) -> None:
    """End the command if a text can be no customer's id."""
    try:
        customer.encode()
    except UnicodeEncodeError:
        fail("the customer id is no valid text")
    if not valid_customer_id(customer):
        fail("a customer id has 1 to 128 characters, none of them a control character")
