"""How usual a situation is among those known, as a part of confidence."""

import numpy as np
from scipy.spatial.distance import cdist

from voicehive.autonomy.trust.outcome import Floats

_ENOUGH = 500
"""Situations compared at most, the most recent: they already tell one in 500 apart, and time grows with the square."""


def typicality(situation: Floats, history: Floats, neighbours: int = 5) -> float:
    """The share of situations, this one among them, that are at least as far from the others as this one; in [0, 1].

    `situation` (D,), `history` (N, D), oldest first, finite, in any units: each dimension is centred on its median and
    divided by its interquartile range. The distance is the mean Euclidean one to the nearest `neighbours` others.
    It is a full conformal p-value (Vovk, Gammerman and Shafer 2005, chapter 2; k-nearest-neighbour nonconformity): of
    situations exchangeable with the history at most the share u ever get u or less. 0 while fewer than
    `neighbours` situations are known: nothing is usual yet. Raises ValueError for shapes that do not fit.
    """
    if history.ndim != 2 or situation.shape != history.shape[1:]:
        raise ValueError(f"history: shape {history.shape} does not fit a situation of shape {situation.shape}")
    if len(history) < neighbours:
        return 0.0
    everything = _scaled(np.vstack((history[-_ENOUGH:], situation)))
    distances = cdist(everything, everything)
    np.fill_diagonal(distances, np.inf)
    nearest: Floats = np.partition(distances, neighbours - 1, axis=1)[:, :neighbours]
    remoteness = np.mean(nearest, axis=1)
    return float(np.count_nonzero(remoteness >= remoteness[-1] * (1 - 1e-9)) / len(remoteness))


def _scaled(values: Floats) -> Floats:
    """Centred and divided by the interquartile range; by the whole range, or 1, where that is zero."""
    quartiles: Floats = np.quantile(values, (0.25, 0.5, 0.75), axis=0)
    low, middle, high = quartiles[0], quartiles[1], quartiles[2]
    whole: Floats = np.max(values, axis=0) - np.min(values, axis=0)
    spread = np.where(high > low, high - low, np.where(whole > 0, whole, 1.0))
    return (values - middle) / spread
