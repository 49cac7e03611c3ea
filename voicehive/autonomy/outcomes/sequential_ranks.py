"""An anytime-valid test for a shift, by sequential ranks: no assumption on the readings' distribution.

If nothing has changed, the readings before and after are exchangeable, so the rank of each new reading among all
earlier ones is uniform and independent of the ranks before it (Bhattacharya and Frierson 1981), ties being broken at
random (conformal test martingales with smoothed p-values: Vovk, "Testing randomness", arXiv:1906.09256). A product of
factors whose mean over the possible ranks is 1 is then a martingale, whatever the distribution, the scale and the size
of the baseline, and Ville's inequality (1939) bounds by alpha the probability that it ever reaches 1/alpha. No look
costs anything. What is assumed is exchangeability: dependent readings count for less than one each (`dependence`), and
a change of the spread alone, or of the time of day, is a change too.

The factor is the likelihood ratio of a normal score under a shift, as in Wald's sequential probability ratio test
(1945) with the planned effect as its simple alternative (sequential normal scores: arXiv:1901.04443). Normal scores
lose nothing against the t test if the readings are normal, and gain otherwise (Chernoff and Savage 1958). What a factor
would overshoot the threshold by is spent on the others instead (Fischer and Ramdas, "Improving Wald's (approximate)
sequential probability ratio test by avoiding overshoot", arXiv:2410.16076): the mean stays 1, and it decides sooner.

This is the default before a mixture SPRT (Johari et al. 2017) or a confidence sequence (Waudby-Smith et al. 2021):
those hold only asymptotically, or for bounded readings or normal ones of known variance, and pay for effects that were
not planned for.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

LARGEST_EFFECT = 3.0
"""In standard deviations; beyond it, or with a baseline that never varied, a larger bet gains nothing."""

TOLERANCE = 1e-9
"""A logarithm this close below its threshold has reached it: it is capped there, up to rounding."""

_BEYOND_PLANNED = 1.1
"""The bets are on a little more than the planned effect: larger ones are found sooner, at next to no cost for it."""


def tilt(effect: Floats | float, reference: int, after: int) -> Any:
    """By how many standard deviations the next reading is expected to exceed the pooled ones, if the effect is real.

    Of the pool, `reference` readings are from before and `after` are shifted themselves.
    """
    return _BEYOND_PLANNED * effect * (reference / (reference + after))


def rank_among(smaller: Integers | int, equal: Integers | int, uniform: Floats | float) -> Any:
    """The rank of a new reading, ties broken by a `uniform` number in [0, 1).

    `smaller` and `equal` count the earlier readings that are smaller than it, or equal to it.
    """
    return np.asarray(smaller) + 1 + np.floor(np.asarray(uniform) * (np.asarray(equal) + 1)).astype(np.int64)


def log_factor(rank: Integers | int, size: int, tilt: Floats | float) -> Any:
    """The logarithm of the factor for a rank of 1 to `size`, for a shift upwards by `tilt` standard deviations (> 0).

    The density exp(t z - t^2/2) of a normal score z, averaged over the rank's cell of the unit interval: its mean over
    all ranks is exactly 1.
    """
    cell = _mass(rank, size, tilt) - _mass(np.asarray(rank) - 1, size, tilt)
    # A cell can only cancel to 0 for a rank that speaks overwhelmingly against the shift.
    return np.log(size) + np.log(np.maximum(cell, np.finfo(np.float64).tiny))


def capped_log_factor(rank: Integers | int, size: int, tilt: Floats | float, room: Floats | float) -> Any:
    """As `log_factor`, but never above `room` (> 0), and all other factors raised so that the mean remains 1."""
    if np.all(log_factor(size, size, tilt) <= room):
        return log_factor(rank, size, tilt)
    lowest_capped = _lowest_capped_rank(size, tilt, room)
    capped_share = (size + 1 - lowest_capped) / size
    raised = np.log1p(-np.exp(room) * capped_share) - np.log(_mass(lowest_capped - 1, size, tilt))
    return np.where(np.asarray(rank) >= lowest_capped, room, log_factor(rank, size, tilt) + raised)


def log_factors(
    ranks: tuple[Integers | int, Integers | int],
    effect: Floats | float,
    pool: tuple[int, int],
    rooms: tuple[Floats | float, Floats | float],
    inflation: Floats | float = 1.0,
) -> tuple[Any, Any]:
    """Both logarithms for the next reading: against "nothing changed", and against "worse by the planned degradation".

    The second is the first of the mirrored problem: under the degradation, the readings after, each less the
    degradation, are exchangeable with those before. `ranks` are the reading's among all as they are, and among those;
    `pool` counts the readings before and after; `rooms` say how far the logarithms still are from convincing; they are
    divided by the variance `inflation` of dependent readings.
    """
    size, expected = sum(pool) + 1, tilt(effect, *pool)
    degraded = capped_log_factor(ranks[0], size, expected, rooms[0] * inflation)
    unharmed = capped_log_factor(size + 1 - np.asarray(ranks[1]), size, expected, rooms[1] * inflation)
    return degraded / inflation, unharmed / inflation


def readings_for_scale(baseline: int) -> int:
    """How many of the oldest readings from before only give the scale: an eighth, but at least eight.

    The others are ranked. Were the scale theirs, the factors would depend on it and no longer be exactly fair.
    """
    return max(8, baseline // 8)


def lattice_gap(baseline: Floats) -> float:
    """The distance of the values that readings (M,) can take, where some repeat (shares, counts); else 0.

    Every reading of such a metric is spread evenly over that distance, so that none has an equal.
    """
    values = np.unique(baseline)
    return float(np.diff(values).min()) if 1 < len(values) < len(baseline) else 0.0


def standard_effect(planned: float, scale_sample: Floats) -> Any:
    """The planned degradation in standard deviations of samples (..., K), at most three."""
    deviation = np.std(scale_sample, axis=-1, ddof=1)
    with np.errstate(divide="ignore"):
        return np.minimum(LARGEST_EFFECT, planned / deviation)


def _mass(rank: Integers | int, size: int, tilt: Floats | float) -> Any:
    """The probability of that rank or a lower one under the shift; also the sum of their factors over `size`."""
    return ndtr(ndtri(np.asarray(rank) / size) - tilt)


def _lowest_capped_rank(size: int, tilt: Floats | float, room: Floats | float) -> Any:
    """The lowest rank whose factor is capped; `size` + 1 where none is.

    A rank is capped if the mean falls short of 1 when all factors are raised just so far that this rank's reaches the
    cap. That mean falls as the rank rises, so the lowest such rank is found by halving. The lowest of all never is.
    """
    shape = np.broadcast(tilt, room).shape
    low, high = np.ones(shape, np.int64), np.full(shape, size + 1, np.int64)
    for _ in range(int(size).bit_length()):
        middle = np.clip((low + high) // 2, 2, size)
        raising = np.exp(np.minimum(room - log_factor(middle, size, tilt), 700.0))
        mean = np.exp(room) * (size + 1 - middle) / size + raising * _mass(middle - 1, size, tilt)
        capped, open_ = mean < 1, high - low > 1
        high, low = np.where(open_ & capped, middle, high), np.where(open_ & ~capped, middle, low)
    return high
