"""An evaluator that an installed package provides, described by the name it is declared under."""

from typing import Literal

from pydantic import Field, JsonValue

from voicehive.optimization.evaluators.description import EvaluatorDescription
from voicehive.optimization.evaluators.outcome_names import OutcomeNames


class PythonFunction(EvaluatorDescription):
    """A function in an installed package, declared in the entry-point group `voicehive.evaluators`.

    A document can only name what somebody installed: it holds no module's path and no code. What is declared is called
    once with `options`, and returns an object with `evaluate(columns)`, or a function of the columns: arrays (N,) by
    parameter name in, an array (N,) for each of `outcomes` out, NaN where a candidate could not be evaluated.
    """

    kind: Literal["python"]
    entry_point: str = Field(min_length=1)
    outcomes: OutcomeNames
    options: dict[str, JsonValue] = {}

    @property
    def outcome_names(self) -> tuple[str, ...]:
        """The outcomes that the function says it computes."""
        return self.outcomes

    def structure(self) -> JsonValue:
        """The entry point and its outcomes; `options` may move."""
        return {"kind": self.kind, "entry_point": self.entry_point, "outcomes": list(self.outcomes)}
