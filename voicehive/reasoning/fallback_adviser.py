"""Advice from the digest alone: deterministic, explained, and at hand when no model is."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.advising.advice import (
    LARGEST_SCALED,
    MOST_PROPOSALS,
    Advice,
    FrontDigest,
    ParameterDigest,
    Place,
    Proposed,
    SolutionDigest,
)

_STEP = 0.1
_NEIGHBOURS = 3
_COORDINATES = 2
_LEAST_CORRELATION = 0.1
_FACTOR = 2.0


class _Idea(NamedTuple):
    changes: dict[str, Place]
    explanation: str


class FallbackAdviser:
    """Proposes points between the recommended solution and its neighbours, and single steps that help the worst off.

    Worst off is the objective with the greatest weighted scaled value at the recommended solution, the term that
    decides a Chebyshev achievement (Wierzbicki 1980). Half-way points are feasible wherever the feasible set is convex;
    the steps follow the rank correlations. Effects are predicted by a local linear model.
    """

    def advise(self, digest: FrontDigest) -> Advice:
        """Advise; with nothing to improve or nothing to change the advice is empty."""
        worst = _worst_off(digest)
        ideas = [*_halfway(digest, worst), *_steps(digest, worst)]
        model = _LocalModel(digest)
        proposals = [
            Proposed(changes=idea.changes, effects=model.effects(idea.changes), explanation=idea.explanation)
            for number, idea in enumerate(ideas)
            if idea.changes not in [earlier.changes for earlier in ideas[:number]]
        ]
        preferences = {worst: _FACTOR} if worst else {}
        return Advice(preferences=preferences, proposals=tuple(proposals[:MOST_PROPOSALS]), source="fallback")


def _worst_off(digest: FrontDigest) -> str | None:
    """The objective's code, or None where the recommended solution is the best in all."""
    recommended = digest.solutions[0].objectives
    terms = {objective.code: objective.weight * recommended[objective.code] for objective in digest.objectives}
    worst = max(terms, key=lambda code: terms[code])
    return worst if terms[worst] > 0.0 else None


def _halfway(digest: FrontDigest, worst: str | None) -> Iterator[_Idea]:
    """Half of the way to the knee, to the best in the objective worst off, and to other extremes: three at most."""
    first, *others = digest.solutions
    codes = sorted((objective.code for objective in digest.objectives), key=lambda code: code != worst)
    wanted = {"knee": "the knee"} | {f"best_in_{code}": f"the best solution in {code}" for code in codes}
    named = [(other, words) for role, words in wanted.items() for other in others if role in other.roles]
    seen: set[str] = set()
    for other, words in named:
        changes = _between(first, other, digest)
        if changes and other.code not in seen and len(seen) < _NEIGHBOURS:
            seen.add(other.code)
            yield _Idea(changes, f"Half of the way from the recommended solution to {words} ({other.code}).")


def _between(first: SolutionDigest, other: SolutionDigest, digest: FrontDigest) -> dict[str, Place]:
    """The middle of the numbers that differ; where only categories differ, the other's."""
    middle: dict[str, Place] = {}
    categories: dict[str, Place] = {}
    for parameter in digest.parameters:
        here, there = first.parameters[parameter.code], other.parameters[parameter.code]
        if isinstance(here, str) or isinstance(there, str):
            categories[parameter.code] = there
        else:
            middle[parameter.code] = _snapped(parameter, (here + there) / 2.0)
    changed = {code: place for code, place in middle.items() if place != first.parameters[code]}
    return changed or {code: place for code, place in categories.items() if place != first.parameters[code]}


def _steps(digest: FrontDigest, worst: str | None) -> Iterator[_Idea]:
    """A tenth, or one value, along each of the two strongest correlations with the objective worst off."""
    if worst is None:
        return
    strongest = sorted(digest.parameters, key=lambda parameter: -abs(parameter.correlations[worst]))[:_COORDINATES]
    for parameter in strongest:
        correlation = parameter.correlations[worst]
        here = digest.solutions[0].parameters[parameter.code]
        there = _neighbour(parameter, here, -1 if correlation > 0 else 1)
        if there != here and abs(correlation) >= _LEAST_CORRELATION:
            reason = f"over the front it goes with {worst}, the worst off here (rank correlation {correlation:+.2f})"
            yield _Idea({parameter.code: there}, f"{parameter.code} from {here} to {there} alone: {reason}.")


def _neighbour(parameter: ParameterDigest, here: Place, direction: int) -> Place:
    """The next place up (1) or down (-1), or the same at the end: of categories, the next shown."""
    if isinstance(here, str):
        index = parameter.categories.index(here) + direction
        return parameter.categories[min(max(index, 0), len(parameter.categories) - 1)]
    size = max(_STEP, 1.0 / (parameter.cells - 1)) if parameter.cells > 1 else _STEP
    return _snapped(parameter, here + direction * size)


def _snapped(parameter: ParameterDigest, position: float) -> float:
    """The nearest place that the parameter can take, to four decimals as in the digest."""
    bounded = min(max(position, 0.0), 1.0)
    steps = parameter.cells - 1
    return round(round(bounded * steps) / steps if steps > 0 else bounded, 4)


class _LocalModel:
    """Objectives as linear functions of the places, fitted to the digest's solutions.

    Weighted least squares through the recommended solution, the others weighted by the inverse of their distance; with
    fewer solutions than places, the coefficients of least norm (Golub & Van Loan 2013, section 5.5). A category is a
    place of its own, 0 or 1.
    """

    def __init__(self, digest: FrontDigest) -> None:
        self._recommended = digest.solutions[0].parameters
        self._objectives = [objective.code for objective in digest.objectives]
        self._places = list(_coordinates(digest.parameters))
        places = np.stack([self._encoded(solution.parameters) for solution in digest.solutions])
        values = np.array([[solution.objectives[code] for code in self._objectives] for solution in digest.solutions])
        moves, changes = places[1:] - places[0], values[1:] - values[0]
        distance = np.sqrt(np.square(moves).sum(axis=1, keepdims=True))
        weight = np.sqrt(1.0 / np.maximum(distance, 1e-6))
        self._coefficients: NDArray[np.float64] = np.linalg.lstsq(moves * weight, changes * weight, rcond=1e-6)[0]

    def effects(self, changes: dict[str, Place]) -> dict[str, float]:
        """The predicted change of each objective's scaled value."""
        move = self._encoded({**self._recommended, **changes}) - self._encoded(self._recommended)
        predicted = np.clip(move @ self._coefficients, -LARGEST_SCALED, LARGEST_SCALED)
        return {code: round(float(change), 3) + 0.0 for code, change in zip(self._objectives, predicted, strict=True)}

    def _encoded(self, places: dict[str, Place]) -> NDArray[np.float64]:
        return np.array([_coordinate(places[code], category) for code, category in self._places], dtype=np.float64)


def _coordinates(parameters: Iterable[ParameterDigest]) -> Iterator[tuple[str, str | None]]:
    for parameter in parameters:
        if parameter.categories:
            yield from ((parameter.code, category) for category in parameter.categories)
        else:
            yield parameter.code, None


def _coordinate(place: Place, category: str | None) -> float:
    return float(place == category) if isinstance(place, str) else place
