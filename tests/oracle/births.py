"""When somebody was born, by the calendar they tell."""

from datetime import date
from typing import Any

from tests.oracle.customer import Customer
from tests.oracle.lunar import LunarDate, gregorian, parse_lunar
from tests.oracle.times import is_date

CALENDAR = "birth_calendar"
LUNAR = "lunar"


def is_birth_date(text: str, calendar: Any) -> bool:
    """Whether a text is a date of the calendar that is told."""
    return parse_lunar(text) is not None if calendar == LUNAR else is_date(text)


def birth_of(customer: Customer) -> date | LunarDate | None:
    """The birth date; None without one, or if it is none of the calendar that holds now."""
    text, calendar = customer.attribute("birth_date"), customer.attribute(CALENDAR)
    if not text or not is_birth_date(text, calendar):
        return None
    if calendar != LUNAR:
        return date.fromisoformat(text)
    return parse_lunar(text, is_leap=customer.attribute("birth_leap_month") == "true")


def gregorian_birth_of(customer: Customer) -> date | None:
    """The birth date by the Gregorian calendar."""
    born = birth_of(customer)
    return gregorian(born) if isinstance(born, LunarDate) else born
