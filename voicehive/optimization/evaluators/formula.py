"""Outcomes given as formulas, described; `formula_evaluator` computes them."""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, FiniteFloat, JsonValue, model_validator

from voicehive.optimization.errors import InvalidFormula
from voicehive.optimization.evaluators.description import EvaluatorDescription
from voicehive.optimization.formulas.categories import check_categories
from voicehive.optimization.formulas.expression import Expression, Kind, kind_of
from voicehive.optimization.parameter import Parameter

Named: TypeAlias = Annotated[str, Field(min_length=1)]


class Formula(EvaluatorDescription):
    """Outcomes computed by formulas over the parameters, the `constants` and each other, in the language of
    `formulas.expression`.

    An outcome may use any other one, in whatever order they stand, as long as none needs itself.
    """

    kind: Literal["formula"]
    outcomes: Annotated[dict[Named, str], Field(min_length=1)]
    constants: dict[Named, FiniteFloat] = {}

    @model_validator(mode="after")
    def _consistent(self) -> "Formula":
        for name in self.constants:
            if name in self.outcomes:
                raise ValueError(f"{name!r} is both an outcome and a constant; rename one")
        return self

    @property
    def outcome_names(self) -> tuple[str, ...]:
        """The outcomes, in their order."""
        return tuple(self.outcomes)

    def check_parameters(self, parameters: Sequence[Parameter]) -> None:
        """Check that every formula can be computed from the parameters.

        Raises:
            ValueError: a formula is wrong (the message names the outcome and the column), outcomes need each other in a
                circle, or a parameter has the name of an outcome or a constant.
        """
        super().check_parameters(parameters)
        self.expressions(parameters)

    def expressions(self, parameters: Sequence[Parameter]) -> Mapping[str, Expression]:
        """Parse every outcome's formula, in an order in which they can be computed.

        Raises:
            ValueError: as `check_parameters`.
        """
        for parameter in parameters:
            if parameter.name in self.outcomes or parameter.name in self.constants:
                other = "an outcome" if parameter.name in self.outcomes else "a constant"
                raise ValueError(f"{parameter.name!r} is both a parameter and {other} of the evaluator; rename one")
        names: dict[str, Kind] = dict.fromkeys(self.outcomes, "number")
        names |= {parameter.name: kind_of(parameter) for parameter in parameters}
        parsed = {name: self._parsed(name, names) for name in self.outcomes}
        choices = {parameter.name: parameter.choices for parameter in parameters if parameter.choices}
        for name, expression in parsed.items():
            try:
                check_categories(expression.root, choices)
            except InvalidFormula as error:
                raise InvalidFormula(f"outcome {name!r}: {error}") from None
        needs = {name: [used for used in parsed[name].names if used in parsed] for name in parsed}
        try:
            return {name: parsed[name] for name in TopologicalSorter(needs).static_order()}
        except CycleError as error:
            circle = " needs ".join(repr(name) for name in reversed(error.args[1]))
            raise ValueError(
                f"outcomes need each other in a circle: {circle}; compute one without the others"
            ) from None

    def structure(self) -> JsonValue:
        """The formulas, and the names of the constants."""
        return {"kind": self.kind, "outcomes": {**self.outcomes}, "constants": [*sorted(self.constants)]}

    def _parsed(self, outcome: str, names: Mapping[str, Kind]) -> Expression:
        try:
            expression = Expression.parse(self.outcomes[outcome], names, self.constants)
        except InvalidFormula as error:
            raise InvalidFormula(f"outcome {outcome!r}: {error}") from None
        if expression.kind != "number":
            hint = "; write 1 if ... else 0" if expression.kind == "boolean" else ""
            raise InvalidFormula(f"outcome {outcome!r} comes to a {expression.kind}, but outcomes are numbers{hint}")
        return expression
