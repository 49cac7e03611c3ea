"""Full compliance, by generated rules with an oracle of their own: nothing that breaks a `block` rule gets through.

Each rule comes with the same condition in Python, where what is missing, of the wrong type or not finite is broken.
"""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.autonomy.policies import context, policy, rule, step
from voicehive.autonomy.context import DecisionContext, StepContext
from voicehive.autonomy.controller import AutonomousController
from voicehive.autonomy.errors import SafetyViolation
from voicehive.autonomy.policy import SafetyConstraint
from voicehive.autonomy.standing import Standing
from voicehive.storage.allowances import Shortage, Stop

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NUMBERS = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.1, 5e-324, 1e308, -1e308]) | st.floats(-1e9, 1e9)
VALUES = NUMBERS | st.integers(-(2**62), 2**62) | st.booleans() | st.none() | st.sampled_from(["true", "5", ""])
OUTCOMES = st.fixed_dictionaries({"a": NUMBERS, "b": NUMBERS}) | st.dictionaries(st.sampled_from(["a", "b"]), NUMBERS)
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<=": lambda x, y: x <= y, "<": lambda x, y: x < y, ">=": lambda x, y: x >= y, ">": lambda x, y: x > y,
    "==": lambda x, y: x == y, "!=": lambda x, y: x != y,
}  # fmt: skip
ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda x, y: x + y, "-": lambda x, y: x - y, "*": lambda x, y: x * y,
    "/": lambda x, y: x / y if y else math.nan,
}  # fmt: skip


class Told(NamedTuple):
    """A rule and its condition in Python, of the facts."""

    expression: str
    holds: Callable[[Any], bool]


def combined(operator: str, first: Any, second: Any) -> Any:
    """CEL's arithmetic: on two values of one type; whole numbers have 64 bits, and texts can only be joined."""
    if type(first) is not type(second) or type(first) not in (int, float, str):
        raise ValueError("no such overload")
    if isinstance(first, str):
        if operator != "+":
            raise ValueError("no such overload")
        return first + second
    if isinstance(first, int) and operator == "/":
        if second == 0:
            raise ValueError("divide by zero")
        value = abs(first) // abs(second) * (1 if (first < 0) == (second < 0) else -1)
    else:
        value = ARITHMETIC[operator](first, second)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("overflow")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("not finite")
    return value


def compared(sign: str, value: Any, limit: float) -> bool:
    """CEL's comparison: numbers by their exact values, whatever their types; a text equals no number."""
    if isinstance(value, str):
        if sign not in ("==", "!="):
            raise ValueError("no such overload")
        return sign == "!="
    return COMPARISONS[sign](value, limit)


@st.composite
def conditions(draw: st.DrawFn, left: str, get: Callable[[Any, str], Any]) -> Told:
    """A comparison of two numbers with arithmetic, negated or not."""
    first, second = draw(st.sampled_from(["a", "b"])), draw(st.sampled_from(["a", "b"]))
    operator, sign = draw(st.sampled_from(sorted(ARITHMETIC))), draw(st.sampled_from(sorted(COMPARISONS)))
    limit, negated = draw(NUMBERS), draw(st.booleans())

    def holds(facts: Any) -> bool:
        try:
            value = combined(operator, get(facts, first), get(facts, second))
            return compared(sign, value, limit) != negated
        except (KeyError, ValueError, OverflowError):
            return False

    told = f"{left}.{first} {operator} {left}.{second} {sign} double('{limit!r}')"
    return Told(f"!({told})" if negated else told, holds)


def of_decisions() -> st.SearchStrategy[Told]:
    return conditions("proposed", lambda facts, name: facts.proposed[name])


def of_steps() -> st.SearchStrategy[Told]:
    return conditions("arguments", lambda facts, name: facts.arguments[name])


def with_ids(told: list[tuple[Told, str]], when: Any) -> tuple[SafetyConstraint, ...]:
    return tuple(rule(one.expression, severity, f"{when}-{n}", when=when) for n, (one, severity) in enumerate(told))


severities = st.sampled_from(["block", "escalate", "warn"])
rules_on_decisions = st.lists(st.tuples(of_decisions(), severities), max_size=4)
rules_on_steps = st.lists(st.tuples(of_steps(), severities), max_size=3)
decisions = st.builds(
    lambda proposed, feasible, preference: context(proposed=proposed, feasible=feasible, preference=preference),
    OUTCOMES, st.booleans(), st.floats(0, 1),
)  # fmt: skip
steps = st.lists(
    (OUTCOMES | st.dictionaries(st.sampled_from(["a", "b"]), VALUES)).map(
        lambda values: step().model_copy(update={"arguments": {"name": "x", "value": 1, **values}})
    ),
    max_size=2,
)
modes = st.sampled_from(["manual", "supervised", "autonomous", "shadow"])
standings = st.builds(
    lambda stopped, short: Standing(
        at=NOW,
        stops=(Stop(everywhere=False, author="a", reason="r", at=NOW),) if stopped else (),
        shortages=tuple(Shortage(id=f"s-{n}", severity=severity, reason="r") for n, severity in enumerate(short)),
    ),
    st.booleans(), st.lists(st.sampled_from(["block", "escalate"]), max_size=1),
)  # fmt: skip


@given(decisions, steps, rules_on_decisions, rules_on_steps, modes, standings)
@settings(max_examples=150, deadline=None)
def test_nothing_that_breaks_a_rule_runs_alone(
    facts: DecisionContext,
    planned: list[StepContext],
    told: list[tuple[Told, str]],
    told_of_steps: list[tuple[Told, str]],
    mode: str,
    standing: Standing,
) -> None:
    constraints = with_ids(told, "verdict") + with_ids(told_of_steps, "step")
    controller = AutonomousController(policy(*constraints, autonomy={"threshold": 0.0, "mode": mode}))
    result = controller.assess(facts, tuple(planned), standing)
    broken = {severity for one, severity in told if not one.holds(facts)}
    broken |= {severity for one, severity in told_of_steps for each in planned if not one.holds(each)}
    broken |= {shortage.severity for shortage in standing.shortages} | ({"escalate"} if standing.stops else set())
    if "block" in broken or not facts.feasible:
        assert result.verdict == "reject"
    elif "escalate" in broken or mode in ("manual", "supervised"):
        assert result.verdict == "escalate"
    else:
        assert result.verdict == "execute"


@given(st.lists(st.tuples(of_steps(), severities), min_size=1, max_size=3), steps, st.booleans())
@settings(max_examples=150, deadline=None)
def test_no_step_that_breaks_a_rule_passes_the_last_check(
    told: list[tuple[Told, str]], planned: list[StepContext], approved: bool
) -> None:
    controller = AutonomousController(policy(*with_ids(told, "step")))
    under = controller.policy_digest if approved else None
    for each in planned:
        broken = {severity for one, severity in told if not one.holds(each)}
        try:
            controller.check_step(each, under)
        except SafetyViolation:
            assert "block" in broken or ("escalate" in broken and not approved)
        else:
            assert "block" not in broken
            assert approved or "escalate" not in broken
