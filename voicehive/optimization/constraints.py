"""The arithmetic of constraints: how far each is exceeded, the room left, and what soft ones cost."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from voicehive.optimization.arrays import Floats
from voicehive.optimization.formulas.expression import Expression
from voicehive.optimization.formulas.tree import Kind
from voicehive.optimization.models import Constraint
from voicehive.optimization.problem import Problem

if TYPE_CHECKING:
    from voicehive.optimization.evaluators.description import Columns, Outcomes


class _Bound(NamedTuple):
    """A bound on one column: sign * (value - limit) is at most 0 where it holds."""

    subject: str
    sign: float
    limit: float

    def slack(self, columns: "Columns") -> Floats:
        return self.sign * (self.limit - columns[self.subject])

    def excess(self, columns: "Columns") -> Floats:
        return -self.slack(columns) / (abs(self.limit) or 1.0)


class CompiledConstraints:
    """A problem's constraints, ready to be computed for whole populations."""

    def __init__(self, problem: Problem) -> None:
        names = problem.names
        self._hard = [_compiled(constraint, names) for constraint in problem.hard_constraints]
        self._soft = [_compiled(constraint, names) for constraint in problem.soft_constraints]
        self._prices = problem.soft_constraints
        self.labels = tuple(c.label for c in (*problem.hard_constraints, *problem.soft_constraints))

    def excesses(self, columns: "Columns", outcomes: "Outcomes") -> Floats:
        """How far each hard constraint is exceeded (N, C), relative to its bound (absolute at bound 0); at most 0
        where it holds, NaN where it is undefined."""
        every = {**columns, **outcomes}
        return _stacked([constraint.excess(every) for constraint in self._hard], outcomes)

    def slacks(self, columns: "Columns", outcomes: "Outcomes") -> Floats:
        """The room left in each hard constraint (N, C), in the unit of what it bounds."""
        every = {**columns, **outcomes}
        return _stacked([constraint.slack(every) for constraint in self._hard], outcomes)

    def soft_slacks(self, columns: "Columns", outcomes: "Outcomes") -> Floats:
        """The room left in each soft constraint (N, S), in the unit of what it bounds."""
        every = {**columns, **outcomes}
        return _stacked([constraint.slack(every) for constraint in self._soft], outcomes)

    def charges(self, columns: "Columns", outcomes: "Outcomes") -> Mapping[str, Floats]:
        """What the soft constraints cost each objective that pays for them: price times excess in its own unit (N,)."""
        every = {**columns, **outcomes}
        charges: dict[str, Floats] = {}
        for constraint, compiled in zip(self._prices, self._soft, strict=True):
            owed = (constraint.price or 0.0) * np.maximum(-compiled.slack(every), 0.0)
            charges[constraint.charged_to] = charges.get(constraint.charged_to, 0.0) + owed
        return charges


def _compiled(constraint: Constraint, names: Mapping[str, Kind]) -> "_Bound | Expression":
    if constraint.formula:
        return Expression.parse(constraint.formula, names)
    if constraint.at_most is not None:
        return _Bound(constraint.subject, 1.0, constraint.at_most)
    assert constraint.at_least is not None
    return _Bound(constraint.subject, -1.0, constraint.at_least)


def _stacked(columns: list[Floats], outcomes: "Outcomes") -> Floats:
    size = len(next(iter(outcomes.values())))
    return np.stack(columns, axis=1) if columns else np.zeros((size, 0))
