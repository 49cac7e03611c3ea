"""What a simulation found, for people and programs."""

from typing import Literal

from pydantic import FiniteFloat

from voicehive.model import Identifier, Model
from voicehive.planning.metric_name import MetricName


class Estimate(Model):
    """An estimated figure and its standard error."""

    value: FiniteFloat
    standard_error: FiniteFloat


class Quantile(Model):
    """The metric's value that is not exceeded with `probability`."""

    probability: FiniteFloat
    metric: Estimate


class Tail(Model):
    """The worst `share` of futures, as shortfall from the target in the metric's unit; below 0 the target is passed.

    `value_at_risk` is the least shortfall among them, `conditional_value_at_risk` the mean one.
    """

    share: FiniteFloat
    value_at_risk: Estimate
    conditional_value_at_risk: Estimate


class Influence(Model):
    """How one uncertain input bears on one goal.

    `metric_low` and `metric_high` are the metric's mean where a driver is at its p10 and p90, or where a scenario does
    not and does happen; likewise the probabilities of reaching the target. Other inputs vary as they do then.
    `first_order` is the share of the metric's variance that knowing this input alone removes, `total` the share that
    stays where all others are known; `total` is None where it was not computed. `information` is what knowing the input
    is worth before committing to the goal, in the metric's unit (see `commitment`).
    """

    input: str
    kind: Literal["driver", "scenario"]
    metric_low: FiniteFloat
    metric_high: FiniteFloat
    probability_low: FiniteFloat
    probability_high: FiniteFloat
    first_order: Estimate
    total: Estimate | None
    information: Estimate


class Condition(Model):
    """A driver within `low`..`high` (None: no bound on that side), or a scenario that `happens` or not."""

    input: str
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    happens: bool | None = None


class Shift(Model):
    """How an input differs where the goal is missed: the greatest difference of the distribution functions, 0 to 1.

    `usual` and `when_missed` are a driver's medians, or the probability of a scenario.
    """

    input: str
    distance: FiniteFloat
    usual: FiniteFloat
    when_missed: FiniteFloat


class StressTest(Model):
    """What must be true to miss: where all `conditions` hold, the goal is missed with `miss_probability`.

    That is so in `share_of_futures`, and holds `share_of_misses`. `shifts` are the most telling inputs, that first.
    """

    conditions: tuple[Condition, ...]
    miss_probability: FiniteFloat
    share_of_futures: FiniteFloat
    share_of_misses: FiniteFloat
    shifts: tuple[Shift, ...]
    explanation: str


class GoalForecast(Model):
    """What becomes of one goal at its due date.

    `commitment` is the expected value of perfect information about everything, for who may commit to the goal or not,
    where committing wins or loses as much as the metric ends beyond or short of the target, in the metric's unit.
    """

    goal: Identifier
    metric: MetricName
    due: int
    probability: Estimate
    mean: Estimate
    sd: Estimate
    quantiles: tuple[Quantile, ...]
    tail: Tail
    commitment: Estimate
    influences: tuple[Influence, ...]
    stress: StressTest | None


class SimulationResult(Model):
    """All goals' forecasts, in the order given; `notices` say what was assumed, changed or left out."""

    samples: int
    replicates: int
    goals: tuple[GoalForecast, ...]
    notices: tuple[str, ...]


class Fan(Model):
    """A metric over all periods: for each of `probabilities` a row of its quantiles, period by period."""

    metric: MetricName
    probabilities: tuple[FiniteFloat, ...]
    quantiles: tuple[tuple[FiniteFloat, ...], ...]
    mean: tuple[FiniteFloat, ...]
