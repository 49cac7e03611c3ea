"""Where a metric with a daily and a weekly rhythm goes from here, with intervals.

A day is its level plus a profile over its slots. The level is forecast by statsmodels' structural time series model
(Harvey 1989, "Forecasting, Structural Time Series Models and the Kalman Filter", chapter 4): a local level and fixed
weekday effects, whose Kalman filter steps over days without readings. The profile is the recent days' mean, half of it
that of the same weekday's. All this happens on the logarithm, or, where a reading is 0, on Anscombe's (1948) square
root, so that the spread hardly depends on the level; where there are negative readings, on the readings themselves.

The intervals are empirical quantiles of the errors that the same method made one day ahead on the days before. Every
such error is measured with a profile from earlier days only; the level's variances and weekday effects are the only
figures estimated on the whole history.
"""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import warnings
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from voicehive.model import Model
from voicehive.planning.errors import SeriesUnusable
from voicehive.planning.tracking.rhythm import Arranged, Rhythm

Floats: TypeAlias = NDArray[np.float64]
Scale: TypeAlias = Literal["logarithm", "square_root", "identity"]

LONGEST_HISTORY = 250
"""Days that are looked at: older ones say little, and cost time."""
_PROFILE_DAYS = 20
_PROFILE_WEEKS = 6
_ERROR_DAYS = 60
_FEWEST_ERROR_DAYS = 8


class ForecastPoint(Model):
    """The median and the interval of one slot, in the metric's unit."""

    at: datetime
    median: float
    low: float
    high: float


class MetricForecast(Model):
    """A metric's slots to come; each lies within its interval with probability `coverage`."""

    coverage: Annotated[float, Field(gt=0, lt=1)]
    scale: Scale
    points: tuple[ForecastPoint, ...]


class _Transform(NamedTuple):
    scale: Scale
    forward: Callable[[Floats], Floats]
    back: Callable[[Floats], Floats]


def _anscombe(readings: Floats) -> Floats:
    return np.sqrt(readings + 3 / 8)


def _from_anscombe(roots: Floats) -> Floats:
    return np.maximum(np.maximum(roots, 0.0) ** 2 - 3 / 8, 0.0)


_LOGARITHM = _Transform("logarithm", np.log, np.exp)
_SQUARE_ROOT = _Transform("square_root", _anscombe, _from_anscombe)
_IDENTITY = _Transform("identity", np.array, np.array)


class _Levels(NamedTuple):
    """Days' levels one step ahead: `errors` (D,) on past days; `ahead` (H,) and its variances for the days to come."""

    errors: Floats
    ahead: Floats
    variances: Floats


def forecast_metric(rhythm: Rhythm, history: Arranged, days_ahead: int = 1, coverage: float = 0.8) -> MetricForecast:
    """Forecast the slots of the next `days_ahead` open days of the rhythm after the history's last day.

    Raises:
        SeriesUnusable: the history is too short for the errors that the intervals are made of, or `days_ahead` is
            less than 1.
    """
    week = len(rhythm.weekdays)
    burn_in = max(2 * week, _FEWEST_ERROR_DAYS)
    values = history.values[-LONGEST_HISTORY:]
    with_readings = int(np.isfinite(values).any(axis=1).sum())
    if with_readings < burn_in + _FEWEST_ERROR_DAYS:
        needed = burn_in + _FEWEST_ERROR_DAYS
        raise SeriesUnusable("history", f"holds {with_readings} days", f"give at least {needed} days with readings")
    if days_ahead < 1:
        raise SeriesUnusable("days_ahead", f"is {days_ahead}", "ask for at least one day")
    days = rhythm.open_days_after(history.days[-1], days_ahead)
    transform = _transform_for(values)
    centre, low, high = _ahead(transform.forward(values), week, burn_in, len(days), coverage)
    median, low, high = (transform.back(each) for each in (centre, low, high))
    points = tuple(
        ForecastPoint(at=rhythm.moment(day, slot), median=median[row, slot], low=low[row, slot], high=high[row, slot])
        for row, day in enumerate(days)
        if day not in rhythm.closed
        for slot in range(rhythm.slots)
    )
    return MetricForecast(coverage=coverage, scale=transform.scale, points=points)


def _transform_for(values: Floats) -> _Transform:
    least = np.nanmin(values)
    return _LOGARITHM if least > 0 else _SQUARE_ROOT if least == 0 else _IDENTITY


def _ahead(readings: Floats, week: int, burn_in: int, ahead: int, coverage: float) -> tuple[Floats, Floats, Floats]:
    """The centre and the bounds, each (H, S), on the scale of the readings (D, S)."""
    level, shape = _decompose(readings)
    levels = _forecast_levels(level, week, ahead)
    days = len(readings)
    past = range(burn_in, days)
    errors = np.array([levels.errors[day] + shape[day] - _profile(shape, day, day, week) for day in past])
    centre = np.array([levels.ahead[row] + _profile(shape, days, days + row, week) for row in range(ahead)])
    errors = errors[np.isfinite(errors).any(axis=1)][-_ERROR_DAYS:]
    spread = np.sqrt(np.nanmean(errors**2, axis=0))
    spread[~(spread > 0)] = np.nanmax(spread, initial=0.0) or 1e-9
    low, high = _bounds(errors / spread, coverage)
    # A day further off is less certain by what the level's variance grows; the profile's part stays.
    total = float(np.nanmean(errors**2))
    widening = np.sqrt(1 + np.maximum(levels.variances - levels.variances[0], 0.0) / max(total, 1e-18))
    width = widening[:, None] * spread
    return centre, centre + low * width, centre + high * width


def _decompose(readings: Floats) -> tuple[Floats, Floats]:
    """Each day's level (D,) and its shape around that (D, S); a day's missing slots do not shift its level."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # days without any reading
        usual = np.nanmean(readings - np.nanmean(readings, axis=1, keepdims=True), axis=0)
        level = np.nanmean(readings - usual, axis=1)
    return level, readings - level[:, None]


def _profile(shape: Floats, before: int, day: int, week: int) -> Floats:
    """The shape (S,) to expect on a day, from the days before `before` only."""
    recent = shape[max(0, before - _PROFILE_DAYS) : before]
    alike = shape[day % week : before : week][-_PROFILE_WEEKS:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # slots without any reading
        overall = np.nan_to_num(np.nanmean(recent, axis=0))
        own = np.nanmean(alike, axis=0)
    return 0.5 * overall + 0.5 * np.where(np.isfinite(own), own, overall)


def _forecast_levels(level: Floats, week: int, ahead: int) -> _Levels:
    from statsmodels.tsa.statespace.structural import UnobservedComponents  # noqa: PLC0415 - two seconds to import

    # In units of its own spread, from which the optimiser starts well.
    unit = float(np.nanstd(level)) or 1.0
    offset = float(np.nanmean(level))
    season = week if week > 1 else None
    kind: Any = "llevel"  # declared as a flag only
    model = UnobservedComponents((level - offset) / unit, level=kind, seasonal=season, stochastic_seasonal=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a variance estimated at 0 is no failure, but is warned of
        fitted: Any = model.fit(disp=False, maxiter=50)
    forecast = fitted.get_forecast(ahead)
    errors = np.asarray(fitted.filter_results.forecasts_error[0]) * unit
    return _Levels(
        np.where(np.isfinite(level), errors, np.nan),
        np.asarray(forecast.predicted_mean) * unit + offset,
        np.asarray(forecast.var_pred_mean) * unit**2,
    )


def _bounds(scores: Floats, coverage: float) -> tuple[float, float]:
    """Quantiles of the scores (D, S) between which a new one lies.

    Pooled over days and slots (Dunn, Wasserman and Ramdas 2023, "Distribution-free prediction sets for two-layer
    hierarchical models") and not moved outward for few days: right in the long run, with no guarantee for so many.
    """
    pooled = scores[np.isfinite(scores)]
    low, high = np.quantile(pooled, [(1 - coverage) / 2, (1 + coverage) / 2])
    return float(low), float(high)
