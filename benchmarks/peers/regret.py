"""How much those lose who choose, by preferences unknown to the search, from what a method returned."""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from collections.abc import Callable, Mapping
from typing import NamedTuple

import moocore
import numpy as np

from benchmarks.peers.run import Floats

HELD_OUT = 1_000
_SEED = 987_654_321


class Regret(NamedTuple):
    """Mean and worst regret over the held-out weightings, by each scalarisation, in objectives scaled to 0..1."""

    sum_mean: float
    sum_worst: float
    chebyshev_mean: float
    chebyshev_worst: float


def regrets(
    fronts: Mapping[str, Floats], optima: Callable[[Floats], tuple[Floats, Floats] | None]
) -> dict[str, Regret]:
    """The regret of each method, from its feasible objectives (N, M); infinite where it has none.

    Objectives are scaled by the ideal and nadir of the non-dominated among all methods' solutions. The regret of a
    weighting, drawn evenly from the simplex, is the weighted sum, or the weighted maximum (Chebyshev), of the best
    solution returned, less the least possible: exactly where `optima` knows it, else the least that any method reached.

    Args:
        fronts: by method.
        optima: for rows of slopes (W, M) the least sums and maxima of slope times unscaled objective over the true
            front, or None.
    """
    every = np.concatenate(list(fronts.values()))
    every = every[np.asarray(moocore.is_nondominated(every))]
    ideal, extent = every.min(axis=0), np.ptp(every, axis=0)
    weights = np.random.default_rng(_SEED).dirichlet(np.ones(every.shape[1]), HELD_OUT)
    values = {name: _values((front - ideal) / extent, weights) for name, front in fronts.items()}
    least = np.min(list(values.values()), axis=0)
    exact = optima(weights / extent)
    if exact is not None:
        shift = (weights / extent) @ ideal
        # the ideal point's own shift is left out of the maximum: a lower bound where the ideal is not 0
        least = np.minimum(least, np.stack([exact[0] - shift, exact[1] - (weights / extent * ideal).max(axis=1)]))
    lost = {name: value - least for name, value in values.items()}
    return {name: Regret(loss[0].mean(), loss[0].max(), loss[1].mean(), loss[1].max()) for name, loss in lost.items()}


def _values(points: Floats, weights: Floats) -> Floats:
    """The least weighted sum and maximum of (N, M) for each weighting (W, M): (2, W)."""
    if not len(points):
        return np.full((2, len(weights)), np.inf)
    return np.stack(
        [(points @ weights.T).min(axis=0), np.array([(points * weighting).max(axis=1).min() for weighting in weights])]
    )
