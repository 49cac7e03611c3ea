"""Makes autocorrelated readings nearly independent, by averaging neighbours (batch means; Conway 1963)."""

from collections.abc import Sequence

import numpy as np

_TOLERATED = 0.1
"""The correlation of neighbouring blocks that is left standing."""


def lag_one_autocorrelation(readings: Sequence[float]) -> float:
    """The correlation of neighbours, by the usual estimate (Box and Jenkins); 0 for readings that never vary."""
    centred = np.asarray(readings) - np.mean(readings)
    energy = float(centred @ centred)
    return float(centred[1:] @ centred[:-1]) / energy if energy > 0 else 0.0


def block_correlation(correlation: float, length: int) -> float:
    """The correlation of neighbouring block means of an AR(1) series with that correlation of neighbours.

    Covariance of sums, r (1 - r^L)^2 / (1 - r)^2, over their variance, (L (1 - r^2) - 2 r (1 - r^L)) / (1 - r)^2.
    """
    decay = correlation**length
    return correlation * (1 - decay) ** 2 / (length * (1 - correlation**2) - 2 * correlation * (1 - decay))


def block_length(readings: Sequence[float]) -> int:
    """How many readings to average into one, by the readings' own autocorrelation taken as that of an AR(1) series.

    1 where it lies within what independent readings show in 95 % of cases (2 / sqrt(n); Bartlett 1946).
    """
    correlation = min(lag_one_autocorrelation(readings), 0.99)
    if correlation <= 2 / np.sqrt(len(readings)):
        return 1
    length = 1
    while block_correlation(correlation, length) > _TOLERATED:
        length += 1
    return length


def block_means(readings: Sequence[float], length: int) -> list[float]:
    """The means of consecutive blocks; an incomplete block at the beginning, the oldest, is left out."""
    whole = len(readings) // length
    recent = np.asarray(readings, dtype=np.float64)[len(readings) - whole * length :]
    return recent.reshape(whole, length).mean(axis=1).tolist()
