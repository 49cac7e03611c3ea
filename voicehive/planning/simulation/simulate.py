"""The simulation as a whole: from goals and scenarios to forecasts with everything that bears on them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from voicehive.planning.scenarios import ScenarioSet
from voicehive.planning.score_tables import Floats
from voicehive.planning.simulation import influence
from voicehive.planning.simulation.conditional import Partition, partition, sums_by_bin
from voicehive.planning.simulation.distribution_statistics import Figures, Ordered, by_replicates
from voicehive.planning.simulation.errors import InvalidSimulation
from voicehive.planning.simulation.forecasts import QUANTILES, Forecasts, GoalFigures, Influences, Names
from voicehive.planning.simulation.inputs import Inputs, Size
from voicehive.planning.simulation.metrics import MetricModel
from voicehive.planning.simulation.result import SimulationResult
from voicehive.planning.simulation.stress_tests import StressTests
from voicehive.planning.simulation.targets import Expected, GoalTarget, margins, points_of, reached
from voicehive.planning.simulation.total_effects import total_effects

LEAST_SAMPLES, MOST_SAMPLES = 1_000, 1_000_000


def simulate(
    goals: Sequence[GoalTarget],
    scenarios: ScenarioSet,
    rng: np.random.Generator,
    *,
    samples: int = 100_000,
    expected: Expected | None = None,
    tail: float = 0.05,
) -> SimulationResult:
    """Simulate what becomes of the goals at their due periods.

    `samples` is the least number of joint draws, 1,000 to a million; `expected` are metrics' values by period without
    any scenario, else a goal's baseline holds; `tail` is the share of worst futures that the value at risk is about.
    Raises InvalidSimulation for what cannot be simulated so, and PlanningError for contradictory correlations.
    """
    _check(samples, tail)
    points = points_of(goals, expected or {})
    inputs = Inputs(scenarios)
    draws = inputs.draw(Size.holding(samples), rng)
    happens = inputs.happens(draws.chances)
    model = MetricModel(points, inputs)
    outcomes = model(inputs.values(draws.scores), happens)
    beyond = margins(goals, outcomes)
    hits = reached(goals, beyond)
    figures = _goal_figures(beyond, hits, draws.size, tail)
    _refuse_overflow(goals, figures)
    uncertain = list(inputs.uncertain)
    probabilities = np.array([inputs.scenarios[index].probability for index in uncertain])
    parts = partition(draws, happens[uncertain], probabilities)
    sums = _sums(parts, beyond, hits)
    variances = np.square(figures.sd.value)
    totals = total_effects(model, inputs, draws, variances, rng)
    influences = _influences(parts, sums, variances, totals)
    names = Names(inputs)
    stress = StressTests(names, parts, sums.counts.sum(axis=0), sums.hits.sum(axis=0), hits)
    found = [
        Forecasts(figures, influences, names).of(row, goal, stress.of(row, goal)) for row, goal in enumerate(goals)
    ]
    size = draws.size
    return SimulationResult(
        samples=size.samples,
        replicates=size.replicates,
        goals=tuple(found),
        notices=_notices(goals, scenarios, inputs, model),
    )


class _Sums(NamedTuple):
    """Sums by bin: of samples (R, F, B), and (R, F, B, G) of the margins less their means, and of targets reached."""

    counts: Floats
    centred: Floats
    hits: Floats
    means: Floats


def _check(samples: int, tail: float) -> None:
    if not LEAST_SAMPLES <= samples <= MOST_SAMPLES:
        remedy = f"choose {LEAST_SAMPLES:,} to {MOST_SAMPLES:,}"
        raise InvalidSimulation("samples", f"{samples:,} are too few or too many", remedy)
    if not 0.0 < tail < 1.0:
        raise InvalidSimulation("tail", f"{tail:g} is no share of futures", "choose one between 0 and 1, such as 0.05")


def _refuse_overflow(goals: Sequence[GoalTarget], figures: GoalFigures) -> None:
    for goal, spread in zip(goals, figures.sd.value, strict=True):
        if not np.isfinite(spread):
            problem = f"the values of {goal.metric} are too large to compute with"
            raise InvalidSimulation(f"goal {goal.id}", problem, "correct the impacts' sizes and drivers' distributions")


def _goal_figures(beyond: Floats, hits: Floats, size: Size, tail: float) -> GoalFigures:
    ordered = Ordered(beyond, size.replicates)
    return GoalFigures(
        probability=by_replicates(hits.reshape(len(hits), size.replicates, size.points).mean(axis=2)),
        mean=ordered.mean(),
        sd=ordered.standard_deviation(),
        quantiles=ordered.quantiles(QUANTILES),
        tail=tail,
        tail_quantile=Figures(*(figure[0] for figure in ordered.quantiles([tail]))),
        tail_mean=ordered.lower_tail_mean(tail),
        commitment=ordered.expected_excess(),
    )


def _sums(parts: Partition, beyond: Floats, hits: Floats) -> _Sums:
    means, goals = beyond.mean(axis=1), len(beyond)
    rows = np.empty((2 * goals + 1, beyond.shape[1]), dtype=np.float32)
    np.subtract(beyond, means[:, None], out=rows[:goals], casting="same_kind")
    rows[goals:-1], rows[-1] = hits, 1.0
    sums = sums_by_bin(parts, rows)
    return _Sums(sums[..., -1], sums[..., :goals], sums[..., goals:-1], means)


def _influences(parts: Partition, sums: _Sums, variances: Floats, totals: Figures) -> Influences:
    low, high = influence.conditional_means(parts, np.concatenate((sums.centred, sums.hits), axis=3), sums.counts)
    goals = len(variances)
    committed = sums.centred + sums.counts[..., None] * sums.means
    return Influences(
        margin_low=low[:, :goals] + sums.means,
        margin_high=high[:, :goals] + sums.means,
        probability_low=low[:, goals:].clip(0.0, 1.0),
        probability_high=high[:, goals:].clip(0.0, 1.0),
        first_order=influence.first_order_indices(parts, sums.centred, variances),
        total=totals,
        information=influence.information_values(parts, (np.zeros_like(committed), committed)),
    )


def _notices(
    goals: Sequence[GoalTarget], scenarios: ScenarioSet, inputs: Inputs, model: MetricModel
) -> tuple[str, ...]:
    notices = list(inputs.notices)
    waiting = [scenario.id for scenario in scenarios.scenarios if not scenario.counts]
    if waiting:
        notices.append(f"left out, as an AI proposed them and no person has accepted them yet: {', '.join(waiting)}")
    still = [goal.id for row, goal in enumerate(goals) if row not in model.moved]
    if still:
        notices.append(f"no scenario touches the metric of these goals by their due period: {', '.join(still)}")
    wanted = {goal.metric for goal in goals}
    unused = {impact.metric for scenario in inputs.scenarios for impact in scenario.impacts} - wanted
    if unused:
        notices.append(f"impacts on metrics of no goal do not count here: {', '.join(sorted(unused))}")
    if inputs.dependent:
        notices.append(
            "drivers are correlated: first-order indices, information and low-high means count what a driver tells "
            "through those it is correlated with; indices need not sum to 1"
        )
    return tuple(notices)
