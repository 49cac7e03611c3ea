"""Finds the rows of a very large table that matter, without comparing each with each."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.arrays import Floats
from voicehive.optimization.choice import Measure, achievement, choose, weights_of
from voicehive.optimization.evaluation import Evaluation
from voicehive.optimization.evolution.population import Population
from voicehive.optimization.front import non_dominated, scaled

_COMPARABLE = 2_000
_SORTED_ROWS, _SORTED_OBJECTIVES = 10_000, 3
_ROWS_AT_ONCE = 4_096


class BestRows(NamedTuple):
    """Rows that hold all that nothing dominates, or only a `selection` of them."""

    rows: Population
    selection: bool


def measure_of(evaluation: Evaluation) -> Measure:
    """What the problem's strategy makes least when it chooses."""
    return "weighted_sum" if evaluation.problem.strategy == "weighted_sum" else "achievement"


def best_rows(population: Population, current: Population, evaluation: Evaluation) -> BestRows:
    """At most 2,000 rows are kept as they are; of more, the non-dominated, or those that are best for some preference.

    Which rows are non-dominated is found out for up to 10,000 rows, or up to 3 objectives; there have to be no more
    than 2,000 of these, or than the front may hold. Otherwise the minima of the augmented Chebyshev achievement over
    `front_size` weightings stand for them, drawn evenly from the simplex, with those best in a single objective, and
    the one that will be chosen. Each is Pareto-optimal, and every properly Pareto-optimal row is best for some
    weighting (Steuer & Choo 1983, "An interactive weighted Tchebycheff procedure for multiple objective programming").
    While nothing is feasible, the least violating rows.
    """
    if len(population.points) <= _COMPARABLE:
        return BestRows(population, False)
    problem, violations = evaluation.problem, population.violations
    if violations.min() > 0.0:
        least = np.sort(np.argsort(violations, kind="stable")[:_COMPARABLE])
        return BestRows(population.take(least), False)
    feasible = population.take(violations == 0.0)
    if len(feasible.points) <= _SORTED_ROWS or feasible.objectives.shape[1] <= _SORTED_OBJECTIVES:
        feasible = feasible.take(non_dominated(feasible.objectives))
    if len(feasible.points) <= max(_COMPARABLE, problem.front_size):
        return BestRows(feasible, False)
    return BestRows(_preferred(feasible, current, evaluation), True)


def _preferred(feasible: Population, current: Population, evaluation: Evaluation) -> Population:
    problem = evaluation.problem
    today = evaluation.values(current)[0] if len(current.points) else None
    deviations = evaluation.deviations(feasible)
    values, measure = evaluation.values(feasible), measure_of(evaluation)
    chosen = choose(values, feasible.violations, today, problem.objectives, deviations, measure=measure).chosen
    points = scaled(feasible.objectives, feasible.objectives)
    rng = np.random.default_rng(problem.seed)
    weights = rng.dirichlet(np.ones(points.shape[1]), problem.front_size)
    weights = np.concatenate([weights, weights_of(problem.objectives)[None, :]])
    rows = [chosen, *points.argmin(axis=0).tolist(), *_minima(points, weights).tolist()]
    return feasible.take(np.unique(rows))


def _minima(points: Floats, weights: Floats) -> NDArray[np.intp]:
    """The row with the least achievement for each weighting (W, M): (W,)."""
    least = np.full(len(weights), np.inf)
    rows = np.zeros(len(weights), dtype=np.intp)
    for start in range(0, len(points), _ROWS_AT_ONCE):
        achieved = achievement(points[start : start + _ROWS_AT_ONCE], weights)
        best = achieved.argmin(axis=0)
        found = achieved[best, np.arange(len(weights))]
        better = found < least
        least[better], rows[better] = found[better], best[better] + start
    return rows
