"""Watches and readings that the tests of outcomes share."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from voicehive.autonomy.outcomes.observation import observe
from voicehive.autonomy.outcomes.points import MetricPoint
from voicehive.autonomy.outcomes.sources import StoreSource
from voicehive.autonomy.outcomes.state import WatchState
from voicehive.autonomy.outcomes.watch import OutcomeWatch, WatchedMetric

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
SERIES = StoreSource(kind="store", series="answer_time")


def metric(**changes: Any) -> WatchedMetric:
    terms: dict[str, Any] = {
        "name": "answer_time",
        "source": SERIES,
        "direction": "minimize",
        "unit": "s",
        "planned_degradation": 0.5,
        "baseline": range(40),
    }
    terms |= changes
    return WatchedMetric.model_validate(terms | {"baseline": tuple(map(float, terms["baseline"]))})


def watch(*metrics: WatchedMetric, **changes: Any) -> OutcomeWatch:
    terms = {"window": timedelta(minutes=100), "interval": timedelta(minutes=1)} | changes
    return OutcomeWatch(metrics=metrics or (metric(),), **terms)


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


def fold(
    declared: OutcomeWatch, state: WatchState, values: Iterable[float | None], name: str = "answer_time", first: int = 0
) -> WatchState:
    return observe(
        declared, state, [MetricPoint.of(name, minute(first + number), value) for number, value in enumerate(values)]
    )
