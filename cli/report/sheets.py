"""Makes a report from what was read."""

from __future__ import annotations

from collections.abc import Iterator

from cli.report.document import Document
from cli.report.facts import Facts, Teller
from cli.report.figure_sheets import profiles, satisfaction, sources, tiers
from cli.report.movement_sheets import biggest, falls, movement
from cli.report.overview import overview
from cli.report.period import Kind
from scoring.timestamps import rfc3339
from words import Words


def document(facts: Facts, words: Words) -> Document:
    """The report in a language."""
    teller = Teller(facts, words)
    titles = {
        Kind.WEEK: words.say("Weekly report"),
        Kind.MONTH: words.say("Monthly report"),
        Kind.QUARTER: words.say("Quarterly report"),
    }
    sheets = [
        overview(teller),
        tiers(teller),
        movement(teller),
        biggest(teller),
        falls(teller),
        satisfaction(teller),
        profiles(teller),
        sources(teller),
    ]
    spend = teller.figures.now["total"]["spend"]
    decimals = len(spend.partition(".")[2])
    return Document(titles[facts.period.kind], list(_lines(teller)), sheets, decimals)


def _lines(teller: Teller) -> Iterator[str]:
    """What the report is about."""
    words, facts = teller.words, teller.facts
    before, made = facts.period.before, rfc3339(facts.made_ms)
    yield words.say("Period: {days} (UTC)", days=teller.days(facts.period))
    yield words.say("Period before: {days} (UTC)", days=teller.days(before))
    yield words.say("Made: {time} (UTC)", time=words.moment(made))
    yield words.say("Amounts in {currency}", currency=facts.policy.currency)
