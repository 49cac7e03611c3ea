"""A metric's daily and weekly rhythm, and its readings laid out by day and time of day."""

import math
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from voicehive.model import Model
from voicehive.planning.errors import SeriesUnusable

Weekday = Annotated[int, Field(ge=0, le=6)]


class Rhythm(Model):
    """When a metric is read: `slots` times a day, every `step` from `day_start` on, in local time, on `weekdays`.

    Weekdays count from Monday, 0. `closed` days (public holidays) have no readings, and none are forecast for them.
    """

    step: Annotated[timedelta, Field(ge=timedelta(minutes=1), le=timedelta(days=1))]
    slots: Annotated[int, Field(ge=1, le=1_440)]
    day_start: time = time(0)
    weekdays: Annotated[tuple[Weekday, ...], Field(min_length=1, max_length=7)] = (0, 1, 2, 3, 4, 5, 6)
    closed: Annotated[frozenset[date], Field(max_length=1_000)] = frozenset()
    zone: str = "UTC"

    @property
    def time_zone(self) -> ZoneInfo:
        """The zone of the local time."""
        return ZoneInfo(self.zone)

    @model_validator(mode="after")
    def _consistent(self) -> "Rhythm":
        if sorted(set(self.weekdays)) != list(self.weekdays):
            raise SeriesUnusable("rhythm: weekdays", "are not in order, each once", "write them as 0, 1, 2")
        start = timedelta(hours=self.day_start.hour, minutes=self.day_start.minute)
        if start + self.slots * self.step > timedelta(days=1):
            raise SeriesUnusable("rhythm: slots", "run past midnight", "take fewer slots, or start earlier")
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise SeriesUnusable("rhythm: zone", f"{self.zone!r} is unknown", "name one as Europe/Berlin") from None
        return self

    def moment(self, day: date, slot: int) -> datetime:
        """When a slot of a day begins."""
        return datetime.combine(day, self.day_start, self.time_zone) + slot * self.step

    def place(self, at: datetime) -> tuple[date, int] | None:
        """The day and slot that a moment falls into; None outside the rhythm."""
        local = at.astimezone(self.time_zone)
        since = datetime.combine(local.date(), local.time()) - datetime.combine(local.date(), self.day_start)
        slot = math.floor(since / self.step)
        open_then = local.weekday() in self.weekdays and local.date() not in self.closed
        return (local.date(), slot) if open_then and 0 <= slot < self.slots else None

    def days(self, first: date, last: date) -> list[date]:
        """The days of these weekdays from first to last, closed ones too."""
        span = (first + timedelta(days=number) for number in range((last - first).days + 1))
        return [day for day in span if day.weekday() in self.weekdays]

    def open_days_after(self, last: date, count: int) -> list[date]:
        """The days of these weekdays after `last`, closed ones too, up to the open one of that count."""
        days: list[date] = []
        day = last
        while count:
            day += timedelta(days=1)
            if day.weekday() in self.weekdays:
                days.append(day)
                count -= day not in self.closed
        return days


class Arranged(NamedTuple):
    """Readings (D, S) by day and slot, NaN where there is none, and what did not fit.

    `repeated` counts readings of a slot that had one already (the first counts), `outside` those outside the rhythm.
    """

    days: list[date]
    values: NDArray[np.float64]
    repeated: int
    outside: int


def arrange(rhythm: Rhythm, readings: Iterable[tuple[datetime, float | None]]) -> Arranged:
    """Lay readings out by day and slot, in whatever order they come; no day of the rhythm in between is left out.

    Raises:
        SeriesUnusable: none of them is a number within the rhythm.
    """
    found: dict[tuple[date, int], float] = {}
    repeated = outside = 0
    for at, value in readings:
        place = rhythm.place(at)
        if place is None:
            outside += 1
        elif place in found:
            repeated += 1
        elif value is not None and math.isfinite(value):
            found[place] = value
    if not found:
        raise SeriesUnusable("history", "holds no number within the rhythm", "check day_start, weekdays and zone")
    days = rhythm.days(min(day for day, _ in found), max(day for day, _ in found))
    rows = {day: row for row, day in enumerate(days)}
    values = np.full((len(days), rhythm.slots), np.nan)
    for (day, slot), value in found.items():
        values[rows[day], slot] = value
    return Arranged(days, values, repeated, outside)
