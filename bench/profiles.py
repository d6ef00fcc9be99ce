"""Records of `customer-profiles` for very many customers, as the engine writes them.

They are made by the product's own rules, under the policy of `examples/profile_policy.toml` with
all that a profile may hold, from some thousand short histories; each serves many customers, under
their own ids.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import orjson

from bench.load import Load
from bench.offline import APP_ID, LATENESS_MS
from config.policy_file import load_policy
from handlers.control_records import ClockTick, PolicyActivated, encode_control
from handlers.partition import Partition
from handlers.reasons import Rejection
from scoring.timestamps import rfc3339

POLICY_FILE = Path(__file__).parents[1] / "examples" / "profile_policy.toml"
HISTORIES = 5_000
EVENTS_PER_CUSTOMER = 7
_SPAN_MS = 120 * 86_400_000
_EVENTS_PER_TICK = 1_000
_REGIONS = tuple(f"region-{number:02d}" for number in range(1, 32))
_OCCUPATIONS = ("teacher", "engineer", "nurse", "driver", "student", "retired")


def profiles(customers: int, end_ms: int, seed: int = 1) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of one record for each of `customers` customers, right as of `end_ms`."""
    known = history_profiles(min(customers, HISTORIES), end_ms, seed)
    for number in range(customers):
        own, value = known[number % len(known)]
        key = customer_id(number).encode()
        yield key, value.replace(own, key)


def customer_id(number: int) -> str:
    """The id of the customer of this number."""
    return f"customer-{number:09d}"


def history_profiles(count: int, end_ms: int, seed: int) -> list[tuple[bytes, bytes]]:
    """Key and value of the profiles after `count` short histories that end at `end_ms`."""
    partition = Partition()
    policy = load_policy(POLICY_FILE)
    partition.activate(0, PolicyActivated("bench", APP_ID, "live", LATENESS_MS, policy))
    events = count * EVENTS_PER_CUSTOMER
    values = [*_tellings(count, end_ms, seed)]
    values += [record.value for record in Load(events, count, end_ms, _SPAN_MS, seed).records()]
    ticks_ms = _SPAN_MS // len(values)
    for position, value in enumerate(values, 1):
        if position % _EVENTS_PER_TICK == 0:
            tick = ClockTick(end_ms - _SPAN_MS + position * ticks_ms)
            partition.control(position, encode_control(tick))
        event = partition.admit(value)
        assert not isinstance(event, Rejection)
        partition.apply(position, event)
    partition.control(len(values) + 1, encode_control(ClockTick(end_ms)))
    records = [partition.profile(customer) for customer in partition.store.ids()]
    return [
        (record.customer_id.encode(), record.value) for record in records if record and record.value
    ]


def _tellings(count: int, end_ms: int, seed: int) -> Iterator[bytes]:
    """What each customer told about himself, before all else."""
    draws = random.Random(seed)
    for number in range(count):
        born = f"{draws.randrange(1940, 2008)}-{draws.randrange(1, 13):02d}-15"
        attributes = {
            "name": f"Kim {number}",
            "email": f"kim.{number}@mail.example",
            "birth_date": born,
            "gender": draws.choice(("female", "male")),
            "region": draws.choice(_REGIONS),
            "city_tier": draws.choice("123"),
            "occupation": draws.choice(_OCCUPATIONS),
        }
        yield orjson.dumps(
            {
                "event_id": f"p{number:010d}",
                "type": "profile.updated",
                "customer_id": f"customer-{number:08d}",
                "occurred_at": rfc3339(end_ms - _SPAN_MS),
                "attributes": attributes,
            }
        )
