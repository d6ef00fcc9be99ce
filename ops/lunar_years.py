"""Makes the table of the Chinese calendar, `scoring/care/lunar_years.csv`.

    pip install sxtwl==2.0.7 && python ops/lunar_years.py > scoring/care/lunar_years.csv

The table is part of the project, so that a new version of the library changes no replay. The
library works the calendar out by astronomy, as the national standard GB/T 33661-2017 says. Of dates
to come, 2057-09-28, 2089-09-04 and 2097-08-07 are disputed: there a new moon falls so close to
midnight in Beijing that tables differ by one day.
"""

from __future__ import annotations

import sys
from datetime import date, timedelta
from itertools import groupby

import sxtwl  # type: ignore[import-not-found]

FIRST_YEAR, LAST_YEAR = 1901, 2099
FIRST_DAY, LAST_DAY = date(1901, 2, 19), date(2100, 2, 8)


def months() -> list[tuple[int, int, bool, date, int]]:
    """Every month as (year, month, is leap, first day, number of days)."""
    days = (FIRST_DAY + timedelta(n) for n in range((LAST_DAY - FIRST_DAY).days + 1))
    found = ((sxtwl.fromSolar(day.year, day.month, day.day), day) for day in days)
    named = [
        ((each.getLunarYear(), each.getLunarMonth(), bool(each.isLunarLeap())), day)
        for each, day in found
    ]
    grouped = ((name, [day for _, day in each]) for name, each in groupby(named, lambda n: n[0]))
    return [(*name, each[0], len(each)) for name, each in grouped]


def main() -> None:
    """Print the table."""
    sys.stdout.write("year,new_year,leap_month,days_of_months\n")
    for year, each in groupby(months(), lambda month: month[0]):
        found = list(each)
        leap = next((month for _, month, is_leap, _, _ in found if is_leap), 0)
        lengths = " ".join(str(length) for *_, length in found)
        sys.stdout.write(f"{year},{found[0][3]},{leap},{lengths}\n")


if __name__ == "__main__":
    main()
