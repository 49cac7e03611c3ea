"""The pace of a goal: what its metric changed by from step to step."""

import math
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from voicehive.planning.tracking.state import TrackingState

Floats: TypeAlias = NDArray[np.float64]

FEWEST_CHANGES = 5
"""With fewer, the spread of the changes is hardly known."""


class Pace(NamedTuple):
    """The observed pace, in the metric's unit.

    `drift` is the mean change a step. `residuals` (n,) are the changes' deviations from it, each over the square root
    of the steps it took, with mean square of the unbiased variance. `drift_error` is the drift's standard error: the
    residuals' long-run variance over `steps` steps, which is less than their variance where noise reverts.
    """

    drift: float
    residuals: Floats
    drift_error: float
    steps: float


def observed_pace(state: TrackingState) -> Pace | None:
    """The pace so far; None with fewer than `FEWEST_CHANGES` changes.

    A gap of k steps counts as one change of k times the drift and k times the variance, as in a random walk.
    """
    if len(state.samples) <= FEWEST_CHANGES:
        return None
    slots, values = np.array(state.samples, dtype=np.float64).T
    gaps = np.diff(slots) / state.slots_per_step
    steps = float(gaps.sum())
    drift = float(values[-1] - values[0]) / steps
    residuals: Floats = (np.diff(values) - drift * gaps) / np.sqrt(gaps)
    residuals *= math.sqrt(len(gaps) / (len(gaps) - 1))
    return Pace(drift, residuals, math.sqrt(long_run_variance(residuals) / steps), steps)


def long_run_variance(residuals: Floats) -> float:
    """The variance of a mean of residuals, times their number, by Bartlett's weights (Newey and West 1987).

    n**(1/2) lags count, as blocks of the forecast are long on average; n / (n - lags) makes up for the mean's own
    share in independent residuals.
    """
    count = len(residuals)
    lags = math.isqrt(count)
    covariances = [float(residuals[lag:] @ residuals[: count - lag]) / count for lag in range(lags + 1)]
    weighted = sum((1 - lag / (lags + 1)) * covariances[lag] for lag in range(1, lags + 1))
    return max(covariances[0] + 2 * weighted, 0.0) * count / (count - lags)
