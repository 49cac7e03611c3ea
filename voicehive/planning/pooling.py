"""One probability from several experts', and how good probabilities were once it is known what happened."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from voicehive.planning.errors import PlanningError
from voicehive.planning.score_tables import Floats


class ProbabilityInvalid(PlanningError):
    """What is no probability or weight, or probabilities that cannot all be right."""


def linear_pool(probabilities: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Average the experts' probabilities (E, ...): (...).

    `weights` (E,) are scaled to sum to 1; without, all experts count alike. Raises ProbabilityInvalid for what is no
    probability or weight. Source: Stone (1961), The opinion pool, Annals of Mathematical Statistics 32(4).
    """
    stated, shares = _checked(probabilities, weights)
    return np.asarray(np.tensordot(shares, stated, axes=1), dtype=np.float64)


def logarithmic_pool(probabilities: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Pool the experts' probabilities (E, ...) of single events by the weighted geometric mean of their odds: (...).

    Unlike the linear pool it does not matter whether evidence that all accept comes before or after pooling. Where an
    expert whose weight is not 0 says 0 or 1, so does the pool. Raises ProbabilityInvalid where one says 0, another 1.
    Source: Genest and Zidek (1986), Combining probability distributions, Statistical Science 1(1), section 3.
    """
    stated, shares = _checked(probabilities, weights)
    stated, shares = stated[shares > 0.0], shares[shares > 0.0]
    impossible, certain = (stated == 0.0).any(axis=0), (stated == 1.0).any(axis=0)
    if bool((impossible & certain).any()):
        problem = "one expert says 0 and another 1, which have no logarithmic pool"
        remedy = "ask both for a probability they would bet on, or use the linear pool"
        raise ProbabilityInvalid("probabilities", problem, remedy)
    with np.errstate(divide="ignore"):
        log_odds = np.log(stated) - np.log1p(-stated)
    pooled = np.tensordot(shares, np.where(impossible | certain, 0.0, log_odds), axes=1)
    return np.where(impossible, 0.0, np.where(certain, 1.0, 1.0 / (1.0 + np.exp(-pooled))))


class BrierScore(NamedTuple):
    """The mean squared error of probabilities, and its parts: score = reliability - resolution + uncertainty + within.

    `reliability` is how far stated probabilities lie from observed frequencies (0 is best), `resolution` how far the
    frequencies lie from the base rate (more is better), `uncertainty` the base rate's own variance. `within_bins` is
    what putting different probabilities into one bin adds; 0 where each value is its own bin.
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within_bins: float
    forecasts: int


def brier_score(probabilities: ArrayLike, happened: Sequence[bool], bins: int | None = None) -> BrierScore:
    """Score stated probabilities (N,) by what happened (N,), and decompose the score.

    Equal probabilities belong together, or those in the same of `bins` equal parts of 0..1. Raises ProbabilityInvalid
    for what is no probability, for different lengths, and for none. Source: Brier (1950), Monthly Weather Review 78(1);
    Murphy (1973), Journal of Applied Meteorology 12(4); for bins, Stephenson, Coelho and Jolliffe (2008), Weather and
    Forecasting 23(4).
    """
    stated, outcomes = np.asarray(probabilities, dtype=np.float64), np.asarray(happened, dtype=np.float64)
    _refuse_improper(stated)
    if stated.shape != outcomes.shape or stated.ndim != 1 or not len(stated):
        problem = f"{outcomes.size} given for {stated.size} probabilities"
        raise ProbabilityInvalid("happened", problem, "give one outcome for each probability, and at least one")
    if bins is not None and bins < 1:
        raise ProbabilityInvalid("bins", f"{bins} given", "at least 1 is needed")
    keys = stated if bins is None else np.minimum(np.floor(stated * bins), bins - 1)
    _, group, counts = np.unique(keys, return_inverse=True, return_counts=True)
    mean_stated, frequency = (np.bincount(group, one) / counts for one in (stated, outcomes))
    share, base_rate = counts / len(stated), float(outcomes.mean())
    score = float(np.square(stated - outcomes).mean())
    reliability = float(share @ np.square(mean_stated - frequency))
    resolution = float(share @ np.square(frequency - base_rate))
    uncertainty = base_rate * (1.0 - base_rate)
    within = 0.0 if bins is None else score - reliability + resolution - uncertainty
    return BrierScore(score, reliability, resolution, uncertainty, within, len(stated))


def _checked(probabilities: ArrayLike, weights: ArrayLike | None) -> tuple[Floats, Floats]:
    stated = np.asarray(probabilities, dtype=np.float64)
    _refuse_improper(stated)
    if stated.ndim == 0 or not len(stated):
        raise ProbabilityInvalid("probabilities", "none given", "at least one expert's is needed")
    shares = np.ones(len(stated)) if weights is None else np.asarray(weights, dtype=np.float64)
    if shares.shape != (len(stated),):
        raise ProbabilityInvalid("weights", f"{shares.size} given for {len(stated)} experts", "give one each")
    if not (bool(np.isfinite(shares).all()) and bool((shares >= 0.0).all()) and shares.sum() > 0.0):
        raise ProbabilityInvalid(
            "weights", "one is negative or not finite, or all are 0", "give each at least 0, one more"
        )
    return stated, shares / shares.sum()


def _refuse_improper(stated: Floats) -> None:
    for place, value in np.ndenumerate(stated):
        if not 0.0 <= value <= 1.0:
            raise ProbabilityInvalid(
                f"probabilities{list(place)}", f"{value:g} is no probability", "give one from 0 to 1"
            )
