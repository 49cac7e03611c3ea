"""Freeze windows: times in which nothing runs alone, or nothing at all."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, model_validator

from voicehive.autonomy.budgets import RuleId, Scoped, Strictness

Weekday: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FURTHEST = timedelta(days=3_660)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone; use a name of the IANA database, such as Europe/Berlin") from None
    return name


def _clock_time(value: Any) -> Any:
    # YAML 1.1 reads 22:00 without quotes as the number 1320 (base 60), which must not become some other time.
    if not isinstance(value, str):
        raise ValueError('write a time of day in quotes, for example "22:00"')
    return value


ClockTime: TypeAlias = Annotated[str, BeforeValidator(_clock_time), Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class FreezeWindow(Scoped):
    """A window in which changes are frozen: weekly, or once.

    Weekly: on `weekdays`, from the time of day `start` until before `end`, as clocks in `zone` show it; an `end` at or
    before `start` is the next day's. Once: between `begins` and `ends`, two instants.
    """

    id: RuleId
    severity: Strictness = "escalate"
    message: str = Field(default="changes are frozen", min_length=1, max_length=500)
    weekdays: tuple[Weekday, ...] = ()
    start: ClockTime | None = None
    end: ClockTime | None = None
    zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    begins: AwareDatetime | None = None
    ends: AwareDatetime | None = None

    @model_validator(mode="after")
    def _weekly_or_once(self) -> "FreezeWindow":
        weekly = bool(self.weekdays) and self.start is not None and self.end is not None
        once = self.begins is not None and self.ends is not None
        partly = bool(self.weekdays) or self.start is not None or self.end is not None
        if weekly == once or (once and partly):
            raise ValueError(f"freeze {self.id!r}: give weekdays, start and end, or else begins and ends")
        if once and self.begins is not None and self.ends is not None and self.begins >= self.ends:
            raise ValueError(f"freeze {self.id!r}: begins must lie before ends")
        return self

    def until(self, at: datetime) -> datetime | None:
        """When the window that holds this instant ends, in UTC; None outside every window."""
        if self.begins is not None and self.ends is not None:
            return self.ends.astimezone(UTC) if self.begins <= at < self.ends else None
        zone = ZoneInfo(self.zone)
        today = at.astimezone(zone).date()
        covering = (self._window(day, zone) for day in (today - timedelta(days=1), today))
        return max((end for start, end in covering if start <= at < end), default=None)

    def _window(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """The window that starts on this day; empty where it does not freeze that weekday."""
        assert self.start is not None
        assert self.end is not None
        start = min(_instants(day, self.start, zone))
        if WEEKDAYS[day.weekday()] not in self.weekdays:
            return start, start
        last = day if self.end > self.start else day + timedelta(days=1)
        return start, max(_instants(last, self.end, zone))


def _instants(day: date, clock: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Both readings of a time of day; they differ where clocks are put back (it comes twice) or forward (never)."""
    shown = datetime.combine(day, time.fromisoformat(clock), zone)
    return shown.astimezone(UTC), shown.replace(fold=1).astimezone(UTC)


def thawed_at(windows: Iterable[FreezeWindow], at: datetime) -> datetime | None:
    """The first instant from `at` on that lies in none of the windows; None if there is none within ten years."""
    windows, moment = tuple(windows), at
    while ends := [end for window in windows if (end := window.until(moment)) is not None]:
        moment = max(ends)
        if moment - at > _FURTHEST:
            return None
    return moment
