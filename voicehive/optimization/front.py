"""Sets of solutions in objective space: dominance, scaling, thinning, hypervolume. Everything is minimised here."""

from collections.abc import Sequence
from typing import NamedTuple

import moocore
import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.arrays import Floats

REFERENCE = 1.1
"""Each coordinate of the hypervolume's reference point, in objectives scaled by ideal and nadir."""

_EXACT_OBJECTIVES = 5
_APPROXIMATE_OBJECTIVES = 31
_DIRECTIONS = 8_192
_MANY_OBJECTIVES = 10
_AT_ONCE = 128


class Hypervolume(NamedTuple):
    """A hypervolume, and whether it is exact."""

    value: float
    exact: bool


def non_dominated(objectives: Floats) -> NDArray[np.bool_]:
    """Mark the rows of (N, M) that no other row dominates; of equal rows only the first."""
    return np.asarray(moocore.is_nondominated(objectives), dtype=np.bool_)


def scaled(objectives: Floats, front: Floats) -> Floats:
    """Scale (N, M) so that the ideal point of `front` (K, M) is 0 and its nadir 1; an objective without spread is 0.

    Source: Miettinen (1999), Nonlinear Multiobjective Optimization, sections 2.4 and 5.
    """
    ideal, nadir = front.min(axis=0), front.max(axis=0)
    spread = nadir - ideal
    flat = spread <= 1e-12 * np.maximum(np.abs(ideal), np.abs(nadir))
    return np.where(flat, 0.0, (objectives - ideal) / np.where(flat, 1.0, spread))


def extent(objectives: Floats) -> Floats:
    """The range of each objective (M,) over (N, M), to divide by: 1 where it hardly varies."""
    spread = np.ptp(objectives, axis=0)
    return np.where(spread > 1e-9, spread, 1.0)


def hypervolume(front: Floats) -> Hypervolume:
    """The hypervolume of a scaled front (K, M) up to the reference point (1.1, ..., 1.1), at most 1.1^M.

    Exact up to 5 objectives; approximate up to 31, by integration over 8,192 directions (512 beyond 10 objectives);
    beyond, approximate and of the front's projection on its first 31 objectives. Sources: Zitzler & Thiele (1998),
    "Multiobjective optimization using evolutionary algorithms"; Deng & Zhang (2019), "Approximating hypervolume and
    hypervolume contributions using polar coordinate"; both by moocore.
    """
    points = front[:, :_APPROXIMATE_OBJECTIVES]
    reference = np.full(points.shape[1], REFERENCE)
    if points.shape[1] <= _EXACT_OBJECTIVES:
        return Hypervolume(float(moocore.hypervolume(points, ref=reference)), True)
    if np.all(points.max(axis=0) <= 0.0):
        return Hypervolume(float(REFERENCE ** points.shape[1]), points.shape == front.shape)
    directions = _DIRECTIONS if points.shape[1] <= _MANY_OBJECTIVES else _DIRECTIONS // 16
    return Hypervolume(float(moocore.hv_approx(points, ref=reference, nsamples=directions)), False)


def thin(points: Floats, size: int, keep: Sequence[int] = ()) -> NDArray[np.intp]:
    """Choose `size` of the rows (N, M) that cover them best; returns their indices, ascending.

    Those in `keep` and the best row of each objective come first, the rest by `farthest_first`.
    """
    if len(points) <= size:
        return np.arange(len(points))
    return np.sort(farthest_first(points, size, [*keep, *points.argmin(axis=0).tolist()]))


def farthest_first(points: Floats | NDArray[np.float32], size: int, first: Sequence[int]) -> NDArray[np.intp]:
    """Choose `size` of the rows (N, M), in the order chosen: `first`, then again and again the row farthest from these.

    No row is then farther from a chosen one than twice the least possible. Takes memory for (N, M) only. Source:
    Gonzalez (1985), "Clustering to minimize the maximum intercluster distance".
    """
    chosen = list(dict.fromkeys(first))[:size]
    if len(chosen) == size:
        return np.array(chosen, dtype=np.intp)
    lengths = np.square(points).sum(axis=1)
    gap = np.full(len(points), np.inf, dtype=points.dtype)
    for start in range(0, len(chosen), _AT_ONCE):
        rows = chosen[start : start + _AT_ONCE]
        distances = lengths - 2.0 * (points[rows] @ points.T) + lengths[rows, None]
        np.minimum(gap, distances.min(axis=0), out=gap)
    gap[chosen] = -np.inf
    while len(chosen) < size:
        row = int(gap.argmax())
        chosen.append(row)
        np.minimum(gap, lengths - 2.0 * (points @ points[row]) + lengths[row], out=gap)
        gap[row] = -np.inf
    return np.array(chosen, dtype=np.intp)
