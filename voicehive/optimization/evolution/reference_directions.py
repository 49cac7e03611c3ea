"""Directions spread evenly over the positive orthant, and which rows follow each best."""

import math
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.arrays import Floats

_PENALTY = 5.0
_INNER = 0.5


@lru_cache(maxsize=16)
def reference_directions(objectives: int, most: int) -> Floats:
    """At most `most` directions (W, M) of length 1: a simplex lattice, and a smaller one inside while there is room.

    Source: Das & Dennis (1998), "Normal-boundary intersection"; the two layers, Deb & Jain (2014), NSGA-III, part I.
    """
    outer = _divisions(objectives, most)
    layers = [_lattice(objectives, outer)]
    inner = min(_divisions(objectives, most - len(layers[0])), outer)
    if outer < objectives and inner:
        layers.append(_INNER * _lattice(objectives, inner) + (1.0 - _INNER) / objectives)
    weights = np.concatenate(layers) if outer else np.ones((1, objectives))
    return weights / np.linalg.norm(weights, axis=1, keepdims=True)


def _divisions(objectives: int, most: int) -> int:
    divisions = 0
    while math.comb(objectives + divisions, divisions + 1) <= most:
        divisions += 1
    return divisions


def _lattice(objectives: int, divisions: int) -> Floats:
    """All points with coordinates that are multiples of 1/divisions and sum to 1, by stars and bars."""
    bars = np.array(list(combinations(range(divisions + objectives - 1), objectives - 1)))
    edges = np.column_stack([np.full(len(bars), -1), bars, np.full(len(bars), divisions + objectives - 1)])
    return (np.diff(edges, axis=1) - 1) / max(divisions, 1)


def leaders(points: Floats, most: int) -> NDArray[np.intp]:
    """The best of the rows (N, M) nearest to each of at most `most` directions, where there are any; best first.

    Best by penalty boundary intersection, d1 + 5 d2: the distance along the direction and that from it. Source: Zhang &
    Li (2007), MOEA/D; among the rows nearest to a direction, Yuan, Xu, Wang & Yao (2016), theta-dominance.
    """
    directions = reference_directions(points.shape[1], most)
    nearest = (points.astype(np.float32) @ directions.T.astype(np.float32)).argmax(axis=1)
    best = (points * directions[nearest]).sum(axis=1)
    away = np.sqrt(np.maximum(np.square(points).sum(axis=1) - best**2, 0.0))
    order = np.argsort(best + _PENALTY * away, kind="stable")
    return order[np.sort(np.unique(nearest[order], return_index=True)[1])]
