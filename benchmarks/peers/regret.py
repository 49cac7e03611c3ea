"""How much those lose who choose, by preferences unknown to the search, from what a method returned."""

from collections.abc import Mapping
from typing import NamedTuple

import moocore
import numpy as np

from benchmarks.peers.hundred_objectives import MixedFactors, Sphere
from benchmarks.peers.run import Floats

HELD_OUT = 1_000
_SEED = 987_654_321
_HALVINGS = 60


class Regret(NamedTuple):
    """Mean and worst regret over the held-out weightings, by each scalarisation, in objectives scaled to 0..1."""

    sum_mean: float
    sum_worst: float
    chebyshev_mean: float
    chebyshev_worst: float


def regrets(fronts: Mapping[str, Floats], problem: Sphere | MixedFactors) -> dict[str, Regret]:
    """The regret of each method, from its feasible objectives (N, M); infinite where it has none.

    Objectives are scaled by the ideal and nadir of the non-dominated among all methods' solutions. The regret of a
    weighting, drawn evenly from the simplex, is the weighted sum, or the weighted maximum (Chebyshev), of the best
    solution returned, less the least possible: exactly where the front is known, else the least that any method has.
    """
    every = np.concatenate(list(fronts.values()))
    every = every[np.asarray(moocore.is_nondominated(every))]
    ideal, extent = every.min(axis=0), np.ptp(every, axis=0)
    weights = np.random.default_rng(_SEED).dirichlet(np.ones(every.shape[1]), HELD_OUT)
    values = {name: _values((front - ideal) / extent, weights) for name, front in fronts.items()}
    least = np.min(list(values.values()), axis=0)
    slopes = weights / extent
    sums = problem.least_sums(slopes)
    if sums is not None:
        least = np.minimum(least, np.stack([sums - slopes @ ideal, _least_maxima(slopes, ideal, problem)]))
    lost = {name: value - least for name, value in values.items()}
    return {
        name: Regret(*(figure(loss) for loss in both for figure in (np.mean, np.max))) for name, both in lost.items()
    }


def _least_maxima(slopes: Floats, ideal: Floats, problem: Sphere) -> Floats:
    """The least over the front of the greatest slope times distance from the ideal (W,), by bisection.

    All objectives are equally far there, so weighted (Miettinen 1999, section 3.4).
    """
    low, high = np.zeros(len(slopes)), slopes.max(axis=1)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        reached = problem.reached(ideal + middle[:, None] / slopes)
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    return high


def _values(points: Floats, weights: Floats) -> Floats:
    """The least weighted sum and maximum of (N, M) for each weighting (W, M): (2, W)."""
    if not len(points):
        return np.full((2, len(weights)), np.inf)
    columns = np.ascontiguousarray(points.T)
    maxima = np.array([(columns * weighting[:, None]).max(axis=0).min() for weighting in weights])
    return np.stack([(points @ weights.T).min(axis=0), maxima])
