"""Safety constraints in the Common Expression Language, by Google's runtime; fail closed.

The runtime returns an error as a value, which Python takes for true, and NaN makes every comparison false, so a rule
holds only where its result is of type BOOL and is True, and no context with a non-finite number gets this far (the
models refuse them). Within a rule, 0.0 / 0.0 is still NaN: write what must hold, not the negation of what must not.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from cel_expr_python import cel

from voicehive.autonomy.context import Variables
from voicehive.autonomy.errors import PolicyInvalid
from voicehive.autonomy.policy import SafetyConstraint
from voicehive.autonomy.verdict import Finding

VERDICT_VARIABLES = {
    "tenant": cel.Type.STRING,
    "deployment": cel.Type.STRING,
    "kind": cel.Type.STRING,
    "requester": cel.Type.STRING,
    "current": cel.Type.Map(cel.Type.STRING, cel.Type.DOUBLE),
    "proposed": cel.Type.Map(cel.Type.STRING, cel.Type.DOUBLE),
    "settings": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    "unknown": cel.Type.List(cel.Type.STRING),
    "changed": cel.Type.List(cel.Type.STRING),
    "largest_change": cel.Type.DOUBLE,
    "confidence": cel.Type.DOUBLE,
    "feasible": cel.Type.BOOL,
}
STEP_VARIABLES = {
    "tenant": cel.Type.STRING,
    "deployment": cel.Type.STRING,
    "kind": cel.Type.STRING,
    "step": cel.Type.STRING,
    "action": cel.Type.STRING,
    "arguments": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    "compensation": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    "parameter": cel.Type.STRING,
    "value": cel.Type.DYN,
    "earlier": cel.Type.DYN,
    "change": cel.Type.DOUBLE,
}


class RuleBook:
    """Constraints compiled once, type-checked against what they may speak of.

    Raises:
        PolicyInvalid: on a syntax error, an unknown variable, a wrong type or an expression that is not boolean.
    """

    def __init__(self, constraints: Iterable[SafetyConstraint]) -> None:
        self._environments = {
            "verdict": cel.NewEnv(variables=VERDICT_VARIABLES),
            "step": cel.NewEnv(variables=STEP_VARIABLES),
        }
        self._rules = [(constraint, self._compile(constraint)) for constraint in constraints]

    def _compile(self, constraint: SafetyConstraint) -> cel.Expression:
        try:
            expression = self._environments[constraint.when].compile(constraint.expression)
        except RuntimeError as error:
            raise PolicyInvalid(f"constraint {constraint.id!r}: {error}") from None
        if expression.return_type() != cel.Type.BOOL:
            returns = expression.return_type().name()
            raise PolicyInvalid(f"constraint {constraint.id!r}: must be true or false, but its value is {returns}")
        return expression

    def ask(self, when: str, variables: Variables, kind: str, deployment: str) -> tuple[Finding, ...]:
        """Evaluate every rule that applies, in the policy's order."""
        if not _is_finite(variables):
            raise ValueError("the facts hold a number that is not finite, on which no rule can be trusted")
        activation = self._environments[when].Activation(variables)
        return tuple(
            self._finding(constraint, expression, activation)
            for constraint, expression in self._rules
            if constraint.applies(when, kind, deployment)
        )

    @staticmethod
    def _finding(constraint: SafetyConstraint, expression: cel.Expression, activation: cel.Activation) -> Finding:
        value = expression.eval(activation)
        is_boolean = value.type() == cel.Type.BOOL
        return Finding(
            id=constraint.id,
            severity=constraint.severity,
            holds=is_boolean and value.value() is True,
            expression=constraint.expression,
            message=constraint.message,
            cause="" if is_boolean else str(value.value()),
        )


def _is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, Mapping):
        return all(map(_is_finite, value.values()))  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
    if isinstance(value, list | tuple):
        return all(map(_is_finite, value))  # pyright: ignore[reportUnknownArgumentType]
    return True
