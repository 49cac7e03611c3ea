"""What `policy check` finds: planted faults are found, sound policies are left alone, and examples are true."""

from typing import Any

import pytest
from cel_expr_python import cel

from tests.autonomy.policies import policy, rule
from voicehive.autonomy.controller import AutonomousController
from voicehive.autonomy.policy_cases import PolicyCase
from voicehive.autonomy.policy_check import CheckReport, check_policy
from voicehive.autonomy.policy_document import default_policy_text, parse_policy


def checked(*constraints: Any, cases: tuple[PolicyCase, ...] = (), seed: int = 1, **fields: Any) -> CheckReport:
    return check_policy(AutonomousController(policy(*constraints, **fields)), cases, seed)


@pytest.mark.parametrize(
    ("expression", "when", "fault"),
    [
        ("proposed.cost > 5.0 && proposed.cost < 4.0", "verdict", "can never hold"),
        ("proposed.cost < current.cost && proposed.cost > current.cost", "verdict", "can never hold"),
        ("kind == 'a' && kind == 'b'", "verdict", "can never hold"),
        ("largest_change < 0.0", "verdict", "can never hold"),
        ("confidence > 1.0", "verdict", "can never hold"),
        ("size(unknown) < 0", "verdict", "can never hold"),
        ("proposed.cost / 0.0 < 5.0", "verdict", "can never be evaluated: "),
        ("1 / 0 == 1", "verdict", "can never be evaluated: "),
        ("change < 0.0", "step", "can never hold"),
        ("value == 3 && value == 'x'", "step", "can never hold"),
        ("double(result.status) < 300.0 && double(result.status) > 400.0", "after", "can never hold"),
    ],
)
def test_a_rule_that_can_never_hold_is_a_fault(expression: str, when: Any, fault: str) -> None:
    report = checked(rule(expression, "escalate", when=when))
    assert len(report.faults) == 1
    assert report.faults[0].startswith(f"constraint 'rule' {fault}")
    assert report.rules[0].holds_at is None


@pytest.mark.parametrize(
    "expression",
    [
        "proposed.cost >= 0.0 || proposed.cost < 0.0",
        "largest_change >= 0.0",
        "confidence <= 1.0",
        "size(changed) >= 0",
        "proposed.cost <= 2.0 * proposed.cost || proposed.cost < 0.0",
    ],
)
def test_a_rule_that_can_never_fail_is_a_warning(expression: str) -> None:
    report = checked(rule(expression))
    assert report.faults == ()
    assert report.warnings[0].startswith("constraint 'rule' can never fail")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("proposed.cost <= 100.0", "proposed.cost >= 101.0"),
        ("proposed.cost <= 0.9 * current.cost && current.cost > 0.0", "proposed.cost >= current.cost"),
        ("settings.tier == 'plain'", "settings.tier == 'rich'"),
        ("size(unknown) == 0", "size(unknown) > 0"),
        ("requester == 'olivia'", "requester.startsWith('b')"),
        ("proposed.cost <= limits.low", "proposed.cost >= limits.high"),
    ],
)
def test_rules_that_never_hold_together_contradict_each_other(first: str, second: str) -> None:
    limits = {"low": 10.0, "high": 11.0}
    report = checked(rule(first, identifier="a"), rule(second, "escalate", "b"), limits=limits)
    assert report.faults == ("constraints 'a' and 'b' contradict each other: no facts were found at which both hold",)
    apart = (rule(first, identifier="a", kinds=("x",)), rule(second, "escalate", "b", kinds=("y",)))
    assert checked(*apart, limits=limits).faults == ()
    assert checked(rule(first, identifier="a"), rule(second, "warn", "b"), limits=limits).faults == ()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("proposed.cost <= 100.0", "proposed.cost >= 100.0"),
        ("proposed.cost <= 0.5 * current.cost", "proposed.cost >= 0.4999 * current.cost"),
        ("settings.tier == 'plain' || settings.tier == 'rich'", "settings.tier == 'rich'"),
        ("changed.all(n, n != 'a')", "'b' in changed"),
    ],
)
def test_rules_that_meet_in_a_narrow_place_do_not(first: str, second: str) -> None:
    for seed in range(5):
        assert checked(rule(first, identifier="a"), rule(second, identifier="b"), seed=seed).faults == ()


def test_a_rule_that_a_stricter_one_always_overrules_is_a_warning() -> None:
    dead = checked(
        rule("proposed.cost <= 100.0", identifier="block"), rule("proposed.cost <= 150.0", "escalate", "ask")
    )
    assert dead.faults == ()
    (warning,) = dead.warnings
    assert warning.startswith("constraint 'ask' (escalate) can never decide anything: whenever it is violated, so is")
    alive = checked(
        rule("proposed.cost <= 150.0", identifier="block"), rule("proposed.cost <= 100.0", "escalate", "ask")
    )
    assert (alive.faults, alive.warnings) == ((), ())
    narrow = checked(
        rule("proposed.cost <= 100.0", identifier="block", kinds=("x",)),
        rule("proposed.cost <= 150.0", "escalate", "ask"),
    )
    assert narrow.warnings == ()


@pytest.mark.parametrize("seed", range(5))
def test_the_default_policy_has_no_fault_whatever_is_drawn(seed: int) -> None:
    report = check_policy(AutonomousController(parse_policy(default_policy_text())), seed=seed)
    assert (report.faults, report.warnings) == ((), ())


def test_the_examples_are_true_and_the_same_for_the_same_seed() -> None:
    rules = (rule("proposed.cost <= 1.1 * current.cost && proposed.quality >= 0.8", identifier="a"),)
    report = checked(*rules)
    environment = cel.NewEnv(
        variables={name: cel.Type.Map(cel.Type.STRING, cel.Type.DOUBLE) for name in ("current", "proposed")}
    )
    expression = environment.compile(rules[0].expression)
    for example, holds in ((report.rules[0].holds_at, True), (report.rules[0].violated_at, False)):
        assert example is not None
        facts: dict[str, dict[str, Any]] = {"current": {}, "proposed": {}}
        for path, value in example.items():
            variable, _, key = path.partition(".")
            facts[variable][key] = value
        assert expression.eval(environment.Activation(facts)).value() is holds
    assert checked(*rules) == report


def test_a_case_answers_a_false_alarm() -> None:
    needle = rule("proposed.cost * proposed.cost == 1522756.0 && requester == 'o' + 'livia'", "escalate")
    assert checked(needle).faults != ()
    case = PolicyCase(name="the needle", context={"proposed": {"cost": 1234}, "requester": "olivia"}, expect="execute")
    assert checked(needle, cases=(case,)).faults == ()


def test_declared_bounds_are_where_it_looks() -> None:
    share = {"outcomes": {"share": {"minimum": 0, "maximum": 1}}}
    assert "can never fail" in checked(rule("proposed.share <= 1.0"), context=share).warnings[0]
    assert "can never hold" in checked(rule("proposed.share > 1.0"), context=share).faults[0]
    assert checked(rule("proposed.share <= 0.999"), context=share).warnings == ()


def test_a_literal_is_meant() -> None:
    report = checked(rule("false", "escalate", "always-ask", kinds=("plan",)), rule("true", "warn", "never"))
    assert (report.faults, report.warnings) == ((), ())
