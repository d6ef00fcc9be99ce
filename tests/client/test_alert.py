"""What an output says to whoever acts on it."""

from __future__ import annotations

from tests.client.builders import TOPIC, value_of
from tierstream_client import Alert, read_alert


def with_data(**data: object) -> Alert:
    return read_alert(TOPIC, 0, 0, value_of("ana", 1, **data))


def test_an_output_says_why_it_went_out_and_by_which_channels_to_act() -> None:
    found = with_data(
        reason="silence", suppressed="backfill", backfill=True, consented_channels=["email", "sms"]
    )
    assert (found.reason, found.suppressed, found.backfill) == ("silence", "backfill", True)
    assert found.consented_channels == ("email", "sms")


def test_an_output_says_whom_it_is_for_who_owns_the_customer_and_when_to_send() -> None:
    until = "2026-02-07T01:00:00.000Z"
    found = with_data(audience="staff", owner="eva", not_before=until)
    assert (found.audience, found.owner, found.not_before) == ("staff", "eva", until)


def test_an_output_of_an_older_release_says_nothing_of_it() -> None:
    found = with_data()
    assert (found.reason, found.suppressed, found.backfill) == (None, None, False)
    assert found.consented_channels == ()
    assert (found.audience, found.owner, found.not_before) == (None, None, None)
