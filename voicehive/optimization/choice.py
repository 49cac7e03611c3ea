"""Chooses one solution of a front, says why, and measures how much the choice owes to the weights."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.erlang_a import Floats
from voicehive.optimization.figures import figure
from voicehive.optimization.front import scaled
from voicehive.optimization.models import Objective, Settings

_AUGMENTATION = 1e-3
_WEIGHTINGS = 1_000
_TOLERANCE = 1e-9


class Choice(NamedTuple):
    """The chosen row, the rows it was chosen from, and whether those keep every limit on worsening."""

    chosen: int
    eligible: NDArray[np.intp]
    within_limits: bool


def choose(candidates: Floats, violations: Floats, current: Floats, objectives: tuple[Objective, ...]) -> Choice:
    """Choose among candidates (N, M), in the objectives' own directions and units.

    The least violating come first; among them those no worse than `current` (M,) beyond each objective's
    `maximum_worsening`, or, where none is so, those with the least worsening beyond it in sum. These are eligible; the
    one with the least augmented Chebyshev achievement, scaled by their own ideal and nadir, is chosen.
    """
    lowest = np.flatnonzero(violations <= violations.min() + _TOLERANCE)
    excess = worsening(candidates[lowest], current, objectives)
    eligible = lowest[excess <= excess.min() + _TOLERANCE]
    signed = minimized(candidates[eligible], objectives)
    best = achievement(scaled(signed, signed), objectives).argmin()
    return Choice(int(eligible[best]), eligible, bool(excess.min() <= _TOLERANCE))


def minimized(values: Floats, objectives: tuple[Objective, ...]) -> Floats:
    """Turn objective values (N, M) so that less is better in every column."""
    return values * np.array([1.0 if objective.direction == "minimize" else -1.0 for objective in objectives])


def worsening(candidates: Floats, current: Floats, objectives: tuple[Objective, ...]) -> Floats:
    """How far each candidate (N, M) is worse than `current` (M,) beyond what is allowed: relative, summed (N,)."""
    size: Floats = np.abs(current)
    loss = minimized(candidates - current, objectives)
    limits = [objective.maximum_worsening for objective in objectives]
    allowed = np.array([np.inf if limit is None else limit for limit in limits])
    relative = loss / np.where(size > _TOLERANCE, size, 1.0)
    return np.maximum(relative - allowed - _TOLERANCE, 0.0).sum(axis=1)


def achievement(points: Floats, objectives: tuple[Objective, ...]) -> Floats:
    """The augmented Chebyshev achievement (N,) of scaled points (N, M), with the ideal point as the reference point.

    max_i w_i z_i + rho sum_i w_i z_i, the weights scaled to sum 1. Its minimum is always Pareto-optimal. Source:
    Wierzbicki (1980), "The use of reference objectives in multiobjective optimization".
    """
    return _achievement(points, _weights(objectives)[None, :])[:, 0]


def _achievement(points: Floats, weightings: Floats) -> Floats:
    """For each point (N, M) and each weighting (W, M): (N, W)."""
    worst = points[:, :1] * weightings[:, 0]
    for column in range(1, points.shape[1]):
        np.maximum(worst, points[:, column : column + 1] * weightings[:, column], out=worst)
    return worst + _AUGMENTATION * (points @ weightings.T)


def knee(points: Floats) -> int:
    """The scaled point (N, M) farthest below the hyperplane through the best point of each objective.

    Source: Das (1999), "On characterizing the 'knee' of the Pareto curve based on normal-boundary intersection"; the
    hyperplane is that through the unit vectors, which the scaling by ideal and nadir puts those points on.
    """
    return int(points.sum(axis=1).argmin())


def acceptability(points: Floats, chosen: int, objectives: tuple[Objective, ...], rng: np.random.Generator) -> float:
    """The share of 1,000 random weightings under which the chosen scaled point is in the best tenth of all (N, M).

    SMAA's rank acceptability, summed over the first tenth of the ranks (Lahdelma & Salminen 2001, "SMAA-2: stochastic
    multicriteria acceptability analysis for group decision making"), with the achievement that the choice is made by:
    a weighted sum would favour the ends of a straight front under every weighting. The weightings are Dirichlet
    about the objectives' own, uniform where those are equal.
    """
    weights = _weights(objectives)
    weightings = rng.dirichlet(weights * len(weights), _WEIGHTINGS)
    achieved = _achievement(points, weightings)
    better = (achieved < achieved[chosen] - _TOLERANCE).sum(axis=0)
    return float((better < np.ceil(len(points) / 10.0)).mean())


def preference(
    chosen: Floats, current: Floats, extent: Floats, objectives: tuple[Objective, ...], rng: np.random.Generator
) -> float:
    """The share of 1,000 random weightings under which `chosen` (M,) is better than `current` (M,) as a weighted sum.

    1 where it dominates. The pairwise winning index of SMAA (Leskinen et al. 2006, "Alternatives to incorporate
    uncertainty and risk attitude in multicriteria evaluation of forest plans"), against the choice to change nothing.
    `extent` (M,) is each objective's range on the front; the weightings are as in `acceptability`.
    """
    gain = -minimized((chosen - current)[None, :], objectives)[0] / np.where(extent > _TOLERANCE, extent, 1.0)
    weights = _weights(objectives)
    return float((rng.dirichlet(weights * len(weights), _WEIGHTINGS) @ gain > 0.0).mean())


def nearest(points: Floats, origin: Floats) -> int:
    """The row of encoded settings (N, P) at the least Euclidean distance from `origin` (P,)."""
    return int(np.square(points - origin).sum(axis=1).argmin())


def reasons(
    chosen: tuple[Settings, Floats, float],
    current: tuple[Settings, Floats, float],
    objectives: tuple[Objective, ...],
    choice: Choice,
    acceptable: float,
) -> tuple[str, ...]:
    """Say in words and numbers what the chosen (settings, values (M,), violation) does and why it was chosen."""
    (settings, values, violation), (today, todays, todays_violation) = chosen, current
    lines = [_feasibility(violation, todays_violation)] if violation or todays_violation else []
    lines += [
        _comparison(objective, float(value), float(before))
        for objective, value, before in zip(objectives, values, todays, strict=True)
    ]
    changes = [f"{name} {today[name]} -> {value}" for name, value in settings.items() if value != today[name]]
    lines.append("changes " + ", ".join(changes) if changes else "keeps today's settings: no change")
    limits = "no worse than today beyond what each objective allows" if choice.within_limits else "the least worse"
    among = f"{len(choice.eligible):,} candidates are {'feasible' if not violation else 'least violating'} and {limits}"
    lines.append(f"{among}; of these it has the least augmented Chebyshev achievement under the given weights")
    lines.append(f"in the best tenth of these under {acceptable:.0%} of {_WEIGHTINGS:,} random weightings")
    return tuple(lines)


def _feasibility(violation: float, before: float) -> str:
    if violation == 0.0:
        return f"meets every constraint, which today's settings do not (violation {before:.3g})"
    return f"no candidate meets every constraint; this one violates them least ({violation:.3g}, today {before:.3g})"


def _comparison(objective: Objective, value: float, before: float) -> str:
    unit = f" {objective.unit}" if objective.unit else ""
    if abs(value - before) <= _TOLERANCE * max(abs(before), 1.0):
        return f"{objective.name} stays at {figure(value)}{unit}"
    verb = "falls" if value < before else "rises"
    share = f" ({(value - before) / abs(before):+.1%})" if before else ""
    return f"{objective.name} {verb} from {figure(before)} to {figure(value)}{unit}{share}"


def _weights(objectives: tuple[Objective, ...]) -> NDArray[np.float64]:
    weights = np.array([objective.weight for objective in objectives])
    return weights / weights.sum()
