"""What a request declares to be watched after its change."""

from collections import Counter
from datetime import timedelta
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, FiniteFloat, model_validator

from voicehive.autonomy.outcomes.sources import MetricSource
from voicehive.model import Identifier, Model

LARGEST_BASELINE = 1_000
LARGEST_WINDOW = 5_000
"""At most so many readings, so that a state stays small enough to be carried in a workflow's history."""

Reading: TypeAlias = Annotated[float, Field(ge=-1e100, le=1e100)]
"""A finite number in the metric's unit; a larger magnitude is no measurement, and its square would overflow."""


class GuardRail(Model):
    """A hard limit: `in_a_row` readings worse than `limit`, one after another, are bad at once."""

    limit: FiniteFloat
    in_a_row: Annotated[int, Field(ge=1, le=100)] = 1


class WatchedMetric(Model):
    """A metric, and the smallest worsening that matters.

    `direction` is where better lies. `planned_degradation` (in `unit`, more than 0) is the worsening that the test is
    planned to find; a metric is good once a worsening that large is ruled out.

    Readings are compared with those before the change: `baseline`, oldest first, or what the source itself knows of
    `OutcomeWatch.baseline_period`. For a canary, `source` reads the share that has the change and `control` the rest,
    at the same moments; what is tested is then their difference, `source` minus `control`, and `baseline` holds such
    differences from before the change.
    """

    name: Identifier
    source: MetricSource
    control: MetricSource | None = None
    direction: Literal["minimize", "maximize"]
    unit: Annotated[str, Field(max_length=40)] = ""
    planned_degradation: Annotated[float, Field(gt=0, le=1e100)]
    guard_rail: GuardRail | None = None
    baseline: Annotated[tuple[Reading, ...], Field(max_length=LARGEST_BASELINE)] = ()

    @property
    def sign(self) -> float:
        """1 where more is worse, -1 where less is: a reading times this is larger, the worse it is."""
        return 1.0 if self.direction == "minimize" else -1.0


class OutcomeWatch(Model):
    """Metrics to read every `interval` throughout `window`, and how surely the verdict must be right.

    `alpha` is the greatest probability that a change without effect is called bad, over all metrics and however often
    the verdict is looked at. `power` is how probably a planned degradation is to be found in a window that is long
    enough; of the rest, at most three quarters are called good (`miss`), the others stay unclear.
    A good verdict ends the watch once `least_window` has passed, so that what goes wrong slowly has time to.
    `readings_per_block` readings are averaged into one before they are tested; None: each is tested by itself. Readings
    that resemble their neighbours need not be averaged: each then counts for less, as those from before show.
    """

    metrics: Annotated[tuple[WatchedMetric, ...], Field(min_length=1, max_length=20)]
    window: Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(days=30))]
    interval: Annotated[timedelta, Field(ge=timedelta(seconds=1), le=timedelta(days=1))]
    least_window: Annotated[timedelta, Field(ge=timedelta(0))] = timedelta(0)
    baseline_period: Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(days=60))] | None = None
    alpha: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    power: Annotated[float, Field(ge=0.5, lt=1)] = 0.9
    readings_per_block: Annotated[int, Field(ge=1, le=1_000)] | None = None

    @property
    def readings(self) -> int:
        """How many readings of each metric the window holds."""
        return self.window // self.interval

    @property
    def alpha_per_metric(self) -> float:
        """Each metric's share of `alpha`, by Bonferroni's inequality, which holds whatever the dependence.

        Averaging the metrics' e-values would not do: each is one only given its own metric's ranks (Choe and Ramdas,
        "Combining evidence across filtrations", arXiv:2402.09698).
        """
        return self.alpha / len(self.metrics)

    @property
    def miss(self) -> float:
        """The greatest probability that a metric that is worse by its planned degradation is called good."""
        return 0.75 * (1 - self.power)

    def metric(self, name: str) -> WatchedMetric | None:
        """The metric of that name."""
        return next((metric for metric in self.metrics if metric.name == name), None)

    @model_validator(mode="after")
    def _consistent(self) -> "OutcomeWatch":
        names = Counter(metric.name for metric in self.metrics)
        if twice := [name for name, times in names.items() if times > 1]:
            raise ValueError(f"metrics: {', '.join(twice)} is declared more than once; give each its own name")
        if not 1 <= self.readings <= LARGEST_WINDOW:
            raise ValueError(
                f"window holds {self.readings} readings at this interval; "
                f"choose window and interval so that it holds 1 to {LARGEST_WINDOW}"
            )
        if self.least_window > self.window:
            raise ValueError("least_window is longer than window; shorten it")
        if self.baseline_period is not None and not 1 <= self.baseline_period // self.interval <= LARGEST_BASELINE:
            raise ValueError(f"baseline_period must hold 1 to {LARGEST_BASELINE} readings at this interval; change it")
        for metric in self.metrics:
            self._check_comparison(metric)
        return self

    def _check_comparison(self, metric: WatchedMetric) -> None:
        if metric.baseline or metric.control is not None:
            return
        if self.baseline_period is None:
            raise ValueError(
                f"metric {metric.name!r} has nothing to be compared with; give it a baseline or a control, "
                "or give the watch a baseline_period"
            )
        if metric.source.kind == "http":
            raise ValueError(
                f"metric {metric.name!r}: an http source knows only its present value, so baseline_period cannot be "
                "read from it; give the metric a baseline or a control"
            )
