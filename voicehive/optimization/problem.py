"""A whole optimisation problem: what may change, what counts, what must hold, and what computes the outcomes."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Self, TypeAlias

from pydantic import Field, model_validator

from voicehive.model import Model
from voicehive.optimization.errors import InvalidFormula
from voicehive.optimization.evaluators.contact_centre import ContactCentre
from voicehive.optimization.evaluators.formula import Formula
from voicehive.optimization.evaluators.http_simulator import HttpSimulator
from voicehive.optimization.evaluators.python_function import PythonFunction
from voicehive.optimization.evaluators.surrogate import Surrogate
from voicehive.optimization.evaluators.table import Table
from voicehive.optimization.formulas.categories import check_categories
from voicehive.optimization.formulas.expression import Expression, Kind, kind_of
from voicehive.optimization.models import Budget, Constraint, Objective, Strategy
from voicehive.optimization.parameter import Parameter, Settings

Evaluator: TypeAlias = Annotated[
    ContactCentre | Formula | HttpSimulator | PythonFunction | Surrogate | Table, Field(discriminator="kind")
]
"""Whatever computes outcomes from settings."""


class Problem(Model):
    """An optimisation problem. Validated as a whole: every name resolves, nothing contradicts, nothing is missing.

    `front_size` is the most solutions a result holds; beyond it the front is thinned.
    """

    parameters: tuple[Parameter, ...] = ()
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1)]
    constraints: tuple[Constraint, ...] = ()
    evaluator: Evaluator
    strategy: Strategy = "pareto"
    budget: Budget = Budget()
    seed: Annotated[int, Field(ge=0)] = 1
    front_size: Annotated[int, Field(ge=20, le=10_000)] = 300

    @model_validator(mode="after")
    def _consistent(self) -> "Problem":
        _refuse_repeats("parameter", (parameter.name for parameter in self.parameters))
        _refuse_repeats("objective", (objective.name for objective in self.objectives))
        _refuse_repeats("constraint", (c.label for c in (*self.hard_constraints, *self.soft_constraints)))
        if self.evaluator.has_data:
            self.evaluator.check_parameters(self.parameters)
            self._check_outcomes()
            self._check_objectives()
            self._check_constraints()
        self._refuse_contradictions()
        return self

    @property
    def current(self) -> Settings:
        """Today's settings."""
        return {parameter.name: parameter.current for parameter in self.parameters}

    @property
    def hard_constraints(self) -> tuple[Constraint, ...]:
        """What a feasible solution keeps: the constraints without a price, and the objectives' acceptable bounds.

        A bound that is given as a constraint too counts once, for safety if either is.
        """
        bounds = {bound.bounded: bound for objective in self.objectives for bound in objective.bounds}
        own = tuple(_guarded(c, bounds.get(c.bounded)) for c in self.constraints if c.hard)
        said = {constraint.bounded for constraint in own}
        return (*own, *(bound for said_as, bound in bounds.items() if said_as not in said))

    @property
    def soft_constraints(self) -> tuple[Constraint, ...]:
        """Those whose excess is paid for."""
        return tuple(constraint for constraint in self.constraints if not constraint.hard)

    @property
    def names(self) -> Mapping[str, Kind]:
        """What a formula may name, and of which kind it is: parameters and outcomes."""
        names: dict[str, Kind] = {parameter.name: kind_of(parameter) for parameter in self.parameters}
        names.update((name, "number") for name in self.evaluator.outcome_names)
        return names

    def with_data(self, base: Path) -> Self:
        """Return a copy with every file it names read and inlined; itself where it names none.

        Args:
            base: the folder that relative paths are resolved against: the request's own.

        Raises:
            InvalidData: a file cannot be used.
            ValidationError: its content does not fit the problem.
        """
        evaluator = self.evaluator.with_data(base)
        return self if evaluator is self.evaluator else self.model_validate(dict(self) | {"evaluator": evaluator})

    def structure_digest(self) -> str:
        """Name what stays the same while data, current values, bounds, budget and seed move, by its SHA-256.

        A front of one problem is a good start for another one of the same structure.
        """
        structure = {
            "parameters": [[parameter.name, parameter.kind, *parameter.choices] for parameter in self.parameters],
            "objectives": [[objective.name, objective.direction] for objective in self.objectives],
            "constraints": [[c.subject, c.formula, c.at_most is None] for c in self.constraints],
            "evaluator": self.evaluator.structure(),
        }
        return hashlib.sha256(json.dumps(structure, sort_keys=True).encode()).hexdigest()

    def _check_outcomes(self) -> None:
        if self.evaluator.kind == "table":
            return  # its columns of numbers are outcomes, those of the parameters among them
        shared = [p.name for p in self.parameters if p.name in self.evaluator.outcome_names]
        if shared:
            raise ValueError(f"parameter {shared[0]!r} is also one of the evaluator's outcomes; rename one")

    def _check_objectives(self) -> None:
        outcomes = self.evaluator.outcome_names
        for objective in self.objectives:
            if objective.name not in outcomes:
                raise ValueError(f"objective {objective.name!r}: the evaluator computes only {list(outcomes)}")

    def _check_constraints(self) -> None:
        numbers = [name for name, kind in self.names.items() if kind == "number"]
        objectives = [objective.name for objective in self.objectives]
        for constraint in self.constraints:
            if constraint.subject and constraint.subject not in numbers:
                raise ValueError(
                    f"constraint on {constraint.subject!r}: neither an outcome nor a numeric parameter; "
                    f"there are {numbers}"
                )
            if constraint.charged_to and constraint.charged_to not in objectives:
                raise ValueError(
                    f"constraint {constraint.label!r}: charged_to {constraint.charged_to!r} is no objective; "
                    f"there are {objectives}"
                )
            if constraint.formula:
                self._check_formula(constraint)

    def _check_formula(self, constraint: Constraint) -> None:
        expression = Expression.parse(constraint.formula, self.names)
        if expression.kind != "boolean":
            raise ValueError(
                f"constraint {constraint.label!r} comes to a {expression.kind}; write a comparison, such as "
                f"'{constraint.formula} <= 10'"
            )
        try:
            check_categories(expression.root, {p.name: p.choices for p in self.parameters if p.choices})
        except InvalidFormula as error:
            raise ValueError(f"constraint {constraint.label!r}: {error}") from None

    def _refuse_contradictions(self) -> None:
        hard = self.hard_constraints
        for subject in dict.fromkeys(constraint.subject for constraint in hard if constraint.subject):
            bounds = [constraint for constraint in hard if constraint.subject == subject]
            ceiling = min((c.at_most for c in bounds if c.at_most is not None), default=None)
            floor = max((c.at_least for c in bounds if c.at_least is not None), default=None)
            if ceiling is not None and floor is not None and floor > ceiling:
                raise ValueError(f"constraints on {subject!r} contradict: at_least {floor:g}, at_most {ceiling:g}")


def _guarded(constraint: Constraint, bound: Constraint | None) -> Constraint:
    """The constraint, there for safety if the equal bound of an objective is."""
    if bound is None or bound.category == constraint.category or bound.category != "safety":
        return constraint
    return constraint.model_copy(update={"category": "safety"})


def _refuse_repeats(what: str, names: Iterable[str]) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(f"{what} {repeated[0]!r} is given twice; names must be unique")
