"""Problems in which everything can be counted: their candidates, and the answer that is sought among them."""

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.evaluation import Evaluation, Judged
from voicehive.optimization.parameter import Settings
from voicehive.optimization.result import Conflict, Relaxation
from voicehive.optimization.satisfaction.relaxation import relaxations

if TYPE_CHECKING:
    from voicehive.optimization.evaluators.description import Columns, Outcomes

Positions: TypeAlias = NDArray[np.int64]
"""(N, P): which of its reachable values, counted from 0, each parameter takes."""

MOST_SOLUTIONS = 10
"""At most so many solutions are sought, unless more are asked for."""

Status: TypeAlias = Literal["optimal", "feasible", "infeasible", "unknown", "not_modelled"]


class Satisfaction(NamedTuple):
    """What came of seeking settings that meet every hard constraint; `reason` says it in words.

    `optimal`: `solutions[0]` has the least weighted sum, proven. `feasible`: `solutions` are feasible; `gap` is the
    most by which the first one may be worse than the best, as a share of the weighted objectives' whole extent, or
    None where nothing is known. `infeasible`: proven, and `conflict` says why. `unknown`: the time was too short, or
    no candidate could be evaluated. `not_modelled`: the problem does not fit this method. The solutions after the first
    differ from it and from each other in as many parameters as was found possible. `algorithm` is what found it.
    """

    status: Status
    reason: str
    solutions: tuple[Settings, ...] = ()
    gap: float | None = None
    conflict: Conflict | None = None
    evaluations: int = 0
    algorithm: str = ""

    @property
    def candidates(self) -> tuple[Settings, ...]:
        """What is worth trying: the solutions, or what breaks the least where there are none."""
        relaxed = self.conflict.solution if self.conflict is not None else None
        return self.solutions or (() if relaxed is None else (relaxed.settings,))

    @property
    def settled(self) -> bool:
        """Whether nothing else has to be searched: the solutions are known to be good, or that there are none."""
        return self.status in ("optimal", "infeasible") or self.gap is not None


def never() -> bool:
    """What does not ask to stop."""
    return False


class Candidates:
    """A problem's candidates by their positions, evaluated and judged as anywhere else in the engine.

    Args:
        evaluation: of the problem.
        most: how many may be evaluated; None: as many as it takes.
        stopped: says when to stop.
    """

    def __init__(self, evaluation: Evaluation, most: int | None = None, stopped: Callable[[], bool] = never) -> None:
        self._most = sys.maxsize if most is None else most
        self.stopped = stopped
        self.problem = evaluation.problem
        self.names = tuple(parameter.name for parameter in self.problem.parameters)
        self.cells: Positions = evaluation.encoding.space.cells.astype(np.int64)
        self.labels = tuple(constraint.label for constraint in self.problem.hard_constraints)
        self.relaxable = np.array([c.category != "safety" for c in self.problem.hard_constraints], dtype=np.bool_)
        self.evaluation = evaluation
        self.evaluations = 0

    @property
    def room(self) -> int:
        """How many may still be evaluated."""
        return max(0, self._most - self.evaluations)

    def columns(self, positions: Positions) -> "Columns":
        """Return the values at positions (N, P): an array (N,) for each parameter's name."""
        return self.evaluation.encoding.decode((positions + 0.5) / self.cells)

    def settings(self, positions: Positions) -> tuple[Settings, ...]:
        """Return the values at positions (N, P) as settings."""
        return tuple(self.evaluation.encoding.settings((positions + 0.5) / self.cells))

    def outcomes(self, columns: "Columns") -> "Outcomes":
        """Evaluate columns of values, and count them."""
        self.evaluations += len(next(iter(columns.values())))
        return self.evaluation.outcomes(columns)

    def assess(self, positions: Positions) -> Judged:
        """Evaluate and judge the candidates at positions (N, P)."""
        self.evaluations += len(positions)
        return self.evaluation.evaluate((positions + 0.5) / self.cells)

    def unknown(self, positions: Positions) -> tuple[list[int], list[str]]:
        """List the hard constraints and the objectives that do not come to numbers at positions (P,)."""
        columns = self.columns(positions[None, :])
        outcomes = self.outcomes(columns)
        finite = np.isfinite(self.evaluation.constraints.excesses(columns, outcomes)[0])
        objectives = [objective.name for objective in self.problem.objectives]
        return np.flatnonzero(~finite).tolist(), [name for name in objectives if not np.isfinite(outcomes[name][0])]

    def conflict(
        self, constraints: Sequence[int], cheapest: Positions | None, alone: tuple[Relaxation, ...] = ()
    ) -> Conflict:
        """Describe a proven conflict, with the relaxation that makes the candidate at positions (P,) feasible."""
        named = tuple(self.labels[number] for number in constraints)
        if cheapest is None:
            return Conflict(constraints=named, proven=True)
        row = self.assess(cheapest[None, :]).population
        return Conflict(
            constraints=named,
            proven=True,
            relaxations=relaxations(self.evaluation, row),
            alone=alone,
            solution=self.evaluation.solutions(row)[0],
        )


def grid(cells: Positions) -> Positions:
    """List every combination of positions (N, K), given how many there are of each (K,)."""
    if not len(cells):
        return np.zeros((1, 0), dtype=np.int64)
    return np.stack(np.unravel_index(np.arange(int(np.prod(cells))), tuple(cells)), axis=1).astype(np.int64)
