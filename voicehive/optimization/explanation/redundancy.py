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
    ranks = _ranks(columns)
    centred = ranks - ranks.mean(axis=0)
    size = np.sqrt(np.square(centred).sum(axis=0))
    return np.divide(centred, size, out=np.zeros_like(centred), where=size > 0.0)


def _ranks(columns: Floats) -> Floats:
    """From 1 in each column of (N, K); equal values share the mean of theirs."""
    order = columns.argsort(axis=0)
    ascending = np.take_along_axis(columns, order, axis=0)
    differs = np.ones((len(columns) + 1, columns.shape[1]), dtype=np.bool_)
    differs[1:-1] = ascending[1:] != ascending[:-1]
    places = np.arange(len(columns) + 1)[:, None]
    first = np.maximum.accumulate(np.where(differs[:-1], places[:-1], 0), axis=0)
    last = np.minimum.accumulate(np.where(differs[1:], places[1:], len(columns))[::-1], axis=0)[::-1]
    ranks = np.empty_like(ascending)
    np.put_along_axis(ranks, order, (first + 1 + last) / 2.0, axis=0)
    return ranks


def redundant(correlations: Floats) -> list[Redundancy]:
    """The objectives that an earlier one explains, which is not explained itself, with a correlation of 0.95 or more.

    Keeping one of each such group is the correlation-based reduction of Deb & Saxena (2005), "On finding Pareto-optimal
    solutions through dimensionality reduction for certain large-dimensional multi-objective optimization problems",
    with ranks in place of values.
    """
    kept: list[int] = []
    found: list[Redundancy] = []
    for index, row in enumerate(correlations):
        best = kept[int(row[kept].argmax())] if kept else index
        if best != index and row[best] >= REDUNDANT:
            found.append(Redundancy(index, best, float(row[best])))
        else:
            kept.append(index)
    return found
