"""What an optimisation weighs and obeys, how long it may take, and the candidates it compares."""

from datetime import timedelta
from typing import Annotated, Literal, NamedTuple, TypeAlias

from pydantic import Field, FiniteFloat, model_validator

from voicehive.model import Model
from voicehive.optimization.parameter import Settings

Strategy: TypeAlias = Literal["pareto", "weighted_sum", "constraint_satisfaction", "hybrid_ai"]
"""How an optimum is sought: the whole front; one weighted sum; any feasible solution; a front and a model's advice."""

Category: TypeAlias = Literal["business", "safety"]
"""What an objective or a constraint protects. What is there for safety is never traded, priced or relaxed."""


class Objective(Model):
    """One thing that counts.

    `maximum_worsening` is how far the recommendation may fall behind today's settings, relative to today's value: 0
    (the default) means not at all, as does any share where today's value is 0; None means that the request trades this
    objective freely. `target` is the value
    aspired to: the choice is measured from it instead of from the best value on the front. `at_least` and `at_most` are
    what is acceptable: beyond them a solution is infeasible.
    """

    name: str = Field(min_length=1)
    direction: Literal["minimize", "maximize"]
    weight: Annotated[FiniteFloat, Field(gt=0)] = 1.0
    unit: str = ""
    category: Category = "business"
    maximum_worsening: Annotated[FiniteFloat, Field(ge=0)] | None = 0.0
    target: FiniteFloat | None = None
    at_least: FiniteFloat | None = None
    at_most: FiniteFloat | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "Objective":
        if self.category == "safety" and self.maximum_worsening != 0:
            raise ValueError(f"objective {self.name!r} is for safety and is never traded: leave maximum_worsening out")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(
                f"objective {self.name!r}: at_least {self.at_least:g} is above at_most {self.at_most:g}; swap them"
            )
        return self

    @property
    def sign(self) -> float:
        """What its values are multiplied by so that less is better."""
        return 1.0 if self.direction == "minimize" else -1.0

    @property
    def bounds(self) -> tuple["Constraint", ...]:
        """Its acceptable bounds as constraints."""
        sides = ({"at_least": self.at_least}, {"at_most": self.at_most})
        return tuple(
            Constraint.model_validate({"subject": self.name, "category": self.category} | side)
            for side in sides
            if None not in side.values()
        )


class Constraint(Model):
    """What must hold, or costs its price where it does not.

    Either a bound (`at_most` or `at_least`) on `subject`, an outcome of the evaluator or a numeric parameter, or a
    `formula` over parameters and outcomes that is true where it holds. A constraint is hard unless it has a `price`:
    then each unit of excess (in the unit of what is bounded) worsens the objective `charged_to` by that much.
    """

    name: str = ""
    subject: str = ""
    at_most: FiniteFloat | None = None
    at_least: FiniteFloat | None = None
    formula: str = ""
    category: Category = "business"
    price: Annotated[FiniteFloat, Field(gt=0)] | None = None
    charged_to: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> "Constraint":
        bounds = (self.at_most is not None) + (self.at_least is not None)
        if bool(self.subject) == bool(self.formula):
            raise ValueError(f"{self.label}: give exactly one of subject (with a bound) and formula")
        if bounds != bool(self.subject):
            wanted = "give exactly one of at_most and at_least" if self.subject else "a formula holds its own bound"
            raise ValueError(f"{self.label}: {wanted}")
        if (self.price is None) == bool(self.charged_to):
            raise ValueError(f"{self.label}: a soft constraint has a price and charged_to, the objective that pays it")
        if self.category == "safety" and self.price is not None:
            raise ValueError(f"{self.label}: a safety constraint has no price; remove price and charged_to")
        return self

    @property
    def hard(self) -> bool:
        """Whether a solution that breaks it is infeasible."""
        return self.price is None

    @property
    def bounded(self) -> tuple[str, float | None, float | None]:
        """What it bounds, and by what, whatever it is called."""
        return self.subject, self.at_most, self.at_least

    @property
    def label(self) -> str:
        """What people call it: its name, or else what it says."""
        if self.name or self.formula:
            return self.name or self.formula
        if self.at_most is not None:
            return f"{self.subject} at most {_exact(self.at_most)}"
        return f"{self.subject} at least {_exact(self.at_least)}" if self.at_least is not None else "constraint"


def _exact(value: float) -> str:
    """Short, unless that would be another number."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


class Solution(Model):
    """One candidate, evaluated.

    `violation` is the sum of the relative excesses over the hard constraints; 0 is feasible. `slacks` gives for each
    constraint's label the room that is left, in the unit of what it bounds; negative where it does not hold.
    """

    index: int
    settings: Settings
    outcomes: dict[str, FiniteFloat]
    violation: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    slacks: dict[str, FiniteFloat] = {}

    @property
    def feasible(self) -> bool:
        """Whether every hard constraint holds."""
        return self.violation == 0.0


MOST_GENERATIONS = 100_000
_GENERATIONS = 60
_MOST_ENUMERATED = 1_000_000


class Budget(Model):
    """How long a search may go on; whatever ends first ends it, and the best so far is the answer.

    `generations` of `population` candidates; `evaluations` in all; wall-clock `time`; or `convergence`: the front's
    hypervolume grew by less than this share over the last quarter of the generations (at least twenty).
    """

    population: Annotated[int, Field(ge=8, le=10_000)] = 120
    generations: Annotated[int, Field(ge=1, le=MOST_GENERATIONS)] = _GENERATIONS
    evaluations: Annotated[int, Field(ge=1)] | None = None
    time: Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(hours=1))] = timedelta(seconds=30)
    convergence: Annotated[FiniteFloat, Field(gt=0, lt=1)] | None = None

    def enumerates(self, candidates: int) -> bool:
        """Whether so many candidates, 0 where they cannot be counted, are all evaluated, today's settings among them.

        Where only time bounds a search, nobody knows how far it comes: then as by the generations of another one.
        """
        generations = self.generations if self.generations < MOST_GENERATIONS else _GENERATIONS
        whole = self.evaluations or self.population * generations
        return 0 < candidates <= min(whole, _MOST_ENUMERATED)


class Progress(NamedTuple):
    """How far a search has come, reported after each generation."""

    generation: int
    generations: int
    evaluations: int
    front: int
