"""Chooses one solution of a set, by several methods of the field. All is minimised and scaled unless it says so."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.arrays import Floats
from voicehive.optimization.evolution.population import MOST_OBJECTIVES_BY_DOMINANCE
from voicehive.optimization.front import scaled
from voicehive.optimization.models import Objective

AUGMENTATION = 1e-3
TOLERANCE = 1e-9
_ROUNDING = 1e-12
_WEIGHTINGS_AT_ONCE = 64
"""Few enough for their products with two thousand rows to stay in the processor's cache."""
_MANY_COLUMNS = 32


Measure: TypeAlias = Literal["achievement", "weighted_sum"]
"""What a choice makes least: the augmented Chebyshev achievement, or the weighted sum of scaled objectives."""


class Choice(NamedTuple):
    """The chosen row, the rows it was chosen from, whether those keep every limit on worsening, and what they are
    compared by: their points (E, M), scaled and measured from the reference point, and the measure that is least.
    """

    chosen: int
    eligible: NDArray[np.intp]
    within_limits: bool
    points: Floats
    measure: Measure


def choose(
    candidates: Floats,
    violations: Floats,
    current: Floats | None,
    objectives: tuple[Objective, ...],
    deviations: Floats | None = None,
    *,
    measure: Measure = "achievement",
) -> Choice:
    """Choose among candidates (N, M), in the objectives' own directions and units.

    The least violating come first; among them those no worse than `current` (M,) beyond each objective's
    `maximum_worsening`, or, where none is so, those with the least worsening beyond it in sum. These are eligible; the
    one with the least `measure` is chosen: scaled by their own ideal and nadir, measured from the targets or else the
    ideal, each value made worse by its standard deviation in `deviations` (N, M). A weighted sum is scaled by all the
    least violating instead, as a search for it is.
    """
    eligible = least = np.flatnonzero(violations <= violations.min() + TOLERANCE)
    within = True
    if current is not None:
        excess = worsening(candidates[eligible], current, objectives)
        eligible, within = eligible[excess <= excess.min() + TOLERANCE], bool(excess.min() <= TOLERANCE)
    signed = minimized(candidates[eligible], objectives)
    reference = aspiration(signed, objectives)
    if deviations is not None:
        signed = signed + deviations[eligible]
    scale = signed if measure == "achievement" else minimized(candidates[least], objectives)
    points = scaled(signed, scale) - reference
    best = measured(points, weights_of(objectives), measure).argmin()
    return Choice(int(eligible[best]), eligible, within, points, measure)


def measured(points: Floats, weights: Floats, measure: Measure) -> NDArray[Any]:
    """What a choice makes least of points (N, M): (N,), or (N, W) under several weightings (W, M)."""
    return achievement(points, weights) if measure == "achievement" else points @ weights.T


def minimized(values: Floats, objectives: Sequence[Objective]) -> Floats:
    """Turn objective values (N, M) so that less is better in every column."""
    return values * np.array([objective.sign for objective in objectives])


def weights_of(objectives: tuple[Objective, ...]) -> Floats:
    """The objectives' weights (M,), scaled to sum 1."""
    weights = np.array([objective.weight for objective in objectives])
    return weights / weights.sum()


def aspiration(front: Floats, objectives: tuple[Objective, ...]) -> Floats:
    """The reference point (M,) on the scale of a front (N, M), minimised: each target, or 0, the ideal, without one."""
    targets = [objective.target for objective in objectives]
    signed = minimized(np.array([[0.0 if target is None else target for target in targets]]), objectives)
    ideal = np.array([target is None for target in targets])
    return np.where(ideal, 0.0, scaled(signed, front)[0])


def worsening(candidates: Floats, current: Floats, objectives: tuple[Objective, ...]) -> Floats:
    """How far each candidate (N, M) is worse than `current` (M,) beyond what is allowed: relative, summed (N,).

    Where today's value is 0 (but for rounding, beside the range of the candidates) no share of it is anything: there
    only an objective without limit may worsen, and what is lost counts relative to that range.
    """
    size: Floats = np.abs(current)
    loss = minimized(candidates - current, objectives)
    limits = [objective.maximum_worsening for objective in objectives]
    allowed = np.array([np.inf if limit is None else limit for limit in limits])
    reach = np.abs(loss).max(axis=0)
    zero = size <= _ROUNDING * reach
    relative = loss / np.where(zero, np.where(reach > 0.0, reach, 1.0), size)
    allowed = np.where(zero & np.isfinite(allowed), 0.0, allowed)
    return np.maximum(relative - allowed - TOLERANCE, 0.0).sum(axis=1)


def achievement(points: Floats, weights: Floats) -> NDArray[Any]:
    """The augmented Chebyshev achievement of scaled points (N, M), measured from the reference point.

    max_i w_i z_i + rho sum_i w_i z_i. Its minimum is always Pareto-optimal. Source: Wierzbicki (1980), "The use of
    reference objectives in multiobjective optimization"; Miettinen (1999), section 5.7.

    Args:
        points: less the reference point, where that is not the ideal.
        weights: of one weighting (M,), or of several (W, M).

    Returns:
        (N,), or (N, W) in single precision.
    """
    if weights.ndim == 1:
        return (points * weights).max(axis=1) + AUGMENTATION * (points @ weights)
    columns, rows = np.ascontiguousarray(points.T, dtype=np.float32), weights.astype(np.float32)
    achieved = AUGMENTATION * (rows @ columns)
    if len(columns) > _MANY_COLUMNS:
        product = np.empty_like(columns)
        for place, weighting in enumerate(rows):
            achieved[place] += np.multiply(columns, weighting[:, None], out=product).max(axis=0)
        return achieved.T
    for start in range(0, len(rows), _WEIGHTINGS_AT_ONCE):
        block = rows[start : start + _WEIGHTINGS_AT_ONCE].T
        worst = np.multiply.outer(block[0], columns[0])
        product = np.empty_like(worst)
        for weight, column in zip(block[1:], columns[1:], strict=True):
            np.maximum(worst, np.multiply.outer(weight, column, out=product), out=worst)
        achieved[start : start + _WEIGHTINGS_AT_ONCE] += worst
    return achieved.T


def knee(points: Floats) -> int:
    """The scaled point (N, M) farthest below the hyperplane through the best point of each objective.

    Source: Das (1999), "On characterizing the 'knee' of the Pareto curve based on normal-boundary intersection". Where
    those points fix no hyperplane, or one along which an objective need not be better to lie lower, it is that through
    the unit vectors: the least sum. So it is beyond 15 objectives, where a front does not reach down to every end.
    """
    sums = points.sum(axis=1)
    if points.shape[1] > MOST_OBJECTIVES_BY_DOMINANCE:
        return int(sums.argmin())
    ends = points[[np.lexsort((sums, column))[0] for column in points.T]]
    try:
        normal = np.linalg.solve(ends, np.ones(len(ends)))
    except np.linalg.LinAlgError:
        return int(sums.argmin())
    if (normal > 0.0).all() and np.allclose(ends @ normal, 1.0):
        return int((points @ normal).argmin())
    return int(sums.argmin())


def topsis(points: Floats, weights: Floats) -> Floats:
    """The relative closeness (N,) of scaled points (N, M) to the ideal: 1 at the ideal, 0 at the nadir.

    d- / (d+ + d-) with weighted Euclidean distances to the nadir and the ideal. Source: Hwang & Yoon (1981), "Multiple
    attribute decision making", chapter III; scaled linearly instead of by the vectors' norms, so that no shift of an
    objective's origin changes the order.
    """
    to_ideal = np.sqrt(np.square(points * weights).sum(axis=1))
    to_nadir = np.sqrt(np.square((1.0 - points) * weights).sum(axis=1))
    whole = to_ideal + to_nadir
    return np.divide(to_nadir, whole, out=np.ones_like(whole), where=whole > 0.0)


def pseudo_weights(points: Floats) -> Floats:
    """The weighting (N, M) that each scaled point of a front stands for: how near it is to the best in each objective.

    (1 - z_i) / sum_j (1 - z_j). Source: Deb (2001), "Multi-objective optimization using evolutionary algorithms",
    section 8.6.
    """
    nearness = 1.0 - points
    whole = nearness.sum(axis=1, keepdims=True)
    return np.divide(nearness, whole, out=np.full_like(points, 1.0 / points.shape[1]), where=whole > 0.0)


def by_pseudo_weights(points: Floats, weights: Floats) -> int:
    """The row of a scaled front (N, M) whose pseudo-weights are the nearest to `weights` (M,)."""
    return int(np.square(pseudo_weights(points) - weights).sum(axis=1).argmin())


def safest(excesses: Floats, points: Floats, safety: NDArray[np.bool_], guarded: NDArray[np.bool_]) -> int | None:
    """The row with the most room left where it is tightest.

    Args:
        excesses: relative, over the hard constraints (N, C).
        points: the scaled objectives (N, M).
        safety: which objectives are there for safety (M,).
        guarded: which constraints are (C,). If none is, and no objective, all constraints count.

    Returns:
        None where nothing is there to be safe about.
    """
    counted = excesses[:, guarded] if guarded.any() or safety.any() else excesses
    risks = np.column_stack([counted, points[:, safety]])
    if not risks.shape[1]:
        return None
    return int(np.lexsort((points.sum(axis=1), risks.max(axis=1)))[0])


def nearest(points: Floats, origin: Floats) -> int:
    """The row of encoded settings (N, P) at the least Euclidean distance from `origin` (P,)."""
    return int(np.square(points - origin).sum(axis=1).argmin())
