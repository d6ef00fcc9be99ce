"""When a customer was born, by the calendar in which the birthday is kept."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from handlers.state.customer import Customer
from scoring.calendar import day_of_date
from scoring.care.lunar import LunarDate, day_of_lunar_date, parse_lunar_date
from scoring.timestamps import parse_date

BIRTH_DATE, BIRTH_CALENDAR, _LEAP_MONTH = "birth_date", "birth_calendar", "birth_leap_month"
LUNAR = "lunar"
"""The value of `birth_calendar` with which `birth_date` is a date of the Chinese calendar."""


class BirthDate(NamedTuple):
    """A date of birth; `day` is its day number."""

    date: date | LunarDate
    day: int


def birth_date(customer: Customer) -> BirthDate | None:
    """When a customer was born; None if that is not known, or no date of its calendar."""
    text = _known(customer, BIRTH_DATE)
    if not text:
        return None
    if not keeps_lunar(customer):
        born = parse_date(text)
        return None if born is None else BirthDate(born, day_of_date(born))
    lunar = parse_lunar_date(text, is_leap=_known(customer, _LEAP_MONTH) == "true")
    day = None if lunar is None else day_of_lunar_date(lunar)
    return None if lunar is None or day is None else BirthDate(lunar, day)


def keeps_lunar(customer: Customer) -> bool:
    """Whether the birth date is one of the Chinese calendar."""
    return _known(customer, BIRTH_CALENDAR) == LUNAR


def is_birth_date(text: str, *, is_lunar: bool) -> bool:
    """Whether a text can be used as `birth_date`; an empty one takes it away."""
    return not text or (parse_lunar_date if is_lunar else parse_date)(text) is not None


def _known(customer: Customer, name: str) -> str:
    return customer.attributes.get(name, ("", 0))[0]
