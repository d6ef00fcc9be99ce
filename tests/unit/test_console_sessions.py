"""A login of the console: a ticket once, a key for some hours, the token on the server."""

from __future__ import annotations

import pytest

from serving.console import sessions as sessions_module
from serving.console.sessions import SESSION_S, Sessions


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_ticket_gives_a_key_once_and_the_key_the_token_until_it_ends() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    ticket = sessions.ticket("secret")
    key = sessions.enter(ticket)
    assert key is not None
    assert sessions.enter(ticket) is None
    assert sessions.token(ticket) is None
    assert sessions.token(key) == "secret"
    clock.now_s = SESSION_S
    assert sessions.token(key) is None


def test_a_ticket_that_is_not_used_at_once_is_worth_nothing() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    ticket = sessions.ticket("secret")
    clock.now_s = 31
    assert sessions.enter(ticket) is None
    assert sessions.enter("guessed") is None


def test_leaving_ends_a_session_and_no_key_is_no_session() -> None:
    sessions = Sessions(Clock())
    key = sessions.enter(sessions.ticket("secret"))
    sessions.leave(key)
    assert sessions.token(key) is None
    assert sessions.token(None) is None
    sessions.leave(None)


def test_the_oldest_session_goes_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions_module, "_SESSIONS_MAX", 2)
    sessions = Sessions(Clock())
    keys = [sessions.enter(sessions.ticket(name)) for name in ("first", "second", "third")]
    assert [sessions.token(key) for key in keys] == [None, "second", "third"]
