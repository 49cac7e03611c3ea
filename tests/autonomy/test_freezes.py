"""Freeze windows by the clocks of a zone, against the zone database's known transitions."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicehive.autonomy.freezes import WEEKDAYS, FreezeWindow, thawed_at

BERLIN = ZoneInfo("Europe/Berlin")


def window(**fields: Any) -> FreezeWindow:
    return FreezeWindow.model_validate({"id": "w", **fields})


def weekly(weekdays: tuple[str, ...], start: str, end: str, zone: str = "Europe/Berlin") -> FreezeWindow:
    return window(weekdays=weekdays, start=start, end=end, zone=zone)


@pytest.mark.parametrize(
    ("local", "frozen"),
    [
        ("2026-11-27T21:59:59", False),
        ("2026-11-27T22:00:00", True),
        ("2026-11-28T05:59:59", True),
        ("2026-11-28T06:00:00", False),
        ("2026-11-26T23:00:00", False),
    ],
)
def test_a_window_past_midnight_belongs_to_the_day_on_which_it_starts(local: str, frozen: bool) -> None:
    friday_night = weekly(("fri",), "22:00", "06:00")
    at = datetime.fromisoformat(local).replace(tzinfo=BERLIN)
    assert (friday_night.until(at) is not None) is frozen


def test_it_ends_by_the_zones_clock_across_a_change_of_clocks() -> None:
    # Berlin put its clocks forward on 29 March 2026 at 02:00 and puts them back on 25 October 2026 at 03:00.
    night = weekly(("sat",), "22:00", "06:00")
    spring, autumn = datetime(2026, 3, 28, 21, 30, tzinfo=UTC), datetime(2026, 10, 24, 20, 30, tzinfo=UTC)
    assert night.until(spring) == datetime(2026, 3, 29, 4, tzinfo=UTC)
    assert night.until(autumn) == datetime(2026, 10, 25, 5, tzinfo=UTC)


def test_an_hour_that_comes_twice_is_frozen_both_times() -> None:
    hour = weekly(("sun",), "02:00", "02:30")
    for minutes, frozen in ((-1, False), (0, True), (29, True), (60, True), (89, True), (90, False)):
        at = datetime(2026, 10, 25, 0, 0, tzinfo=UTC) + timedelta(minutes=minutes)
        assert (hour.until(at) is not None) is frozen, minutes


def test_once_between_two_instants() -> None:
    once = window(begins=datetime(2026, 12, 20, tzinfo=BERLIN), ends=datetime(2027, 1, 4, 6, tzinfo=BERLIN))
    assert once.until(datetime(2026, 12, 19, 22, 59, 59, tzinfo=UTC)) is None
    assert once.until(datetime(2026, 12, 19, 23, tzinfo=UTC)) == datetime(2027, 1, 4, 5, tzinfo=UTC)
    assert once.until(datetime(2027, 1, 4, 5, tzinfo=UTC)) is None


def test_windows_that_follow_one_another_thaw_at_the_end_of_the_last() -> None:
    windows = [weekly((day,), "00:00", "00:00", "UTC") for day in ("sat", "sun")]
    assert thawed_at(windows, datetime(2026, 11, 28, 3, tzinfo=UTC)) == datetime(2026, 11, 30, tzinfo=UTC)
    assert thawed_at(windows, datetime(2026, 11, 27, 3, tzinfo=UTC)) == datetime(2026, 11, 27, 3, tzinfo=UTC)
    assert thawed_at([weekly(WEEKDAYS, "00:00", "00:00", "UTC")], datetime(2026, 11, 27, tzinfo=UTC)) is None


@given(
    at=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Pacific/Apia"]),
    start=st.integers(0, 24 * 60 - 1),
    end=st.integers(0, 24 * 60 - 1),
    days=st.sets(st.sampled_from(WEEKDAYS), min_size=1),
)
def test_membership_is_what_the_local_clock_says(at: Any, zone: str, start: int, end: int, days: set[str]) -> None:
    """Except on days on which clocks change, where a local time names no one instant."""
    local = at.astimezone(ZoneInfo(zone))
    if len({(local + timedelta(days=away)).utcoffset() for away in (-2, -1, 0, 1, 2)}) > 1:
        return
    begin, finish = (f"{minutes // 60:02d}:{minutes % 60:02d}" for minutes in (start, end))
    frozen = weekly(tuple(sorted(days)), begin, finish, zone)
    clock, today = local.hour * 60 + local.minute, WEEKDAYS[local.weekday()]
    yesterday = WEEKDAYS[(local.weekday() - 1) % 7]
    if start < end:
        expected = today in days and start <= clock < end
    else:
        expected = (today in days and clock >= start) or (yesterday in days and clock < end)
    assert (frozen.until(at) is not None) == expected


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "give weekdays, start and end, or else begins and ends"),
        ({"weekdays": ["sat"], "start": "10:00"}, "give weekdays, start and end"),
        ({"start": "10:00", "end": "11:00"}, "give weekdays, start and end"),
        ({"weekdays": ["sat"], "start": 1320, "end": "11:00"}, 'in quotes, for example "22:00"'),
        ({"weekdays": ["sat"], "start": "24:00", "end": "11:00"}, "should match pattern"),
        ({"weekdays": ["sat"], "start": "10:00", "end": "11:00", "zone": "Mars/Olympus"}, "is no time zone"),
        ({"weekdays": ["sat"], "start": "10:00", "end": "11:00", "zone": "../etc/passwd"}, "is no time zone"),
        ({"begins": "2026-01-01T00:00:00", "ends": "2026-01-02T00:00:00Z"}, "timezone"),
        ({"begins": "2026-01-03T00:00:00Z", "ends": "2026-01-02T00:00:00Z"}, "begins must lie before ends"),
    ],
)
def test_what_is_no_window_is_refused(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match="FreezeWindow") as error:
        FreezeWindow.model_validate_json(json.dumps({"id": "w", **fields}))
    assert told in str(error.value)
