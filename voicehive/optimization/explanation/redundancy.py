"""Which objectives say the same, so that a hundred of them stay readable."""

from typing import NamedTuple

import numpy as np

from voicehive.optimization.arrays import Floats

REDUNDANT = 0.95
"""From this rank correlation on, one objective is explained by another."""


class Redundancy(NamedTuple):
    """`objective` orders the front almost as `explained_by` does."""

    objective: int
    explained_by: int
    correlation: float


def rank_correlations(front: Floats) -> Floats:
    """Spearman's correlations (M, M) between objectives over a front (N, M); 0 with one that does not vary.

    Source: Spearman (1904), "The proof and measurement of association between two things".
    """
    ranks = standardized_ranks(front)
    correlations = np.clip(ranks.T @ ranks, -1.0, 1.0)
    np.fill_diagonal(correlations, 1.0)
    return correlations


def standardized_ranks(columns: Floats) -> Floats:
    """The ranks in each column of (N, K), centred and of length 1: their products are Spearman's correlations.

    0 in a column that does not vary.
    """
    ranks = np.stack([_ranks(column) for column in columns.T], axis=1) if columns.shape[1] else columns
    centred = ranks - ranks.mean(axis=0)
    size = np.sqrt(np.square(centred).sum(axis=0))
    return np.divide(centred, size, out=np.zeros_like(centred), where=size > 0.0)


def _ranks(values: Floats) -> Floats:
    """From 1; equal values share the mean of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2.0)[places]


def redundant(correlations: Floats) -> list[Redundancy]:
    """The objectives that an earlier one explains, which is not explained itself, with a correlation of 0.95 or more.

    Keeping one of each such group is the correlation-based reduction of Deb & Saxena (2005), "On finding Pareto-optimal
    solutions through dimensionality reduction for certain large-dimensional multi-objective optimization problems",
    with ranks in place of values.
    """
    kept: list[int] = []
    found: list[Redundancy] = []
    for index, row in enumerate(correlations):
        best = max(kept, key=lambda other: row[other], default=None)
        if best is not None and row[best] >= REDUNDANT:
            found.append(Redundancy(index, best, float(row[best])))
        else:
            kept.append(index)
    return found
