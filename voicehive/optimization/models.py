"""What an optimisation is asked and what it answers."""

import math
from datetime import timedelta
from typing import Annotated, Literal, NamedTuple, TypeAlias

from pydantic import Field, FiniteFloat, model_validator

from voicehive.model import Model

Setting: TypeAlias = int | float | str | bool
"""One value of one parameter."""

Settings: TypeAlias = dict[str, Setting]
"""A value for every parameter of a problem, by the parameter's name."""


class Parameter(Model):
    """One thing the decision may change.

    `maximum_change` bounds one decision's step from `current`: absolute, in the parameter's own unit. Categories may
    only be reached from the current one within `maximum_change` places of their order, where it is given.
    """

    name: str = Field(min_length=1)
    kind: Literal["integer", "real", "categorical"]
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    choices: tuple[str, ...] = ()
    current: Setting
    maximum_change: Annotated[FiniteFloat, Field(ge=0)] | None = None
    unit: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> "Parameter":
        fault = self._fault_of_domain() or self.fault_of(self.current)
        if fault:
            raise ValueError(f"parameter {self.name!r}: {fault}")
        return self

    def _fault_of_domain(self) -> str | None:
        if self.kind == "categorical":
            if self.low is not None or self.high is not None:
                return "low and high belong to numbers; list a category's values in choices"
            if not self.choices:
                return "choices is empty; list the categories in their order"
            if len(set(self.choices)) < len(self.choices):
                return f"choices {list(self.choices)} holds a category twice; keep one of each"
            return None
        if self.choices:
            return f"choices belong to kind 'categorical', not to {self.kind!r}; give low and high"
        if self.low is None or self.high is None:
            return "low and high are both required for a number"
        if self.low > self.high:
            return f"low {self.low:g} is above high {self.high:g}; swap them"
        return None

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest number within the bounds and within `maximum_change` of the current one."""
        if self.low is None or self.high is None or isinstance(self.current, str):
            raise TypeError(f"parameter {self.name!r} is {self.kind}: it has reachable_choices, not bounds")
        reach = math.inf if self.maximum_change is None else self.maximum_change
        low, high = max(self.low, self.current - reach), min(self.high, self.current + reach)
        return (math.ceil(low), math.floor(high)) if self.kind == "integer" else (low, high)

    @property
    def reachable_choices(self) -> tuple[str, ...]:
        """The categories within `maximum_change` places of the current one, in their order."""
        if self.maximum_change is None:
            return self.choices
        place = self.choices.index(str(self.current))
        reach = math.floor(self.maximum_change)
        return self.choices[max(0, place - reach) : place + reach + 1]

    def fault_of(self, value: Setting) -> str | None:
        """Say what is wrong with a value for this parameter, or None where it may be chosen."""
        if self.kind == "categorical":
            if value not in self.choices:
                return f"{value!r} is not one of the choices {list(self.choices)}"
            if value not in self.reachable_choices:
                return f"{value!r} is more than {self.maximum_change:g} places from the current {self.current!r}"
            return None
        numeric = int if self.kind == "integer" else (int, float)
        if isinstance(value, bool) or not isinstance(value, numeric):
            return f"{value!r} is not {'an integer' if self.kind == 'integer' else 'a number'}"
        if self.low is not None and self.high is not None and not self.low <= value <= self.high:
            return f"{value:g} is outside {self.low:g} to {self.high:g}"
        low, high = self.bounds
        if not low <= value <= high:
            return f"{value:g} is more than {self.maximum_change:g} from the current {self.current:g}"
        return None


class Objective(Model):
    """One thing that counts.

    `maximum_worsening` is how far the recommendation may fall behind today's settings, relative to today's value: 0
    (the default) means not at all, None means that the request trades this objective freely.
    """

    name: str = Field(min_length=1)
    direction: Literal["minimize", "maximize"]
    weight: Annotated[FiniteFloat, Field(gt=0)] = 1.0
    unit: str = ""
    maximum_worsening: Annotated[FiniteFloat, Field(ge=0)] | None = 0.0


class Constraint(Model):
    """A hard bound on one of the evaluator's outcomes; `subject` is an outcome's name (objectives included)."""

    subject: str = Field(min_length=1)
    at_most: FiniteFloat | None = None
    at_least: FiniteFloat | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> "Constraint":
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError(f"constraint on {self.subject!r}: give exactly one of at_most and at_least")
        return self


class Solution(Model):
    """One candidate, evaluated. `violation` is the sum of the relative excesses over the constraints; 0 is feasible."""

    index: int
    settings: Settings
    outcomes: dict[str, FiniteFloat]
    violation: Annotated[FiniteFloat, Field(ge=0)] = 0.0

    @property
    def feasible(self) -> bool:
        """Whether every hard constraint holds."""
        return self.violation == 0.0


class Budget(Model):
    """How long a search may go on: generations of `population` candidates, or wall-clock time, if that ends first."""

    population: Annotated[int, Field(ge=8, le=10_000)] = 120
    generations: Annotated[int, Field(ge=1, le=100_000)] = 60
    time: Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(hours=1))] = timedelta(seconds=30)


class Progress(NamedTuple):
    """How far a search has come, reported after each generation."""

    generation: int
    generations: int
    evaluations: int
    front: int


class OptimizationResult(Model):
    """The answer of an optimisation.

    `front` holds the non-dominated feasible solutions, `front[i].index == i`; with nothing feasible it holds the least
    violating ones and `feasible` is false. `current` is today's settings evaluated the same way: its index is its
    place in the front, or -1 where another solution beats it. `recommended` and `alternatives` are places in the front.
    `hypervolume` is that of the front, scaled by its ideal and nadir points, up to the reference point 1.1 in each
    objective. `acceptability` is the share of random weightings under which the recommendation is among the best tenth
    of the solutions it was chosen from (Lahdelma & Salminen 2001).
    """

    front: Annotated[tuple[Solution, ...], Field(min_length=1)]
    current: Solution
    recommended: Annotated[int, Field(ge=0)]
    alternatives: dict[str, int]
    reasons: tuple[str, ...]
    feasible: bool
    hypervolume: Annotated[FiniteFloat, Field(ge=0)]
    acceptability: Annotated[FiniteFloat, Field(ge=0, le=1)]
    evaluations: Annotated[int, Field(ge=0)]
    duration_seconds: Annotated[FiniteFloat, Field(ge=0)]
    seed: int
    algorithm: str

    @property
    def recommendation(self) -> Solution:
        """The recommended solution itself."""
        return self.front[self.recommended]
