"""Finds the rows of a very large table that matter, without comparing each with each."""

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.arrays import Floats
from voicehive.optimization.choice import achievement, choose, weights_of
from voicehive.optimization.evaluation import Evaluation
from voicehive.optimization.evolution.population import Population
from voicehive.optimization.front import scaled

_COMPARABLE = 2_000
_ROWS_AT_ONCE = 4_096


def best_rows(population: Population, current: Population, evaluation: Evaluation) -> Population:
    """At most 2,000 rows are kept as they are; of more, those that are best for some preference.

    These are the minima of the augmented Chebyshev achievement over `front_size` weightings, drawn evenly from the
    simplex, with those best in a single objective, and the one that will be chosen. Each is Pareto-optimal, and every
    properly Pareto-optimal row is best for some weighting (Steuer & Choo 1983, "An interactive weighted Tchebycheff
    procedure for multiple objective programming"). While nothing is feasible, the least violating rows.
    """
    if len(population.points) <= _COMPARABLE:
        return population
    problem, violations = evaluation.problem, population.violations
    if violations.min() > 0.0:
        return population.take(np.sort(np.argsort(violations, kind="stable")[:_COMPARABLE]))
    feasible = population.take(violations == 0.0)
    today = evaluation.values(current)[0] if len(current.points) else None
    deviations = evaluation.deviations(feasible)
    chosen = choose(evaluation.values(feasible), feasible.violations, today, problem.objectives, deviations).chosen
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
