"""The time a plan spans: whole weeks, months or quarters from its first day."""

import calendar
from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from voicehive.model import Model

_MONTHS = {"month": 1, "quarter": 3}


class Horizon(Model):
    """`periods` whole periods from `start`; period 0 begins on `start` itself.

    A month from the 31st begins on the last day of a shorter month.
    """

    start: Annotated[date, Field(strict=False)]
    periods: Annotated[int, Field(ge=1, le=1_000)]
    period: Literal["week", "month", "quarter"] = "month"

    @model_validator(mode="after")
    def _within_the_calendar(self) -> "Horizon":
        try:
            self.date_of(self.periods)
        except (OverflowError, ValueError):
            raise ValueError("periods: the horizon ends beyond the year 9999; start earlier or plan for less") from None
        return self

    @property
    def end(self) -> date:
        """The first day after the horizon."""
        return self.date_of(self.periods)

    def date_of(self, period: int) -> date:
        """Give the first day of a period, counted from 0; that of `periods` is the day after the last one."""
        if self.period == "week":
            return self.start + timedelta(weeks=period)
        years, month = divmod(self.start.month - 1 + _MONTHS[self.period] * period, 12)
        year = self.start.year + years
        return date(year, month + 1, min(self.start.day, calendar.monthrange(year, month + 1)[1]))

    def period_of(self, day: date) -> int:
        """Give the period a day lies in; negative before the start, `periods` or more after the end."""
        if self.period == "week":
            return (day - self.start).days // 7
        months = (day.year - self.start.year) * 12 + day.month - self.start.month
        period = months // _MONTHS[self.period] + 1
        while self.date_of(period) > day:
            period -= 1
        return period
