"""Advice on a front: what an adviser is shown, what it may answer, and the way from its codes back to names.

An adviser may be a language model outside this installation. It therefore sees no text of the problem's author: each
string in a `FrontDigest` is a code or a word of this module's own, and each number is scaled. Names, categories and
units could hold personal data, or instructions to the model.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol, TypeAlias

from pydantic import Field, FiniteFloat

from voicehive.model import Model
from voicehive.optimization.errors import InvalidCandidate
from voicehive.optimization.figures import figure
from voicehive.optimization.models import Category
from voicehive.optimization.parameter import Parameter, Setting, Settings

MOST_PARAMETERS = 20
MOST_OBJECTIVES = 10
MOST_SOLUTIONS = 12
MOST_CATEGORIES = 8
MOST_PROPOSALS = 8
LONGEST_EXPLANATION = 300
LARGEST_SCALED = 10.0
LARGEST_FACTOR = 5.0

_PLACE = re.compile(r"\b(?:C[1-9][0-9]{0,5}|0(?:\.[0-9]+)?|1(?:\.0+)?)\b")
_CODED = re.compile(
    rf"\b(?P<code>[POS][1-9][0-9]?)\b(?P<places>(?: (?:is|at|=|from) {_PLACE.pattern})?(?: to {_PLACE.pattern})?)"
)

ParameterCode: TypeAlias = Annotated[str, Field(pattern=r"^P[1-9][0-9]?$")]
ObjectiveCode: TypeAlias = Annotated[str, Field(pattern=r"^O[1-9][0-9]?$")]
SolutionCode: TypeAlias = Annotated[str, Field(pattern=r"^S[1-9][0-9]?$")]
CategoryCode: TypeAlias = Annotated[str, Field(pattern=r"^C[1-9][0-9]{0,5}$")]
"""A value that is no number, by its place (from 1) among those the parameter may take now; a boolean's C1 is false."""

Role: TypeAlias = Annotated[
    str,
    Field(
        pattern=r"^(recommended|current|knee|cheapest|safest|nearest_to_current|alternative|best_in_O[1-9][0-9]?)$",
    ),
]
Position: TypeAlias = Annotated[FiniteFloat, Field(ge=0, le=1)]
"""A number's place between the least (0) and the greatest (1) it may take now; logarithmic on a log scale."""

ChangeableKind: TypeAlias = Literal["integer", "real", "categorical", "boolean"]
Place: TypeAlias = Position | CategoryCode
Scaled: TypeAlias = Annotated[FiniteFloat, Field(ge=-LARGEST_SCALED, le=LARGEST_SCALED)]
"""An objective's value: 0 is the best on the front (ideal), 1 the worst on it (nadir), whatever its direction."""

Correlation: TypeAlias = Annotated[FiniteFloat, Field(ge=-1, le=1)]
Factor: TypeAlias = Annotated[FiniteFloat, Field(ge=1 / LARGEST_FACTOR, le=LARGEST_FACTOR)]


class ParameterDigest(Model):
    """A parameter that can change: how many values it may take now (0: any real number), and what moves with it.

    `categories` are those of the solutions shown, and the first others, up to eight. `correlations` are Spearman's,
    over the front, with each objective's scaled value: positive where a greater value goes with a worse outcome.
    """

    code: ParameterCode
    kind: ChangeableKind
    cells: Annotated[int, Field(ge=0)]
    categories: Annotated[tuple[CategoryCode, ...], Field(max_length=MOST_SOLUTIONS)] = ()
    correlations: dict[ObjectiveCode, Correlation]


class ObjectiveDigest(Model):
    """An objective: its share of the weights, the worst that is acceptable and the value aspired to, both scaled."""

    code: ObjectiveCode
    direction: Literal["minimize", "maximize"]
    category: Category
    weight: Annotated[FiniteFloat, Field(ge=0, le=1)]
    acceptable: Scaled | None = None
    target: Scaled | None = None


class SolutionDigest(Model):
    """A solution of the front, or today's settings, and what it is shown for."""

    code: SolutionCode
    roles: tuple[Role, ...]
    feasible: bool
    parameters: dict[ParameterCode, Place]
    objectives: dict[ObjectiveCode, Scaled]


class FrontDigest(Model):
    """What an adviser sees of a front, bounded whatever the problem's size; the first solution is the recommended."""

    front_size: Annotated[int, Field(ge=1)]
    parameters: Annotated[tuple[ParameterDigest, ...], Field(max_length=MOST_PARAMETERS)]
    parameters_left_out: Annotated[int, Field(ge=0)]
    objectives: Annotated[tuple[ObjectiveDigest, ...], Field(min_length=1, max_length=MOST_OBJECTIVES)]
    objectives_left_out: Annotated[int, Field(ge=0)]
    solutions: Annotated[tuple[SolutionDigest, ...], Field(min_length=1, max_length=MOST_SOLUTIONS)]


class Proposed(Model):
    """Changes to the recommended solution, the predicted change of each objective's scaled value, and why."""

    changes: Annotated[dict[ParameterCode, Place], Field(min_length=1, max_length=MOST_PARAMETERS)]
    effects: Annotated[dict[ObjectiveCode, Scaled], Field(max_length=MOST_OBJECTIVES)] = {}
    explanation: Annotated[str, Field(max_length=LONGEST_EXPLANATION)]


class Advice(Model):
    """What an adviser answers; `preferences` are factors on the objectives' weights, `source` is who says so."""

    preferences: Annotated[dict[ObjectiveCode, Factor], Field(max_length=MOST_OBJECTIVES)] = {}
    proposals: Annotated[tuple[Proposed, ...], Field(max_length=MOST_PROPOSALS)] = ()
    source: Annotated[str, Field(min_length=1, max_length=300)]


class Adviser(Protocol):
    """Reads a digest and advises; nothing it says is believed before it is evaluated."""

    def advise(self, digest: FrontDigest) -> Advice:
        """Advise on the front, in the digest's codes; blocks for a bounded time and never fails."""
        ...


@dataclass(frozen=True)
class ObjectiveScale:
    """An objective's name, and its best and worst value on the front in its own unit."""

    name: str
    ideal: float
    nadir: float


@dataclass(frozen=True)
class Codebook:
    """Translates advice into the problem's own terms: `recommended` is what proposals change, -1 stands for today."""

    parameters: Mapping[str, Parameter]
    objectives: Mapping[str, ObjectiveScale]
    solutions: Mapping[str, int]
    recommended: Settings

    def settings(self, proposed: Proposed) -> Settings:
        """Apply the proposed changes to the recommended settings; integers go to the nearest one.

        Raises:
            InvalidCandidate: an unknown code, or a place that the parameter cannot take now.
        """
        changed = {self._parameter(code).name: self._value(code, place) for code, place in proposed.changes.items()}
        return {**self.recommended, **changed}

    def predicted(self, proposed: Proposed) -> dict[str, float]:
        """Give the predicted changes by objective's name, in its own unit.

        Raises:
            InvalidCandidate: an unknown code.
        """
        scales = {code: self._objective(code) for code in proposed.effects}
        return {scales[code].name: change * _extent(scales[code]) for code, change in proposed.effects.items()}

    def preferences(self, advice: Advice) -> dict[str, float]:
        """Give the factors on the weights by objective's name.

        Raises:
            InvalidCandidate: an unknown code.
        """
        return {self._objective(code).name: factor for code, factor in advice.preferences.items()}

    def readable(self, text: str) -> str:
        """Put names and real values in the place of the codes in an explanation.

        A place is a value only beside its parameter's code: `P1 from 0.2 to 0.5`, `P2 to C3`.
        """
        return _CODED.sub(self._named, text)

    def _named(self, match: re.Match[str]) -> str:
        code, places = match["code"], match["places"] or ""
        parameter = self.parameters.get(code)
        if parameter is not None:
            places = _PLACE.sub(lambda place: self._shown(code, place[0]), places)
        return self._name(code) + places

    def _shown(self, code: str, place: str) -> str:
        try:
            value = self._value(code, place if place.startswith("C") else float(place))
        except InvalidCandidate:
            return place
        return figure(value) if isinstance(value, float) else str(value)

    def _name(self, code: str) -> str:
        if code in self.parameters:
            return self.parameters[code].name
        if code in self.objectives:
            return self.objectives[code].name
        index = self.solutions.get(code)
        if index is None:
            return code
        return "today's settings" if index < 0 else f"solution {index}"

    def _parameter(self, code: str) -> Parameter:
        if code not in self.parameters:
            raise InvalidCandidate(f"advice: {code} is no parameter of the digest; there are {list(self.parameters)}")
        return self.parameters[code]

    def _objective(self, code: str) -> ObjectiveScale:
        if code not in self.objectives:
            raise InvalidCandidate(f"advice: {code} is no objective of the digest; there are {list(self.objectives)}")
        return self.objectives[code]

    def _value(self, code: str, place: Place) -> Setting:
        parameter = self._parameter(code)
        if isinstance(place, str) == parameter.numeric:
            wanted = "a number from 0 to 1" if parameter.numeric else "a category's code"
            raise InvalidCandidate(f"advice: {code} is {parameter.kind} and cannot be {place!r}; it takes {wanted}")
        return _choice_at(parameter, code, place) if isinstance(place, str) else _number_at(parameter, place)


def _extent(scale: ObjectiveScale) -> float:
    return scale.nadir - scale.ideal


def _choice_at(parameter: Parameter, code: str, place: str) -> Setting:
    choices = parameter.reachable_choices
    index = int(place[1:]) - 1
    if index >= len(choices):
        raise InvalidCandidate(f"advice: {code} cannot be {place}; it may now take C1 to C{len(choices)}")
    return choices[index]


def _number_at(parameter: Parameter, position: float) -> Setting:
    low, high = parameter.bounds
    if parameter.kind == "integer":
        return round(low + position * (high - low))
    if parameter.scale == "log":
        return min(max(low * math.exp(position * math.log(high / low)), low), high)
    return min(low + position * (high - low), high)
