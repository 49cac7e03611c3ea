from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest
from pydantic import ValidationError

from voicehive.planning.errors import SeriesUnusable
from voicehive.planning.tracking import metric_forecast as module
from voicehive.planning.tracking.metric_forecast import forecast_metric
from voicehive.planning.tracking.rhythm import Rhythm, arrange

pytest.importorskip("statsmodels", reason="statsmodels is not installed")

HALF_HOURS = Rhythm(step=timedelta(minutes=30), slots=20, day_start=time(8), weekdays=(0, 1, 2, 3, 4))
DAILY = Rhythm(step=timedelta(days=1), slots=1)
MONDAY = date(2026, 3, 2)


def made_up(rhythm: Rhythm, days: int, generator: np.random.Generator, *, scale: float = 200.0):
    """Poisson counts with a daily profile, weekday effects and a wandering level; and their true means."""
    dates = rhythm.days(MONDAY, MONDAY + timedelta(days=2 * days))[:days]
    profile = 1 + 0.5 * np.sin(np.linspace(0, np.pi, rhythm.slots))
    weekday = np.array([1.2, 1.0, 0.95, 0.95, 1.0, 0.6, 0.5])[[day.weekday() for day in dates]]
    level = np.exp(np.cumsum(generator.normal(0, 0.02, days)))
    means = scale * np.outer(level * weekday, profile)
    return dates, generator.poisson(means).astype(float), means


def readings(rhythm, dates, values):
    return [
        (rhythm.moment(day, slot), values[row, slot]) for row, day in enumerate(dates) for slot in range(rhythm.slots)
    ]


def test_readings_find_their_place_in_any_order():
    day = MONDAY
    shuffled = [
        (HALF_HOURS.moment(day + timedelta(days=1), 0), 3.0),
        (HALF_HOURS.moment(day, 1), 2.0),
        (HALF_HOURS.moment(day, 1) + timedelta(minutes=5), 9.0),
        (HALF_HOURS.moment(day, 0), 1.0),
        (HALF_HOURS.moment(day, 2), None),
        (datetime(2026, 3, 7, 12, tzinfo=UTC), 5.0),  # a Saturday
        (datetime(2026, 3, 2, 7, 59, tzinfo=UTC), 5.0),
    ]
    arranged = arrange(HALF_HOURS, shuffled)
    assert arranged.days == [day, day + timedelta(days=1)]
    np.testing.assert_array_equal(arranged.values[:, :3], [[1, 2, np.nan], [3, np.nan, np.nan]])
    assert (arranged.repeated, arranged.outside) == (1, 2)


def test_local_time_counts_when_the_clocks_change():
    berlin = HALF_HOURS.model_copy(update={"zone": "Europe/Berlin"})
    for day in (date(2026, 3, 27), date(2026, 3, 30)):
        assert berlin.place(berlin.moment(day, 4)) == berlin.place(berlin.moment(day, 4).astimezone(UTC)) == (day, 4)
    assert berlin.moment(date(2026, 3, 27), 0).astimezone(UTC).hour == 7
    assert berlin.moment(date(2026, 3, 30), 0).astimezone(UTC).hour == 6


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"slots": 33}, "run past midnight"),
        ({"weekdays": (1, 0)}, "are not in order"),
        ({"zone": "Mars/Olympus"}, "is unknown"),
    ],
)
def test_a_rhythm_that_makes_no_sense_is_refused(changes, said):
    with pytest.raises(ValidationError, match=said):
        Rhythm(**(HALF_HOURS.model_dump() | changes))


def test_the_forecast_does_not_see_the_future():
    dates, values, _ = made_up(HALF_HOURS, 60, np.random.default_rng(1))
    tampered = values.copy()
    tampered[50:] *= 7
    both = [
        forecast_metric(HALF_HOURS, arrange(HALF_HOURS, readings(HALF_HOURS, dates[:50], each)))
        for each in (values, tampered)
    ]
    assert both[0] == both[1]


def test_no_error_of_the_past_is_measured_with_a_profile_that_knew_the_day(monkeypatch):
    asked = []
    profile = module._profile

    def spy(shape, before, day, week):
        asked.append((before, day))
        return profile(shape, before, day, week)

    monkeypatch.setattr(module, "_profile", spy)
    dates, values, _ = made_up(HALF_HOURS, 40, np.random.default_rng(1))
    forecast_metric(HALF_HOURS, arrange(HALF_HOURS, readings(HALF_HOURS, dates, values)), 2)
    assert all(before <= day for before, day in asked)
    assert {day for _, day in asked} == set(range(10, 42))
    shape = np.random.default_rng(2).normal(size=(40, 20))
    later = np.vstack([shape[:30], shape[30:] * 9])
    np.testing.assert_array_equal(profile(shape, 30, 33, 5), profile(later, 30, 33, 5))


def test_intervals_hold_what_they_promise_and_medians_beat_last_week():
    generator = np.random.default_rng(4)
    within, ours, naive = [], [], []
    for _ in range(12):
        dates, values, _ = made_up(HALF_HOURS, 56, generator)
        history = arrange(HALF_HOURS, readings(HALF_HOURS, dates[:55], values))
        points = forecast_metric(HALF_HOURS, history).points
        assert [point.at for point in points] == [HALF_HOURS.moment(dates[55], slot) for slot in range(20)]
        within += [point.low <= one <= point.high for point, one in zip(points, values[55], strict=True)]
        ours.append(np.abs(values[55] - [point.median for point in points]).mean())
        naive.append(np.abs(values[55] - values[50]).mean())
    assert 0.7 <= np.mean(within) <= 0.9
    assert np.mean(ours) < 0.8 * np.mean(naive)


def test_gaps_and_closed_days_do_no_harm():
    generator = np.random.default_rng(6)
    dates, values, means = made_up(HALF_HOURS, 60, generator)
    kept = [
        reading
        for reading in readings(HALF_HOURS, dates, values)
        if reading[0].date() != dates[40] and generator.random() > 0.2
    ]
    coming = HALF_HOURS.open_days_after(dates[-1], 3)
    rhythm = Rhythm(**(HALF_HOURS.model_dump() | {"closed": frozenset({coming[0]})}))
    points = forecast_metric(rhythm, arrange(rhythm, kept), 2).points
    assert [point.at.date() for point in points[::20]] == coming[1:3]
    usual = means[:, 10].mean()
    assert all(0.6 * usual < point.median < 1.6 * usual for point in points[10::20])


def test_intervals_widen_with_the_distance():
    dates, values, _ = made_up(HALF_HOURS, 80, np.random.default_rng(8))
    points = forecast_metric(HALF_HOURS, arrange(HALF_HOURS, readings(HALF_HOURS, dates, values)), 10).points
    widths = np.array([np.log(point.high / point.low) for point in points]).reshape(10, 20).mean(axis=1)
    assert (np.diff(widths) >= -1e-9).all()
    assert widths[-1] > 1.1 * widths[0]


@pytest.mark.parametrize(
    ("scale", "shift", "named"), [(200, 0, "logarithm"), (1, 0, "square_root"), (9, -99, "identity")]
)
def test_days_without_slots_and_counts_near_zero_are_forecast_on_their_scale(scale, shift, named):
    dates, values, _ = made_up(DAILY, 90, np.random.default_rng(3), scale=scale)
    forecast = forecast_metric(DAILY, arrange(DAILY, readings(DAILY, dates, values + shift)), 7)
    assert forecast.scale == named
    assert len(forecast.points) == 7
    assert all(point.low <= point.median <= point.high for point in forecast.points)


def test_a_constant_stays_constant():
    dates = DAILY.days(MONDAY, MONDAY + timedelta(days=60))
    points = forecast_metric(DAILY, arrange(DAILY, [(DAILY.moment(day, 0), 5.0) for day in dates])).points
    assert points[0].median == pytest.approx(5.0, rel=1e-3)


def test_what_cannot_be_forecast_says_how_much_is_needed():
    dates, values, _ = made_up(HALF_HOURS, 17, np.random.default_rng(1))
    with pytest.raises(SeriesUnusable, match="holds 17 days; give at least 18 days"):
        forecast_metric(HALF_HOURS, arrange(HALF_HOURS, readings(HALF_HOURS, dates, values)))
    with pytest.raises(SeriesUnusable, match="no number within the rhythm"):
        arrange(HALF_HOURS, [(datetime(2026, 3, 7, tzinfo=UTC), 1.0)])
