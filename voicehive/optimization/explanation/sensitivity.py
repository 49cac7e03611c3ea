"""How much a choice owes to the weights: stochastic multicriteria acceptability analysis, and weight intervals."""

import numpy as np

from voicehive.optimization.arrays import Floats
from voicehive.optimization.choice import TOLERANCE
from voicehive.optimization.front import extent

_MOST_PRODUCTS = 4_000_000
_MOST_WEIGHTINGS, _LEAST_WEIGHTINGS = 1_000, 100


def weightings(weights: Floats, rows: int, rng: np.random.Generator) -> Floats:
    """Draw weightings (W, M) from the Dirichlet distribution about `weights` (M,), uniform where those are equal.

    W is 1,000, or fewer (down to 100: a standard error of at most 5 %) where `rows` times M is over 4,000.
    """
    count = int(np.clip(_MOST_PRODUCTS // max(rows * len(weights), 1), _LEAST_WEIGHTINGS, _MOST_WEIGHTINGS))
    return rng.dirichlet(weights * len(weights), count)


def acceptability(achieved: Floats, chosen: int) -> float:
    """The share of weightings under which the chosen row is in the best tenth of all.

    SMAA's rank acceptability, summed over the first tenth of the ranks (Lahdelma & Salminen 2001, "SMAA-2: stochastic
    multicriteria acceptability analysis for group decision making"), with the achievement that the choice is made by:
    a weighted sum would favour the ends of a straight front under every weighting.

    Args:
        achieved: of N rows under W weightings (N, W), less is better.
        chosen: one of the rows.
    """
    better = (achieved < achieved[chosen] - TOLERANCE).sum(axis=0)
    return float((better < np.ceil(len(achieved) / 10.0)).mean())


def first_ranks(achieved: Floats) -> Floats:
    """The share of weightings under which each row is the best (N,): the first-rank acceptability of SMAA-2."""
    return np.bincount(achieved.argmin(axis=0), minlength=len(achieved)) / achieved.shape[1]


def preference(objectives: Floats, weights: Floats, rng: np.random.Generator) -> float:
    """The share of 1,000 random weightings under which the second row of (N, M) has the lower weighted sum of the two.

    The objectives are minimised here, and scaled by their extent over all rows.
    The pairwise winning index of SMAA (Leskinen et al. 2006, "Alternatives to incorporate uncertainty and risk attitude
    in multicriteria evaluation of forest plans"); the weightings are as in `weightings`.
    """
    gain = (objectives[0] - objectives[1]) / extent(objectives)
    return float((rng.dirichlet(weights * len(weights), _MOST_WEIGHTINGS) @ gain > 0.0).mean())


def weight_intervals(points: Floats, winner: int, weights: Floats) -> Floats:
    """The interval (M, 2) of each weight over which the winner of the weighted sum stays the winner.

    One weight moves between 0 and 1, the others share what is left in their proportions. The sums are then linear in
    it, so that each other row bounds it from one side.

    Args:
        points: scaled, minimised (N, M).
        winner: the row with the least weighted sum.
        weights: (M,), of sum 1.

    Source: Triantaphyllou & Sánchez (1997), "A sensitivity analysis approach for some deterministic multi-criteria
    decision-making methods", section on the most critical criterion.
    """
    advantage = points - points[winner]
    whole = advantage @ weights
    intervals = np.empty((len(weights), 2))
    for index, weight in enumerate(weights):
        others = 1.0 - weight
        own = advantage[:, index]
        rest = (whole - weight * own) / others if others > 0.0 else np.zeros_like(whole)
        slope = own - rest
        crossing = np.divide(-rest, slope, out=np.full_like(slope, np.nan), where=np.abs(slope) > 1e-15)
        lower = crossing[(slope > 0.0) & (crossing <= weight)]
        upper = crossing[(slope < 0.0) & (crossing >= weight)]
        intervals[index] = max(0.0, *lower.tolist(), 0.0), min(1.0, *upper.tolist(), 1.0)
    return intervals
