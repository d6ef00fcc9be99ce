"""Which errors of Redis are waited out, and how the others are told."""

from __future__ import annotations

import pytest
from redis import exceptions
from redis.exceptions import RedisError

from config.settings import Settings
from serving.view.redis import explained, is_outage

SETTINGS = Settings(
    redis_url="rediss://ana:correct-horse@redis.example:6380/2",
    redis_password="correct-horse",  # type: ignore[arg-type]
)

PASSING = [
    exceptions.ConnectionError("Error 111 connecting to redis.example:6380"),
    exceptions.TimeoutError("Timeout reading from redis.example:6380"),
    exceptions.BusyLoadingError("Redis is loading the dataset in memory"),
    exceptions.ReadOnlyError("You can't write against a read only replica."),
    exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
    exceptions.ClusterDownError("The cluster is down"),
    exceptions.MovedError("7638 10.0.0.7:6381"),
    exceptions.ResponseError("MISCONF Redis is configured to save RDB snapshots"),
    exceptions.ResponseError("NOREPLICAS Not enough good replicas to write."),
    exceptions.ResponseError(
        "Error running script (call to f_1): @user_script:9: -OOM command not allowed"
    ),
]
LASTING = [
    exceptions.AuthenticationError("invalid username-password pair"),
    exceptions.NoPermissionError("this user has no permissions to run the 'eval' command"),
    exceptions.ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"),
    exceptions.ResponseError("unknown command 'ROOM'"),
]


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_what_passes_is_waited_out(error: RedisError) -> None:
    assert is_outage(error)


@pytest.mark.parametrize("error", LASTING, ids=repr)
def test_what_does_not_pass_is_not_waited_out(error: RedisError) -> None:
    assert not is_outage(error)


def test_error_of_ours_is_no_outage() -> None:
    assert not is_outage(KeyError("loading"))


@pytest.mark.parametrize("error", [*PASSING, *LASTING], ids=repr)
def test_error_is_told_with_the_place_and_without_credentials(error: RedisError) -> None:
    said = str(explained(error, SETTINGS))
    assert said.startswith("Redis at redis.example:6380 ")
    assert "correct-horse" not in said
    assert "ana" not in said.replace("than", "")


def test_refused_login_names_what_to_check() -> None:
    said = str(explained(exceptions.AuthenticationError("invalid"), SETTINGS))
    assert "check REDIS_URL, TIERSTREAM_REDIS_USERNAME and TIERSTREAM_REDIS_PASSWORD" in said


def test_wrong_node_of_a_cluster_is_told_with_the_right_one() -> None:
    said = str(explained(exceptions.MovedError("7638 10.0.0.7:6381"), SETTINGS))
    assert "slot 7638, which the view needs, is at 10.0.0.7:6381" in said
