# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""A first roadmap at once: the best-scored starts that still fit, one after the other.

A serial schedule generation scheme (Kolisch 1996, "Serial and parallel resource-constrained project scheduling methods
revisited") in which a prerequisite is placed just before what needs it.
"""

import numpy as np

from voicehive.planning.roadmap.program import Columns, Program
from voicehive.planning.roadmap.values import Floats

_SLACK = 1e-9


def densities(program: Program) -> Floats:
    """Score columns by their weighted value less cost, for the share of all limits that they take."""
    weights = program.weights
    gains = (weights.value + weights.risk) * program.means - weights.cost * program.costs
    gains = gains - weights.finish * program.finishes / max(1, program.problem.horizon.periods)
    shares = abs(program.matrix).T @ (1.0 / np.maximum(np.abs(program.limits), 1.0))
    return np.where(gains > 0.0, gains / (shares + _SLACK), gains * (shares + _SLACK))


def greedy(program: Program, scores: Floats) -> Columns | None:
    """Build a roadmap by descending scores (N,): what every roadmap holds first, then what scores above 0.

    Returns None where what every roadmap holds did not all fit this way, which proves nothing.
    """
    builder = _Builder(program, scores)
    order = np.argsort(-scores, kind="stable")
    for place in sorted(program.wanted, key=lambda one: program.problem.window(program.problem.counting[one])[1]):
        builder.add(place, 0)
    for column in order[: int((scores > 0.0).sum())]:
        builder.add(int(program.owners[column]), 0)
    chosen = np.array(sorted(builder.chosen.values()), dtype=np.intp)
    if program.fits(chosen) and program.wanted <= builder.chosen.keys():
        return chosen
    return None


class _Builder:
    """A roadmap that grows. Groups that must be together are added together or not at all."""

    def __init__(self, program: Program, scores: Floats) -> None:
        problem = program.problem
        self._program = program
        self._by_owner = [
            one[np.argsort(-scores[one], kind="stable")]
            for one in (np.flatnonzero(program.owners == place) for place in range(len(problem.counting)))
        ]
        amounts = np.array([label.startswith(("capacity", "budget", "objective cost")) for label in program.labels])
        self._amounts = program.matrix[amounts].toarray() if amounts.any() else np.zeros((0, program.size))
        self._left = program.limits[amounts] + _SLACK
        self._apart = [{problem.places[name] for name in group if name in problem.places} for group in problem.apart]
        self._together: dict[int, set[int]] = {}
        for group in problem.together:
            members = {problem.places.get(name, -1) for name in group}
            for member in members:
                self._together[member] = self._together.get(member, set()) | members
        self.chosen: dict[int, int] = {}

    def add(self, place: int, depth: int) -> bool:
        """Add an initiative with what it needs, or leave everything as it was."""
        if place in self.chosen:
            return True
        before, left = dict(self.chosen), self._left.copy()
        if self._add(place, depth):
            return True
        self.chosen, self._left = before, left
        return False

    def _add(self, place: int, depth: int) -> bool:
        problem = self._program.problem
        if place < 0 or depth > len(problem.counting):
            return False
        if any(place in group and not group.isdisjoint(self.chosen) for group in self._apart):
            return False
        first = 0
        for one in problem.counting[place].prerequisites:
            other = problem.places.get(one.initiative, -1)
            if not self.add(other, depth + 1):
                return False
            first = max(first, int(self._program.finishes[self.chosen[other]]) + one.lag)
        if place not in self.chosen and not self._place(place, first):
            return False
        return all(self.add(member, depth + 1) for member in sorted(self._together.get(place, ())))

    def _place(self, place: int, first: int) -> bool:
        for column in self._by_owner[place]:
            taken = self._amounts[:, column]
            if self._program.starts[column] >= first and bool((taken <= self._left).all()):
                self.chosen[place] = int(column)
                self._left -= taken
                return True
        return False
