"""Sending alerts to a webhook: signed, retried while it is away, refused ones kept in a file."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from tierstream_client.alert import Alert
from tierstream_client.dead_letter_file import DeadLetterFile
from tierstream_client.signature import sign

_log = logging.getLogger(__name__)

_TRY_AGAIN = frozenset({408, 425, 429})
_MAX_RETRY_AFTER_S = 300.0


class EndpointDown(RuntimeError):
    """The endpoint accepts nothing any more; the message is one sentence. No alert is lost."""


class _Away(Exception):
    """An attempt failed for a reason that may be temporary."""

    def __init__(self, reason: str, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class _Refused(Exception):
    """The endpoint refuses the alert; sending it again would not help."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an alert is retried.

    Attributes:
        attempts: number of attempts in all.
        first_wait_s: upper bound of the first random pause; it doubles with each attempt.
        max_wait_s: upper bound of any pause.
        timeout_s: of one attempt.
        given_up_in_row: after this many failed alerts in a row the endpoint counts as down.
    """

    attempts: int = 8
    first_wait_s: float = 1.0
    max_wait_s: float = 60.0
    timeout_s: float = 10.0
    given_up_in_row: int = 10


class Webhook:
    """An endpoint that accepts alerts as HTTP POST with the CloudEvent as the body.

    A status of 2xx means accepted. 408, 425, 429, 5xx and a broken connection are retried, after
    the pause that `Retry-After` asks for, if any. Everything else counts as refused, redirects too:
    a signed message must reach only the endpoint it was signed for. An alert that is refused, or
    fails in all attempts, goes to the dead letter file.

    Args:
        session: opened and closed by the caller.
        url: of the endpoint.
        secret: see `tierstream_client.signature`.
        dead_letters: for alerts that cannot be sent.
        patience: how long an alert is retried.
        now_s: the wall clock.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        secret: str,
        dead_letters: DeadLetterFile,
        patience: Patience | None = None,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        sign(secret, "", 0, b"")  # a wrong secret shows at the start
        self._session = session
        self._url = url
        self._secret = secret
        self._dead_letters = dead_letters
        self._patience = patience or Patience()
        self._now_s = now_s
        self._given_up = 0

    async def send(self, alert: Alert) -> None:
        """Send an alert, or write it to the dead letter file.

        Raises:
            EndpointDown: too many alerts in a row failed; this one is not in the file.
            DeadLettersFull: the file has reached its size limit.
        """
        patience = self._patience
        attempts = AsyncRetrying(
            retry=retry_if_exception_type(_Away),
            stop=stop_after_attempt(patience.attempts),
            wait=self._pause_s,
            reraise=True,
        )
        try:
            await attempts(self._attempt, alert)
        except _Refused as error:
            self._given_up = 0
            self._put_aside(alert, str(error))
        except _Away as error:
            if self._given_up + 1 >= patience.given_up_in_row:
                raise EndpointDown(
                    f"{self._url} took none of {patience.given_up_in_row} alerts in a row, at last "
                    f"because of {error}"
                ) from error
            self._given_up += 1
            self._put_aside(alert, f"{error}, after {patience.attempts} attempts")
        else:
            self._given_up = 0

    async def _attempt(self, alert: Alert) -> None:
        headers = {"content-type": "application/cloudevents+json"}
        headers |= sign(self._secret, alert.id, int(self._now_s()), alert.value)
        try:
            async with self._session.post(
                self._url,
                data=alert.value,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=self._patience.timeout_s),
            ) as answer:
                status = answer.status
                retry_after_s = _seconds(answer.headers.get("retry-after"))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _Away(str(error) or type(error).__name__) from error
        if 200 <= status < 300:
            return
        if status in _TRY_AGAIN or status >= 500:
            raise _Away(f"HTTP {status}", retry_after_s)
        raise _Refused(f"HTTP {status}")

    def _pause_s(self, state: RetryCallState) -> float:
        drawn = wait_random_exponential(self._patience.first_wait_s, self._patience.max_wait_s)
        error = state.outcome.exception() if state.outcome is not None else None
        asked_s = error.retry_after_s if isinstance(error, _Away) else 0.0
        return max(drawn(state), asked_s)

    def _put_aside(self, alert: Alert, reason: str) -> None:
        now = datetime.fromtimestamp(self._now_s(), UTC).isoformat(timespec="seconds")
        self._dead_letters.add(alert, reason, now)
        _log.warning("put aside %s of %s: %s", alert.id, alert.type, reason)


def _seconds(retry_after: str | None) -> float:
    """The requested pause in seconds; 0 for a date or an absent header."""
    if retry_after is None or not retry_after.isascii() or not retry_after.isdigit():
        return 0.0
    return min(float(retry_after), _MAX_RETRY_AFTER_S)
