"""Ranks points by what they come to under many preferences at once: cheap where nearly no point dominates another."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.arrays import Floats
from voicehive.optimization.evolution.population import Population
from voicehive.optimization.front import farthest_first, non_dominated

Rows = NDArray[np.intp]
Singles = NDArray[np.float32]

FUNCTIONS = 128
"""How many preferences to rank by."""

_SUMS = 0.25
_SPARSE = 0.2
_SPARSE_EVERY = 3
_DOUBLINGS = 3
_UNIT = 2.0**10
_LEAST = 2.0**-25
_MOST = 2.0**5
_LEAST_WEIGHT = 2.0**-15
_LEAST_SPREAD = 0.2
_FRONTS = 5
_EQUAL = 1e-5
_SURPLUS = 1.2


class Scale:
    """Scales objectives so that the ideal point of the rows given is 0 and their nadir 1; by the feasible, if any are.

    Source: Miettinen (1999), Nonlinear Multiobjective Optimization, section 2.4. An objective that hardly differs among
    the rows is scaled by a share of `range_seen` (M,) instead: small differences in it would count for more than large
    ones in others, and a search by such scales would never let it vary again.
    """

    def __init__(self, rows: Population, range_seen: Floats | float = 0.0) -> None:
        objectives = _counted(rows)
        self._ideal = objectives.min(axis=0)
        spread = np.maximum(np.ptp(objectives, axis=0), np.maximum(_LEAST_SPREAD * range_seen, 0.0))
        self._spread = np.where(spread > 0.0, spread, 1.0)

    def __call__(self, objectives: Floats) -> Singles:
        """Scale (N, M), within (0, 32]."""
        scaled = ((objectives - self._ideal) / self._spread).astype(np.float32)
        return np.clip(scaled, _LEAST, _MOST, out=scaled)

    def project(self, objectives: Floats, direction: Floats) -> Floats:
        """Rows (N, M), scaled but not limited, along a direction (M,): (N,), but for a constant."""
        return objectives @ (direction / self._spread)


def _counted(rows: Population) -> Floats:
    feasible = rows.violations <= 0.0
    return rows.objectives[feasible] if feasible.any() else rows.objectives


class Preferences:
    """Scalarising functions of scaled objectives, all minimised: weighted sums, and smooth weighted Chebyshev norms.

    A quarter are sums w.z. The others stand for the Chebyshev norm max_i w_i z_i (Steuer & Choo 1983, "An interactive
    weighted Tchebycheff procedure for multiple objective programming") by the weighted metric
    (sum_i (w_i z_i)^8)^(1/8) (Miettinen 1999, section 3.4.1): a matrix product, so many times faster, and its minimum
    is always Pareto-optimal, as the Chebyshev norm's is only with an augmentation. All are left in the eighth power: no
    order changes, no root is taken. The limits of scaled objectives and weights keep these powers within single
    precision, which is twice as fast as double.

    Args:
        objectives: how many, M.
        rng: draws the weights, two in three uniformly from the simplex, the third with few large ones (Dirichlet, 0.2).
        count: of functions, S.
    """

    def __init__(self, objectives: int, rng: np.random.Generator, count: int = FUNCTIONS) -> None:
        concentrations = np.where(np.arange(count) % _SPARSE_EVERY, 1.0, _SPARSE)[:, None]
        draws = np.maximum(rng.gamma(concentrations, size=(count, objectives)), np.finfo(np.float64).tiny)
        weights = draws / draws.sum(axis=1, keepdims=True)
        sums = round(count * _SUMS)
        largest = weights[sums:].max(axis=1, keepdims=True)
        self._sums = weights[:sums].astype(np.float32)
        self._norms = (np.maximum(weights[sums:] / largest, _LEAST_WEIGHT) ** 2**_DOUBLINGS).astype(np.float32)

    def __call__(self, scaled: Singles) -> Singles:
        """What each point of (N, M) comes to under each function: (S, N), to be compared within a row only."""
        powers = scaled * np.float32(_UNIT)
        sums = self._sums @ powers.T
        for _ in range(_DOUBLINGS):
            np.square(sums, out=sums)
            np.square(powers, out=powers)
        return np.concatenate([sums, self._norms @ powers.T])


def preferred(achieved: Singles, violations: Floats, size: int) -> Rows:
    """Choose at most `size` of the N points that come to (S, N), the best first; infeasible ones last, by violation.

    The first front are the best points under each function, the second the best of those left, and so on. Source:
    Saborido, Ruiz & Luque (2017), "Global WASF-GA: an evolutionary algorithm in multiobjective optimization to
    approximate the whole Pareto optimal front". After a few fronts follow the points that come, by ratio, nearest to
    the best under some function.
    """
    feasible = violations <= 0.0
    if not feasible.any():
        return np.argsort(violations, kind="stable")[:size]
    left = achieved.copy()
    left[:, ~feasible] = np.inf
    least = left.min(axis=1, keepdims=True)
    front = np.full(len(violations), np.inf)
    for number in range(_FRONTS):
        best = left.argmin(axis=1)
        front[best] = np.minimum(front[best], number)
        left[:, best] = np.inf
    with np.errstate(over="ignore"):  # hopeless points tie at infinity
        np.multiply(left, 1.0 / least, out=left)
    order = np.minimum(front, _FRONTS + left.min(axis=0))
    return np.lexsort((order, np.maximum(violations, 0.0)))[:size]


def distinct(projections: Floats, equal: float = _EQUAL) -> Rows:
    """The first of each set of rows whose projections (N,) on a random vector round to the same, ascending.

    Rows that differ are taken for equal only with the small probability that their projections are this close.
    """
    return np.sort(np.unique(np.rint(projections / equal), return_index=True)[1])


def representatives(rows: Population, size: int, rng: np.random.Generator, keep: Sequence[int] = ()) -> Rows:
    """Choose at most `size` feasible rows that serve different preferences best, and cover the others; ascending.

    Those to keep come first, then the best under each of `size` preferences and in each objective, then others by
    `farthest_first`. None chosen equals another in its objectives, or is dominated by another; but the first of `keep`
    stays in any case.
    """
    scale, objectives = Scale(rows), rows.objectives.shape[1]
    points = scale(rows.objectives)
    differing = distinct(scale.project(rows.objectives, rng.random((objectives,))))
    pool = np.concatenate([np.asarray(keep, dtype=np.intp), np.setdiff1d(differing, keep)])
    if len(pool) > size:
        best = Preferences(objectives, rng, size)(points[pool]).argmin(axis=1)
        first = [*range(len(keep)), *best.tolist(), *points[pool].argmin(axis=0).tolist()]
        pool = pool[farthest_first(points[pool], min(round(size * _SURPLUS), len(pool)), first)]
    stay = non_dominated(rows.objectives[pool])
    stay[:1] |= len(keep) > 0
    return np.sort(pool[stay][:size])
