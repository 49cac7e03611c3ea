"""Sets of solutions in objective space: dominance, scaling, thinning, hypervolume. Everything is minimised here."""

import moocore
import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.erlang_a import Floats

REFERENCE = 1.1
"""Each coordinate of the hypervolume's reference point, in objectives scaled by ideal and nadir."""


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


def hypervolume(front: Floats) -> float:
    """The hypervolume of a scaled front (K, M) up to the reference point (1.1, ..., 1.1), at most 1.1^M.

    Source: Zitzler & Thiele (1998), "Multiobjective optimization using evolutionary algorithms"; by moocore.
    """
    return float(moocore.hypervolume(front, ref=np.full(front.shape[1], REFERENCE)))


def thin(points: Floats, size: int, keep: NDArray[np.intp]) -> NDArray[np.intp]:
    """Choose `size` of the rows (N, M) that cover them best; returns their indices, ascending.

    Starts from `keep` and the best row of each objective, then adds the row farthest from those chosen, again and
    again: no row is then farther from a chosen one than twice the least possible (Gonzalez 1985, farthest-first
    traversal).
    """
    if len(points) <= size:
        return np.arange(len(points))
    chosen = list(dict.fromkeys([*keep.tolist(), *points.argmin(axis=0).tolist()]))[:size]
    gap = np.min([np.square(points - points[index]).sum(axis=1) for index in chosen], axis=0)
    while len(chosen) < size:
        farthest = int(gap.argmax())
        chosen.append(farthest)
        gap = np.minimum(gap, np.square(points - points[farthest]).sum(axis=1))
    return np.array(sorted(set(chosen)), dtype=np.intp)
