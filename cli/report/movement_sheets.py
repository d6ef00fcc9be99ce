"""The sheets of who rose, fell, or is about to fall."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from cli.report.document import Column, Form, Row, Sheet
from cli.report.facts import Teller, less
from cli.report.moves import BigMove, Direction
from cli.report.notes import notes_of_moves
from handlers.outputs import TIER_CHANGES

NAMES_SHOWN = 20
"""Customers named in each direction."""
_NAME = "name"


def movement(teller: Teller) -> Sheet:
    """How often customers moved from each tier to each other."""
    say, now, past = teller.words.say, teller.figures.moves, teller.figures.moves_before
    matrix, was = now["matrix"], past["matrix"]
    pairs = {(left, to) for found in (matrix, was) for left, row in found.items() for to in row}
    place = {
        name: number for number, name in enumerate(teller.sorted({n for p in pairs for n in p}))
    }
    ways = {"up": say("rise"), "down": say("fall"), "": ""}
    period = teller.facts.period
    known = teller.has_moves(now, period)
    known_before = teller.has_moves(past, period.before)
    rows = []
    for left, reached in sorted(pairs, key=lambda pair: (place[pair[0]], place[pair[1]])):
        count = matrix.get(left, {}).get(reached, 0) if known else None
        before = was.get(left, {}).get(reached, 0) if known_before else None
        way = ways[teller.direction(left, reached)]
        names = [teller.tier(left), teller.tier(reached), way]
        rows.append(Row([*names, count, before, less(count, before)]))
    columns = [
        Column(say("From")),
        Column(say("To")),
        Column(say("Direction")),
        Column(teller.words.named("report", "Period"), Form.COUNT),
        Column(say("Period before"), Form.COUNT),
        Column(say("Change"), Form.COUNT),
    ]
    return Sheet(say("Rises and falls"), columns, rows, list(notes_of_moves(teller)))


def biggest(teller: Teller) -> Sheet:
    """The biggest customers of each direction."""
    say = teller.words.say
    ways: dict[Direction, str] = {"up": say("rise"), "down": say("fall")}
    rows = [
        _move_row(teller, title, move)
        for way, title in ways.items()
        for move in _shown(teller, way)
    ]
    named = [Column(say("Name"))] if teller.facts.with_names else []
    columns = [
        Column(say("Direction")),
        Column(say("Customer")),
        *named,
        Column(say("From")),
        Column(say("To")),
        Column(say("Day"), Form.DATE),
        Column(say("Reason")),
        Column(say("Spend in the window"), Form.AMOUNT),
        Column(say("Tier now")),
        Column(say("Account manager")),
    ]
    notes = [
        say(
            "The {count} customers who spent most, of each direction. Who was erased or merged "
            "since is left out.",
            count=NAMES_SHOWN,
        )
    ]
    if not teller.knows(TIER_CHANGES, teller.facts.period):
        notes.append(
            say(
                "The topic {topic} no longer has all of {days}: what is counted by it is not "
                "known.",
                topic=TIER_CHANGES,
                days=teller.days(teller.facts.period),
            )
        )
    return Sheet(say("Biggest names"), columns, rows, notes)


def _shown(teller: Teller, way: Direction) -> list[BigMove]:
    moves = teller.facts.happened.moves.of(way)
    return [move for move in moves if move.customer_id in teller.facts.profiles][:NAMES_SHOWN]


def _move_row(teller: Teller, way: str, move: BigMove) -> Row:
    profile = teller.facts.profiles[move.customer_id]
    named = [profile["attributes"].get(_NAME)] if teller.facts.with_names else []
    return Row(
        [
            way,
            move.customer_id,
            *named,
            teller.tier(move.previous_tier),
            teller.tier(move.tier),
            date.fromisoformat(move.effective_at[:10]),
            teller.words.term("reason", move.reason),
            move.spend,
            teller.tier(profile["tier"]),
            profile.get("owner"),
        ]
    )


def falls(teller: Teller) -> Sheet:
    """Who falls on which day if nothing happens."""
    say, falls = teller.words.say, teller.figures.falls
    rows = [
        Row(
            [
                date.fromisoformat(day["day"]),
                teller.tier(day["tier"]),
                day["customers"],
                Decimal(day["spend"]),
            ]
        )
        for day in falls["days"]
    ]
    total = [say("All"), None, falls["customers"], Decimal(falls["spend"])]
    rows.append(Row(total, is_total=True))
    columns = [
        Column(say("Day"), Form.DATE),
        Column(say("Tier that is lost")),
        Column(say("Customers"), Form.COUNT),
        Column(say("Spend in the window"), Form.AMOUNT),
    ]
    note = say(
        "Who falls from {first} to {last} if nothing happens, as of now. Days of {timezone}.",
        first=teller.words.date(falls["from"]),
        last=teller.words.date(falls["to"]),
        timezone=falls["timezone"],
    )
    return Sheet(say("Falls due"), columns, rows, [note])
