"""The influence of single inputs, given samples only: conditional means, first-order indices, value of information.

All are read from sums by bin (see `conditional`), with the replicates' independence making them free of the upward
bias that squares and maxima of noisy means have.
"""

from collections.abc import Sequence

import numpy as np

from voicehive.planning.score_tables import Floats
from voicehive.planning.simulation.conditional import Partition
from voicehive.planning.simulation.distribution_statistics import Figures, by_replicates


def conditional_means(parts: Partition, sums: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Means (F, C) where each input is low, and where it is high, from sums (R, F, B, C) and counts (R, F, B)."""
    inside = counts.sum(axis=0)[..., None]
    whole = sums.sum(axis=(0, 2)) / np.maximum(inside.sum(axis=1), 1.0)
    means: Floats = sums.sum(axis=0) / np.maximum(inside, 1.0)
    means = np.asarray(np.where(inside > 0.0, means, whole[:, None, :]), dtype=np.float64)
    return np.einsum("fb,fbc->fc", parts.low, means), np.einsum("fb,fbc->fc", parts.high, means)


def first_order_indices(parts: Partition, centred: Floats, variances: Floats) -> Figures:
    """The share (F, C) of the variances (C,) that knowing one input removes: Var(E[y | input]) / Var(y).

    `centred` (R, F, B, C) are the sums by bin of y less its mean. For correlated inputs this counts what an input tells
    through its companions too. Squared bin means are products of two different replicates' means, which makes the
    estimate unbiased but for the width of the bins; the standard error is the jackknife's, the variance taken as known.
    Source: Sobol' (1993), Mathematical Modelling and Computational Experiments 1(4), for the index; Plischke, Borgonovo
    and Smith (2013), European Journal of Operational Research 226(3), for given-data estimation by partition.
    """
    replicates = len(centred)
    weight = 1.0 / np.maximum(parts.shares, 1e-300) * (parts.shares > 0.0)
    means = centred / parts.size.points
    total = means.sum(axis=0)
    squares = np.einsum("fb,rfbc->rfc", weight, np.square(means))
    whole = np.einsum("fb,fbc->fc", weight, np.square(total))
    pairs = whole - squares.sum(axis=0)
    without = np.einsum("fb,rfbc->rfc", weight, np.square(total - means)) - (squares.sum(axis=0) - squares)
    scale = np.where(variances > 0.0, variances, np.inf)
    index = pairs / (replicates * (replicates - 1)) / scale
    left_out = without / ((replicates - 1) * (replicates - 2)) / scale
    spread = np.square(left_out - left_out.mean(axis=0)).sum(axis=0) * (replicates - 1) / replicates
    return Figures(np.maximum(index, 0.0), np.sqrt(spread))


def information_values(parts: Partition, net_benefits: Sequence[Floats]) -> Figures:
    """What knowing one input is worth (F, ...) before choosing the action with the greatest expected net benefit.

    `net_benefits` holds for each action, at least two, its net benefits' sums by bin (R, F, B, ...). In each replicate
    the action for a bin is the one that all other replicates take for best there: choosing and judging by the same
    samples would always seem to gain. What is left is a small bias downward. Source: Raiffa and Schlaifer (1961),
    Applied Statistical Decision Theory, section 4.5; nested by bins as in Strong and Oakley (2013), Medical Decision
    Making 33(6); by regression instead, Strong, Oakley and Brennan (2014), Medical Decision Making 34(3).
    """
    means = [one / parts.size.points for one in net_benefits]
    totals = [one.sum(axis=0) for one in means]
    informed = _chosen(means, [total - one for total, one in zip(totals, means, strict=True)])
    uninformed = _chosen(means, [total.sum(axis=1, keepdims=True) for total in totals])
    figures = by_replicates(np.moveaxis((informed - uninformed).sum(axis=2), 0, -1))
    return Figures(np.maximum(figures.value, 0.0), figures.standard_error)


def _chosen(means: Sequence[Floats], believed: Sequence[Floats]) -> Floats:
    """The means of those actions that are believed best."""
    found, best = means[0], believed[0]
    for mean, belief in zip(means[1:], believed[1:], strict=True):
        better = belief > best
        found, best = np.where(better, mean, found), np.where(better, belief, best)
    return found
