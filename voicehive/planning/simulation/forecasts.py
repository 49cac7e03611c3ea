"""Puts arrays of figures into the models of the result."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from voicehive.planning.score_tables import Floats
from voicehive.planning.simulation.distribution_statistics import Figures
from voicehive.planning.simulation.inputs import Inputs
from voicehive.planning.simulation.result import Estimate, GoalForecast, Influence, Quantile, StressTest, Tail
from voicehive.planning.simulation.targets import GoalTarget

QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
"""The probabilities of the quantiles reported; symmetrical, as those of a margin are read backwards for a minimum."""


class Names:
    """The names of the inputs (F): drivers, then the uncertain scenarios."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self.drivers = len(inputs.names)
        self.all = (*inputs.names, *(inputs.scenarios[index].id for index in inputs.uncertain))

    def __len__(self) -> int:
        return len(self.all)


class GoalFigures(NamedTuple):
    """What is known of G goals' margins: figures (G,), quantiles (Q, G)."""

    probability: Figures
    mean: Figures
    sd: Figures
    quantiles: Figures
    tail: float
    tail_quantile: Figures
    tail_mean: Figures
    commitment: Figures


class Influences(NamedTuple):
    """What is known of F inputs' influence on G goals' margins: everything (F, G)."""

    margin_low: Floats
    margin_high: Floats
    probability_low: Floats
    probability_high: Floats
    first_order: Figures
    total: Figures
    information: Figures


class Forecasts(NamedTuple):
    """All that is known of G goals, of which each goal's forecast is made."""

    figures: GoalFigures
    influences: Influences
    names: Names

    def of(self, row: int, goal: GoalTarget, stress: StressTest | None) -> GoalForecast:
        """Make the forecast of the goal in the given row."""
        figures = self.figures
        return GoalForecast(
            goal=goal.id,
            metric=goal.metric,
            due=goal.due,
            probability=_estimate(figures.probability, row),
            mean=_metric(goal, _estimate(figures.mean, row)),
            sd=_estimate(figures.sd, row),
            quantiles=tuple(_quantiles(row, goal, figures.quantiles)),
            tail=Tail(
                share=figures.tail,
                value_at_risk=_negative(_estimate(figures.tail_quantile, row)),
                conditional_value_at_risk=_negative(_estimate(figures.tail_mean, row)),
            ),
            commitment=_estimate(figures.commitment, row),
            influences=_influences(row, goal, self.influences, self.names),
            stress=stress,
        )


def _estimate(figures: Figures, *place: int) -> Estimate:
    return Estimate(value=float(figures.value[place]), standard_error=float(figures.standard_error[place]))


def _metric(goal: GoalTarget, margin: Estimate) -> Estimate:
    return Estimate(value=goal.target + goal.sign * margin.value, standard_error=margin.standard_error)


def _negative(estimate: Estimate) -> Estimate:
    return Estimate(value=-estimate.value, standard_error=estimate.standard_error)


def _quantiles(row: int, goal: GoalTarget, figures: Figures) -> Iterable[Quantile]:
    places = range(len(QUANTILES)) if goal.sign > 0 else reversed(range(len(QUANTILES)))
    for probability, place in zip(QUANTILES, places, strict=True):
        yield Quantile(probability=probability, metric=_metric(goal, _estimate(figures, place, row)))


def _influences(row: int, goal: GoalTarget, influences: Influences, names: Names) -> tuple[Influence, ...]:
    order = np.argsort(-influences.first_order.value[:, row], kind="stable")
    low, high = (goal.target + goal.sign * one[:, row] for one in (influences.margin_low, influences.margin_high))
    return tuple(
        Influence(
            input=names.all[place],
            kind="driver" if place < names.drivers else "scenario",
            metric_low=float(low[place]),
            metric_high=float(high[place]),
            probability_low=float(influences.probability_low[place, row]),
            probability_high=float(influences.probability_high[place, row]),
            first_order=_estimate(influences.first_order, place, row),
            total=_estimate(influences.total, place, row),
            information=_estimate(influences.information, place, row),
        )
        for place in map(int, order)
    )
