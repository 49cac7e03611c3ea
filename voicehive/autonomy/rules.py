"""Safety constraints in the Common Expression Language, by Google's runtime; fail closed.

The runtime returns an error as a value, which Python takes for true, and NaN makes every comparison false, so a rule
holds only where its result is of type BOOL and is True. No context with a non-finite number gets this far (the models
refuse them), and arithmetic within a rule whose result is not finite, say 0.0 / 0.0, is an error (see `SyntaxTree`).
"""

import difflib
import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from cel_expr_python import cel

from voicehive.autonomy.context import Variables
from voicehive.autonomy.context_schema import ContextSchema
from voicehive.autonomy.errors import PolicyInvalid
from voicehive.autonomy.expressions import Constant, Reading, SyntaxTree, finite_function
from voicehive.autonomy.messages import MessageTemplate
from voicehive.autonomy.policy import SafetyConstraint, When
from voicehive.autonomy.variables import VARIABLES, maps_of, scalars_of
from voicehive.autonomy.verdict import Finding


class Compiled(NamedTuple):
    """An expression that was checked against what it may name, ready to be evaluated."""

    expression: cel.Expression
    readings: frozenset[Reading]
    constants: tuple[Constant, ...]
    is_constant: bool


class Rule(NamedTuple):
    """A constraint, compiled; `kept` is what is found where it holds, the same each time, so made once."""

    constraint: SafetyConstraint
    compiled: Compiled
    message: MessageTemplate
    kept: Finding


class RuleBook:
    """Constraints compiled once, checked against the variables, the named limits and what the policy declares.

    Raises:
        PolicyInvalid: on a syntax error, an unknown variable, limit, outcome or setting, a wrong type, an expression
            that is not boolean, or a message that names no fact.
    """

    def __init__(
        self,
        constraints: Iterable[SafetyConstraint],
        limits: Mapping[str, float] | None = None,
        schema: ContextSchema | None = None,
    ) -> None:
        self.limits = dict(limits or {})
        self.schema = schema or ContextSchema()
        self._environments = {
            when: cel.NewEnv(variables=variables, functions=[finite_function()])
            for when, variables in VARIABLES.items()
        }
        self.rules = tuple(self._rule(constraint) for constraint in constraints)
        self._asked: dict[When, tuple[Rule, ...]] = {
            when: tuple(rule for rule in self.rules if rule.constraint.when == when) for when in VARIABLES
        }

    def _rule(self, constraint: SafetyConstraint) -> Rule:
        what = f"constraint {constraint.id!r}"
        compiled = self.compile(what, constraint.expression, constraint.when)
        if compiled.expression.return_type() != cel.Type.BOOL:
            returns = compiled.expression.return_type().name()
            raise PolicyInvalid(f"{what}: must be true or false, but its value is {returns}")
        try:
            message = MessageTemplate.parse(constraint.message, scalars_of(constraint.when), maps_of(constraint.when))
        except ValueError as error:
            raise PolicyInvalid(f"{what}: {error}") from None
        self._check_names(what, (Reading(*fact) for fact in message.facts))
        kept = Finding(
            id=constraint.id,
            severity=constraint.severity,
            holds=True,
            expression=constraint.expression,
            message=constraint.message,
        )
        return Rule(constraint, compiled, message, kept)

    def compile(self, what: str, expression: str, when: When) -> Compiled:
        """Compile an expression, and see that everything it names is declared.

        Raises:
            PolicyInvalid: it does not compile, or names what there is not; `what` says whose expression it is.
        """
        try:
            checked = self._environments[when].compile(expression)
        except RuntimeError as error:
            raise PolicyInvalid(f"{what}: {error}") from None
        tree = SyntaxTree(checked)
        readings = tree.readings
        self._check_names(what, readings)
        return Compiled(tree.guarded(self._environments[when]), readings, tree.constants, tree.is_constant)

    def _check_names(self, what: str, readings: Iterable[Reading]) -> None:
        for reading in sorted(readings, key=str):
            known = self.limits if reading.variable == "limits" else self.schema.declared(reading.variable)
            if reading.key is not None and known is not None and reading.key not in known:
                raise PolicyInvalid(f"{what}: {_unknown(reading.variable, reading.key, known)}")

    def activation(self, when: When, variables: Variables) -> cel.Activation:
        """The facts as the runtime takes them.

        Raises:
            ValueError: a number is not finite.
        """
        if not _is_finite(variables):
            raise ValueError("the facts hold a number that is not finite, on which no rule can be trusted")
        return self._environments[when].Activation({**variables, "limits": self.limits})

    def applying(self, when: When, tenant: str, kind: str, deployment: str) -> tuple[Rule, ...]:
        """The rules that are asked there, in the policy's order."""
        return tuple(rule for rule in self._asked[when] if rule.constraint.applies(when, tenant, kind, deployment))

    def ask(self, when: When, variables: Variables, kind: str, deployment: str) -> tuple[Finding, ...]:
        """Evaluate every rule that applies, in the policy's order.

        Raises:
            ValueError: a number among the facts is not finite.
        """
        activation = self.activation(when, variables)
        known = {**variables, "limits": self.limits}
        return tuple(
            _finding(rule, activation, known) for rule in self.applying(when, variables["tenant"], kind, deployment)
        )


def holds(compiled: Compiled, activation: cel.Activation) -> bool:
    """Whether the value is of type BOOL and true; an error or anything else is a violation."""
    value = compiled.expression.eval(activation)
    return value.type() == cel.Type.BOOL and value.value() is True


def _finding(rule: Rule, activation: cel.Activation, known: Variables) -> Finding:
    value = rule.compiled.expression.eval(activation)
    is_boolean = value.type() == cel.Type.BOOL
    if is_boolean and value.value() is True:
        return rule.kept
    cause = "" if is_boolean else str(value.value())
    return rule.kept.model_copy(update={"holds": False, "message": rule.message.render(known), "cause": cause})


def _unknown(variable: str, name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    there = f"did you mean {close[0]!r}?" if close else f"it declares {', '.join(sorted(known)) or 'none'}"
    return f"{variable} has no {name!r} in this policy; {there}"


def _is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, Mapping):
        return all(map(_is_finite, value.values()))  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
    if isinstance(value, list | tuple):
        return all(map(_is_finite, value))  # pyright: ignore[reportUnknownArgumentType]
    return True
