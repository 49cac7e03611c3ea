"""The solutions of a front that are named besides the recommended one, and how often each is the best."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization import choice
from voicehive.optimization.arrays import Floats
from voicehive.optimization.evaluation import Evaluation
from voicehive.optimization.evolution.population import Population
from voicehive.optimization.explanation import sensitivity
from voicehive.optimization.models import Objective
from voicehive.optimization.result import AdviceReport

_CURRENCIES = frozenset({"EUR", "USD", "GBP", "CHF", "€", "$", "£"})


class Front(NamedTuple):
    """The rows of the answer, scaled by their ideal and nadir, and how they fare under random weightings.

    `best` are the least violating of them: all, where anything is feasible.
    """

    rows: Population
    recommended: int
    points: Floats
    weights: Floats
    achieved: Floats
    best: NDArray[np.intp]


def alternatives_of(
    evaluation: Evaluation, front: Front, current: Population | None, advice: AdviceReport | None
) -> dict[str, int]:
    """The places in the front of the named solutions, all of them among the least violating ones."""
    objectives, rows = evaluation.problem.objectives, front.rows.take(front.best)
    points = front.points[front.best]
    found = {
        "knee": choice.knee(points),
        "topsis": int(choice.topsis(points, front.weights).argmax()),
        "pseudo_weights": choice.by_pseudo_weights(points, front.weights),
    }
    if (cost := _cost(objectives)) is not None:
        found["cheapest"] = int(np.lexsort((points.sum(axis=1), points[:, cost]))[0])
    safety = np.array([objective.category == "safety" for objective in objectives], dtype=np.bool_)
    guarded = np.array([c.category == "safety" for c in evaluation.problem.hard_constraints], dtype=np.bool_)
    safest = choice.safest(rows.excesses, points, safety, guarded)
    if safest is not None:
        found["safest"] = safest
    if current is not None:
        found["nearest_to_current"] = choice.nearest(rows.points, current.points[0])
    if advice is not None:
        weights = np.array([advice.preferences.get(objective.name, 1.0) for objective in objectives]) * front.weights
        found["advised"] = int(choice.achievement(points, weights / weights.sum()).argmin())
    return {name: int(front.best[place]) for name, place in found.items()}


def _cost(objectives: tuple[Objective, ...]) -> int | None:
    """The objective that says what a solution costs, by its name or else its unit; None without any."""
    lower = [place for place, objective in enumerate(objectives) if objective.direction == "minimize"]
    named = [place for place in lower if any(word in objectives[place].name.lower() for word in ("cost", "price"))]
    paid = [place for place in lower if objectives[place].unit in _CURRENCIES]
    return next(iter(named + paid), None)


def first_ranks(front: Front, alternatives: dict[str, int]) -> dict[str, float]:
    """The share of weightings under which the recommended and each named solution is the very best."""
    first = np.zeros(len(front.points))
    first[front.best] = sensitivity.first_ranks(front.achieved[front.best])
    return {name: float(first[row]) for name, row in {"recommended": front.recommended, **alternatives}.items()}
