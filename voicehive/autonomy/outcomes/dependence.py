"""Readings whose neighbours resemble each other say less than as many independent ones: by how much, and what is done.

A statistic of dependent readings varies as that of independent ones does, times their variance inflation (the spectral
density at frequency 0 over the variance). Evidence taken for that of independent readings is therefore divided by it on
the logarithmic scale, which is what the sandwich variance does to a likelihood (Huber 1967; magnitude adjustment of
misspecified likelihoods: Royall and Tsou 2003). Where readings are independent the bound on false alarms stays exact,
since a root of a fair factor has a mean of at most 1; where they are not, it holds as far as the readings from before
tell their dependence. Averaging neighbours into blocks (batch means; Conway 1963) does the same and decides later.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

_MOST_PAIRS = 30
"""Memory is sought over at most twice as many readings, and over at most a quarter of all."""


def variance_inflation(readings: Floats) -> Any:
    """What dependence multiplies the variance of a mean by, for readings (..., M), oldest first; at least 1.

    Geyer's initial monotone sequence (Practical Markov chain Monte Carlo, 1992) of autocorrelations, freed of their
    bias for short series (Marriott and Pope 1954), ended where a pair's sum is within a standard error of white noise.
    """
    count = readings.shape[-1]
    pairs = max(1, min(count // 8, _MOST_PAIRS))
    centred = readings - readings.mean(axis=-1, keepdims=True)
    energy = np.maximum((centred**2).sum(axis=-1), np.finfo(np.float64).tiny)
    lags = [(centred[..., lag:] * centred[..., : count - lag]).sum(axis=-1) / energy for lag in range(2 * pairs)]
    correlations = np.stack(lags, axis=-1)
    correlations += np.where(np.arange(2 * pairs) > 0, (1 + 3 * np.maximum(correlations, 0.0)) / count, 0.0)
    sums = correlations[..., 0::2] + correlations[..., 1::2]
    heard = np.logical_and.accumulate((sums > np.sqrt(2 / count)) | (np.arange(pairs) == 0), axis=-1)
    falling = np.minimum.accumulate(sums, axis=-1)
    return np.maximum(1.0, 2 * np.where(heard, falling, 0.0).sum(axis=-1) - 1)


def block_means(readings: Sequence[float], length: int) -> list[float]:
    """The means of consecutive blocks; an incomplete block at the beginning, the oldest, is left out."""
    whole = len(readings) // length
    recent = np.asarray(readings, dtype=np.float64)[len(readings) - whole * length :]
    return recent.reshape(whole, length).mean(axis=1).tolist()
