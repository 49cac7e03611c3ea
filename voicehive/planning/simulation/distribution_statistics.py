"""Probability, quantiles, value at risk and information of samples, with standard errors by replicates.

A replicate's standard error is the standard deviation of a figure over the independent replicates, over the root of
their number. Source: Owen (2013), Monte Carlo theory, methods and examples, chapter 17.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from voicehive.planning.score_tables import Floats


class Figures(NamedTuple):
    """Values of any shape, and their standard errors, of the same shape."""

    value: Floats
    standard_error: Floats


class Ordered:
    """Samples (G, N) of G quantities in R replicates, sorted as a whole and within each replicate."""

    def __init__(self, samples: Floats, replicates: int) -> None:
        self._samples = samples.reshape(len(samples), replicates, samples.shape[1] // replicates)
        self._within = np.sort(self._samples, axis=2)
        self._whole = np.sort(self._within.reshape(len(samples), 1, samples.shape[1]), axis=2)

    def mean(self) -> Figures:
        """The means (G,)."""
        return by_replicates(self._samples.mean(axis=2))

    def standard_deviation(self) -> Figures:
        """The standard deviations (G,)."""
        squares = [np.square(rows - rows.mean()).mean(axis=1) for rows in self._samples]
        variances = by_replicates(np.array(squares).reshape(self._samples.shape[:2]))
        root = np.sqrt(variances.value)
        return Figures(root, variances.standard_error / np.maximum(2.0 * root, 1e-300) * (root > 0.0))

    def quantiles(self, probabilities: Sequence[float]) -> Figures:
        """The least samples that are not exceeded with the probabilities: (Q, G)."""
        whole = np.stack([_quantile(self._whole, one)[:, 0] for one in probabilities])
        within = np.stack([_quantile(self._within, one) for one in probabilities])
        return Figures(whole, by_replicates(within).standard_error)

    def lower_tail_mean(self, share: float) -> Figures:
        """The means (G,) of the lowest `share` of the samples.

        The sample at the border counts in part. Source: Rockafellar and Uryasev (2002), Conditional value-at-risk for
        general loss distributions, Journal of Banking and Finance 26(7), section 5.
        """
        return Figures(_tail(self._whole, share)[:, 0], by_replicates(_tail(self._within, share)).standard_error)

    def expected_excess(self) -> Figures:
        """What perfect information is worth (G,) to who may take the quantity or 0: E max(q, 0) - max(E q, 0).

        Source: Raiffa and Schlaifer (1961), Applied Statistical Decision Theory, section 5.3: two actions whose values
        differ linearly.
        """
        taken = self._samples.mean(axis=(1, 2), keepdims=True)[:, :, 0] > 0.0
        gained = np.maximum(self._samples, 0.0).mean(axis=2)
        return by_replicates(gained - np.where(taken, self._samples.mean(axis=2), 0.0))


def by_replicates(figures: Floats) -> Figures:
    """Combine figures (..., R), one from each replicate."""
    replicates = figures.shape[-1]
    spread = figures.std(axis=-1, ddof=1) if replicates > 1 else np.zeros(figures.shape[:-1])
    return Figures(figures.mean(axis=-1), spread / math.sqrt(replicates))


def _quantile(ordered: Floats, probability: float) -> Floats:
    count = ordered.shape[-1]
    # The tolerance keeps 0.1 x 1,000 from being taken for a little more than 100.
    return ordered[..., min(count - 1, max(0, math.ceil(probability * count - 1e-9) - 1))]


def _tail(ordered: Floats, share: float) -> Floats:
    wanted = share * ordered.shape[-1]
    whole = math.floor(wanted + 1e-9)
    found = ordered[..., :whole].sum(axis=-1)
    if wanted - whole > 1e-9:
        found = found + (wanted - whole) * ordered[..., whole]
    return found / wanted
