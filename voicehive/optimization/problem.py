"""A whole optimisation problem: what may change, what counts, what must hold, and what computes the outcomes."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import Field, model_validator

from voicehive.model import Model
from voicehive.optimization.contact_centre import ContactCentre
from voicehive.optimization.models import Budget, Constraint, Objective, Parameter, Settings

Evaluator: TypeAlias = ContactCentre
"""Whatever computes outcomes from settings; a union discriminated on `kind` once there is a second."""


class Problem(Model):
    """An optimisation problem. Validated as a whole: every name resolves, nothing contradicts, nothing is missing."""

    parameters: Annotated[tuple[Parameter, ...], Field(min_length=1)]
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1)]
    constraints: tuple[Constraint, ...] = ()
    evaluator: Evaluator
    budget: Budget = Budget()
    seed: Annotated[int, Field(ge=0)] = 1
    front_size: Annotated[int, Field(ge=20, le=10_000)] = 300

    @model_validator(mode="after")
    def _consistent(self) -> "Problem":
        _refuse_repeats("parameter", (parameter.name for parameter in self.parameters))
        _refuse_repeats("objective", (objective.name for objective in self.objectives))
        outcomes = self.evaluator.OUTCOMES
        for objective in self.objectives:
            if objective.name not in outcomes:
                raise ValueError(f"objective {objective.name!r}: the evaluator computes only {list(outcomes)}")
        for constraint in self.constraints:
            if constraint.subject not in outcomes:
                raise ValueError(f"constraint on {constraint.subject!r}: the evaluator computes only {list(outcomes)}")
        self._refuse_contradictions()
        self.evaluator.check_parameters(self.parameters)
        return self

    def _refuse_contradictions(self) -> None:
        for subject in dict.fromkeys(constraint.subject for constraint in self.constraints):
            bounds = [constraint for constraint in self.constraints if constraint.subject == subject]
            ceiling = min((c.at_most for c in bounds if c.at_most is not None), default=None)
            floor = max((c.at_least for c in bounds if c.at_least is not None), default=None)
            if ceiling is not None and floor is not None and floor > ceiling:
                raise ValueError(f"constraints on {subject!r} contradict: at_least {floor:g}, at_most {ceiling:g}")

    @property
    def current(self) -> Settings:
        """Today's settings."""
        return {parameter.name: parameter.current for parameter in self.parameters}

    def with_data(self, base: Path) -> "Problem":
        """Return a copy with every file it names read and inlined; itself where it names none.

        Args:
            base: the folder that relative paths are resolved against: the request's own.

        Raises:
            InvalidArrivals: the arrivals file cannot be used.
        """
        evaluator = self.evaluator.with_arrivals(base)
        return self if evaluator is self.evaluator else Problem.model_validate(dict(self) | {"evaluator": evaluator})


def _refuse_repeats(what: str, names: Iterable[str]) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(f"{what} {repeated[0]!r} is given twice; names must be unique")
