"""Turns points of the unit cube into evaluated populations, and evaluated populations into solutions."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from voicehive.optimization.arrays import Floats, rows_of
from voicehive.optimization.constraints import CompiledConstraints
from voicehive.optimization.encoding import Encoding
from voicehive.optimization.evaluators.checked_outcomes import checked
from voicehive.optimization.evaluators.contact_centre import ContactCentre
from voicehive.optimization.evaluators.description import PopulationEvaluator
from voicehive.optimization.evaluators.formula import Formula
from voicehive.optimization.evaluators.http_simulator import HttpSimulator
from voicehive.optimization.evaluators.python_function import PythonFunction
from voicehive.optimization.evaluators.surrogate import Surrogate, deviation_of
from voicehive.optimization.evaluators.table_evaluator import TableEvaluator
from voicehive.optimization.evolution.population import Population
from voicehive.optimization.models import Constraint, Solution
from voicehive.optimization.parameter import Parameter, Settings
from voicehive.optimization.problem import Problem

if TYPE_CHECKING:
    from voicehive.optimization.evaluators.description import Columns, Outcomes

Marks: TypeAlias = NDArray[np.bool_]


class Judged(NamedTuple):
    """Evaluated rows, and which of the rows asked they are (N,): those with finite objectives and constraints."""

    population: Population
    known: Marks


class Evaluation:
    """One problem's evaluator, objectives and constraints as one function of points.

    Inside the engine objectives stand in the order of their names, so that the order in which they are given changes no
    result. `given` is the problem as it was given, and `order` where each of its objectives stands inside.

    Args:
        problem: with its data read.
        evaluator: instead of the one that the problem describes.

    Raises:
        InvalidData: the problem still names a file, or its data cannot be used.
        EvaluatorRefused: the evaluator cannot be used as described.
    """

    def __init__(self, problem: Problem, evaluator: PopulationEvaluator | None = None) -> None:
        self.given = problem
        ordered = tuple(sorted(problem.objectives, key=lambda objective: objective.name))
        self.problem = problem = problem.model_copy(update={"objectives": ordered})
        self._objectives = [objective.name for objective in ordered]
        places = {name: place for place, name in enumerate(self._objectives)}
        self.order = [places[objective.name] for objective in self.given.objectives]
        self._evaluator = evaluator or population_evaluator(problem)
        self.encoding = _encoding(problem, self._evaluator)
        self.constraints = CompiledConstraints(problem)
        self.names = problem.evaluator.outcome_names
        self.columns_of_objectives = [self.names.index(objective.name) for objective in problem.objectives]
        every = self.columns_of_objectives == list(range(len(self.names)))
        self._selection = slice(None) if every else self.columns_of_objectives
        self.signs = np.array([objective.sign for objective in problem.objectives])

    def with_constraints(self, constraints: Sequence[Constraint]) -> "Evaluation":
        """The same evaluator under further constraints."""
        wider = {"constraints": (*self.problem.constraints, *constraints)}
        return Evaluation(self.problem.model_copy(update=wider), self._evaluator)

    @property
    def nothing(self) -> Population:
        """A population without rows."""
        widths = (
            len(self.encoding.parameters),
            len(self._objectives),
            len(self.problem.hard_constraints),
            len(self.names),
        )
        return Population(*(np.zeros((0, width)) for width in widths))

    def measured(self) -> Judged | None:
        """A table's rows, all that the parameters allow; None where outcomes are computed."""
        if not isinstance(self._evaluator, TableEvaluator):
            return None
        rows = self._evaluator.rows()
        return self.judge(self.encoding.encode_columns(rows.settings), rows.settings, rows.outcomes)

    def outcomes(self, columns: "Columns") -> "Outcomes":
        """Compute the outcomes of columns of settings (N,), without charges for soft constraints.

        Raises:
            EvaluatorFailed, EvaluatorRefused: the evaluator gave nothing, or not what was agreed.
        """
        size = len(next(iter(columns.values())))
        return checked(self._evaluator.evaluate(columns), self.names, size)

    def evaluate(self, points: Floats) -> Judged:
        """Evaluate points (N, P); rows that do not come to numbers are left out."""
        columns = self.encoding.decode(points)
        return self.judge(points, columns, self.outcomes(columns))

    def evaluate_given(self, points: Floats, outcomes: Mapping[str, ArrayLike]) -> Judged:
        """Make a population of points (N, P) from outcomes that someone else computed.

        Raises:
            EvaluatorRefused: an outcome is missing, or has another shape.
        """
        return self.judge(points, self.encoding.decode(points), checked(outcomes, self.names, len(points)))

    def judge(self, points: Floats, columns: "Columns", outcomes: "Outcomes") -> Judged:
        """Make a population of points (N, P) whose outcomes are known already."""
        excesses = self.constraints.excesses(columns, outcomes)
        table = np.array([outcomes[name] for name in self.names]).T.copy()
        objectives = table[:, self._selection] * self.signs
        for name, owed in self.constraints.charges(columns, outcomes).items():
            objectives[:, self._objectives.index(name)] += owed
        known: Marks = np.logical_and(np.isfinite(objectives).all(axis=1), np.isfinite(excesses).all(axis=1))
        population = Population(points, objectives, excesses, table)
        return Judged(population if known.all() else population.take(known), known)

    def values(self, population: Population) -> Floats:
        """The objectives (N, M) in their own directions and units, charges included."""
        return population.objectives * self.signs

    def deviations(self, population: Population) -> Floats:
        """The evaluator's posterior standard deviation of each objective (N, M); 0 where it states none."""
        columns = [
            population.outcomes[:, self.names.index(deviation)]
            if (deviation := deviation_of(objective.name)) in self.names
            else np.zeros(len(population.points))
            for objective in self.problem.objectives
        ]
        return np.stack(columns, axis=1)

    def settings(self, population: Population) -> list[Settings]:
        """The settings of each row."""
        return self.encoding.settings(population.points)

    def solutions(self, population: Population) -> tuple[Solution, ...]:
        """Each row as a solution, `index` being its place.

        What its objectives are charged for soft constraints is in them; outcomes that are not known are left out.
        """
        columns = self.encoding.decode(population.points)
        every = dict(zip(self.names, population.outcomes.T, strict=True))
        hard, soft = self.constraints.slacks(columns, every), self.constraints.soft_slacks(columns, every)
        slacks = (np.concatenate([hard, soft], axis=1) + 0.0).tolist()  # no room is 0.0, never -0.0
        outcomes = population.outcomes.copy()
        outcomes[:, self.columns_of_objectives] = self.values(population)
        named = rows_of(dict(zip(self.names, outcomes.T, strict=True)))
        if not np.isfinite(outcomes).all():
            named = [{name: value for name, value in row.items() if np.isfinite(value)} for row in named]
        rows = zip(self.settings(population), named, slacks, strict=True)
        violations = population.violations.tolist()
        return tuple(
            Solution.model_construct(
                index=index,
                settings=settings,
                outcomes=row,
                violation=violations[index],
                slacks=dict(zip(self.constraints.labels, room, strict=True)),
            )
            for index, (settings, row, room) in enumerate(rows)
        )


def _encoding(problem: Problem, evaluator: PopulationEvaluator) -> Encoding:
    if problem.parameters or not isinstance(evaluator, TableEvaluator):
        return Encoding(problem.parameters)
    ((name, values),) = evaluator.rows().settings.items()
    if values.dtype.kind in "iu":
        return Encoding((Parameter(name=name, kind="integer", low=1, high=len(values), current=1),))
    labels = tuple(map(str, values.tolist()))
    return Encoding((Parameter(name=name, kind="categorical", choices=labels, current=labels[0]),))


def population_evaluator(problem: Problem) -> PopulationEvaluator:
    """Make the evaluator that a problem describes.

    Raises:
        InvalidData: its data has not been read, or cannot be used.
        EvaluatorRefused: it is not installed, or not usable here.
    """
    description = problem.evaluator
    if isinstance(description, ContactCentre):
        from voicehive.optimization.evaluators.contact_centre_evaluator import ContactCentreEvaluator  # noqa: PLC0415

        return ContactCentreEvaluator(description)
    if isinstance(description, Formula):
        from voicehive.optimization.evaluators.formula_evaluator import FormulaEvaluator  # noqa: PLC0415

        return FormulaEvaluator(description, problem.parameters)
    if isinstance(description, HttpSimulator):
        from voicehive.optimization.evaluators.http_evaluator import HttpEvaluator  # noqa: PLC0415

        return HttpEvaluator(description)
    if isinstance(description, PythonFunction):
        from voicehive.optimization.evaluators.python_evaluator import PythonEvaluator  # noqa: PLC0415

        return PythonEvaluator(description)
    if isinstance(description, Surrogate):
        from voicehive.optimization.evaluators.surrogate_evaluator import SurrogateEvaluator  # noqa: PLC0415

        return SurrogateEvaluator(description, problem.parameters)
    return TableEvaluator(description, problem.parameters)
