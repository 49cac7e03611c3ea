"""Rules in CEL: each trap of the language and of its runtime, and that it ends closed."""

import math
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from tests.autonomy.policies import context, rule, step
from voicehive.autonomy.context import AfterContext, Change, StepContext, relative_change
from voicehive.autonomy.context_schema import ContextSchema, DeclaredFact
from voicehive.autonomy.errors import PolicyInvalid
from voicehive.autonomy.rules import RuleBook
from voicehive.autonomy.verdict import Finding


def asked(expression: str, **fields: Any) -> Finding:
    """What a rule on the decision as a whole says."""
    [finding] = RuleBook([rule(expression)]).ask("verdict", context(**fields).variables(0.9), "capacity", "d")
    return finding


def asked_of(expression: str, facts: StepContext) -> Finding:
    """What a rule on a step says."""
    [finding] = RuleBook([rule(expression, when="step")]).ask("step", facts.variables(), "capacity", "d")
    return finding


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("proposed.cost <= 1.1 * current.cost", True),
        ("proposed.cost > current.cost", False),
        ("settings['agents.day'] == 28 && settings['model.tier'] == 'plain'", True),
        ("'agents.day' in changed && size(unknown) == 0", True),
        ("confidence >= 0.9 && feasible && requester == 'olivia'", True),
        ("changed.all(name, name.startsWith('model.'))", False),
    ],
)
def test_rules_speak_of_the_facts(expression: str, holds: bool) -> None:
    finding = asked(expression)
    assert (finding.holds, finding.cause) == (holds, "")


@pytest.mark.parametrize(
    ("expression", "cause"),
    [
        ("1 / (size(changed) - 1) >= 0", "zero"),
        ("size(changed) % (size(changed) - 1) == 0", "zero"),
        ("proposed.nothing > 0.0", "nothing"),
        ("settings['agents.noon'] > 1", "agents.noon"),
        ("changed[5] == 'x'", "index"),
        ("settings['model.tier'] > 3", ""),
        ("settings['agents.day'] < '3'", ""),
        ("9223372036854775807 + size(changed) > 0", "overflow"),
        ("int('many') > 0", ""),
        ("matches(kind, '(')", ""),
    ],
)
def test_an_error_is_a_violation_and_says_so(expression: str, cause: str) -> None:
    finding = asked(expression)
    assert not finding.holds
    assert finding.cause
    assert cause in finding.cause


@pytest.mark.parametrize("expression", ["settings['agents.day']", "settings['model.tier']", "settings", "null"])
def test_a_rule_that_is_not_boolean_is_refused_at_load(expression: str) -> None:
    with pytest.raises(PolicyInvalid, match="constraint 'rule': must be true or false, but its value is"):
        RuleBook([rule(expression)])


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("propsed.cost <= 1.0", "undeclared reference to 'propsed"),
        ("value == 3", "undeclared reference to 'value'"),
        ("proposed.cost <= 5", "no matching overload"),
        ("confidence > 0", "no matching overload"),
        ("kind == 3", "no matching overload"),
        ("proposed.cost <=", "Syntax error"),
        ("size(changed)", "must be true or false, but its value is INT"),
        ("open('/etc/passwd') == ''", "undeclared reference to 'open'"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_load(expression: str, told: str) -> None:
    with pytest.raises(PolicyInvalid) as error:
        RuleBook([rule("true", identifier="fine"), rule(expression, identifier="odd")])
    assert "constraint 'odd'" in str(error.value)
    assert told in str(error.value)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_never_reach_a_rule(number: float) -> None:
    for field in ("current", "proposed"):
        with pytest.raises(ValidationError, match="finite"):
            context(**{field: {"cost": number}})
    with pytest.raises(ValidationError):
        step(value=number)
    book = RuleBook([rule("!(proposed.cost > 5.0)"), rule("true", when="step", identifier="step")])
    facts = context().variables(0.9)
    for spoilt in ({**facts, "proposed": {"cost": number}}, {**facts, "confidence": number}):
        with pytest.raises(ValueError, match="not finite"):
            book.ask("verdict", spoilt, "capacity", "d")
    nested = {**step().variables(), "arguments": {"value": [1.0, {"deep": number}]}}
    with pytest.raises(ValueError, match="not finite"):
        book.ask("step", nested, "capacity", "d")


def test_a_ratio_to_nothing_is_infinite_and_breaks_a_ceiling() -> None:
    assert not asked("proposed.cost / current.cost <= 1.1", current={"cost": 0.0}).holds
    assert not asked("proposed.cost / current.cost <= 1.1", current={"cost": 0.0}, proposed={"cost": 0.0}).holds


def test_and_or_do_not_hide_an_error() -> None:
    assert not asked("proposed.nothing > 0.0 && true").holds
    assert not asked("proposed.nothing > 0.0 || false").holds
    assert asked("proposed.nothing > 0.0 || true").holds


def test_has_asks_whether_a_fact_is_there() -> None:
    assert asked("!has(proposed.nothing)").holds
    assert asked("'cost' in proposed").holds


@pytest.mark.parametrize(
    ("expression", "facts", "holds"),
    [
        ("parameter != 'agents.day' || double(value) >= 1.0", step(value=0), False),
        ("parameter != 'agents.day' || double(value) >= 1.0", step(value=2.5), True),
        ("double(value) >= 1.0", step(value="many"), False),
        ("double(value) >= 1.0", step(value=None), False),
        ("change <= 1.0", step(value=61, earlier=30), False),
        ("change <= 0.99", step(value=1, earlier=None), False),
        ("earlier == null", step(value=1, earlier=None), True),
        ("value == true", step(value=True), True),
        ("arguments.value == 28 && action == 'parameter.set'", step(), True),
    ],
)
def test_rules_on_steps(expression: str, facts: StepContext, holds: bool) -> None:
    assert asked_of(expression, facts).holds is holds


def test_a_rule_is_asked_only_where_it_applies() -> None:
    book = RuleBook(
        [
            rule("false", identifier="kind", kinds=("routing",)),
            rule("false", identifier="deployment", deployments=("elsewhere",)),
            rule("false", identifier="step", when="step"),
            rule("false", identifier="tenant", tenants=("somebody else",)),
            rule("false", identifier="mine", kinds=("routing", "capacity"), deployments=("d",), tenants=("t",)),
        ]
    )
    found = book.ask("verdict", context().variables(0.9), "capacity", "d")
    assert [finding.id for finding in found] == ["mine"]


@pytest.mark.parametrize(
    ("earlier", "value", "change"),
    [
        (30, 33, 0.1),
        (-10, -5, 0.5),
        (0, 5, 1.0),
        (None, 5, 1.0),
        (5, 5, 0.0),
        ("a", "b", 1.0),
        (None, "a", 1.0),
        ("a", None, 1.0),
        (["a"], ["b"], 1.0),
        ({"a": 1}, {"a": 1}, 0.0),
        (True, 3, sys.float_info.max),
        (2, True, sys.float_info.max),
        (42, "100000", sys.float_info.max),
        (42, None, sys.float_info.max),
        ("a", 3, sys.float_info.max),
        (True, False, 1.0),
    ],
)
def test_relative_change(earlier: Any, value: Any, change: float) -> None:
    assert relative_change(earlier, value) == pytest.approx(change)


@pytest.mark.parametrize(
    ("expression", "cause"),
    [
        ("1.0 / current.zero > 1.0", "arithmetic gave inf"),
        ("-1.0 / current.zero < 1.0", "arithmetic gave -inf"),
        ("current.zero / current.zero < 1.0", "arithmetic gave nan"),
        ("!(current.zero / current.zero < 1.0)", "arithmetic gave nan"),
        ("!(current.zero / current.zero > 1.0)", "arithmetic gave nan"),
        ("current.zero / current.zero != 1.0", "arithmetic gave nan"),
        ("!(1.0 / current.zero < 5.0)", "arithmetic gave inf"),
        ("1e308 * current.cost > 5.0", "arithmetic gave inf"),
        ("!(double('NaN') < 5.0)", "arithmetic gave nan"),
        ("double('inf') > 5.0", "arithmetic gave inf"),
        ("!(settings.fraction / settings.none < 5.0)", "arithmetic gave inf"),
        ("!changed.exists(name, 1.0 / current.zero < 5.0)", "arithmetic gave inf"),
        ("!(settings.nothing == 3)", "nothing"),
        ("!(1 / (size(changed) - 1) == 3)", "zero"),
        ("!(settings['model.tier'] > 3)", ""),
        ("feasible ? settings.nothing == 3 : true", "nothing"),
    ],
)
def test_no_trap_of_arithmetic_or_negation_lets_a_rule_hold(expression: str, cause: str) -> None:
    facts = {
        "current": {"zero": 0.0, "cost": 100.0},
        "settings": {"agents.day": 28, "model.tier": "plain", "fraction": 1.5, "none": 0.0},
    }
    finding = asked(expression, **facts)
    assert not finding.holds
    assert finding.cause
    assert cause in finding.cause


@pytest.mark.parametrize("value", ["true", "True", 1, 1.0, None, [True], {"a": True}])
def test_only_the_boolean_true_holds(value: Any) -> None:
    facts = {"settings": {"flag": value}}
    [finding] = RuleBook([rule("settings.flag == true")]).ask("verdict", context(**facts).variables(0.9), "c", "d")
    assert not finding.holds
    assert not asked("feasible && settings.flag", **facts).holds
    assert not asked("settings.flag ? true : false", **facts).holds
    assert asked("settings.flag == true", settings={"flag": True}).holds


@pytest.mark.parametrize("expression", ["settings[?'a'].orValue(1) == 1", "optional.none().hasValue()", "dyn(true)"])
def test_optional_and_dynamic_values_are_refused_at_load(expression: str) -> None:
    with pytest.raises(PolicyInvalid, match="constraint 'rule'"):
        RuleBook([rule(expression)])


def test_a_division_that_is_not_reached_is_no_error() -> None:
    guarded = "current.cost == 0.0 || proposed.cost / current.cost <= 1.1"
    assert asked(guarded, current={"cost": 0.0}).holds
    assert asked(guarded).holds
    assert not asked(guarded, proposed={"cost": 111.0}).holds


def test_arithmetic_on_whole_numbers_texts_and_lists_is_what_it_was() -> None:
    facts = {"settings": {"a": 2, "b": "x", "c": [1]}}
    assert asked("settings.a * 2 == 4 && settings.a - 2 == 0 && settings.a / 2 == 1", **facts).holds
    assert asked("settings.b + 'y' == 'xy' && settings.c + settings.c == [1, 1]", **facts).holds


SCHEMA = ContextSchema(
    outcomes={"cost": DeclaredFact(unit="EUR"), "quality": DeclaredFact(minimum=0, maximum=1)},
    settings={"agents.day": DeclaredFact(type="integer")},
)


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("proposed.cots <= 5.0", "proposed has no 'cots' in this policy; did you mean 'cost'?"),
        ("current['qualty'] <= 5.0", "current has no 'qualty' in this policy; did you mean 'quality'?"),
        ("!has(proposed.spend)", "proposed has no 'spend' in this policy; it declares cost, quality"),
        ("'agents.night' in settings", "settings has no 'agents.night' in this policy; did you mean 'agents.day'?"),
        ("settings.agents.day > 1", "settings has no 'agents' in this policy"),
        ("changed.all(name, proposed.nothing > 1.0)", "proposed has no 'nothing'"),
        ("proposed.cost <= limits.spent", "limits has no 'spent' in this policy; did you mean 'spend'?"),
        ("{'a': proposed.other}.a > 1.0", "proposed has no 'other'"),
    ],
)
def test_names_that_the_policy_does_not_declare_are_refused_at_load(expression: str, told: str) -> None:
    with pytest.raises(PolicyInvalid) as error:
        RuleBook([rule(expression)], {"spend": 5.0}, SCHEMA)
    assert "constraint 'rule'" in str(error.value)
    assert told in str(error.value)


def test_names_that_are_declared_may_be_used_and_computed_ones_are_checked_at_run_time() -> None:
    expressions = [
        "proposed.cost <= limits.spend && proposed['quality'] > 0.5 && settings['agents.day'] > 1",
        "changed.all(name, settings[name] > 1)",
        "[1, 2].all(proposed, proposed > 0)",
    ]
    book = RuleBook([rule(text, identifier=f"r{n}") for n, text in enumerate(expressions)], {"spend": 95.0}, SCHEMA)
    assert [finding.holds for finding in book.ask("verdict", context().variables(0.9), "c", "d")] == [True] * 3
    moved = context(changes=(Change(name="agents.night", earlier=1, value=2),)).variables(0.9)
    assert [finding.holds for finding in book.ask("verdict", moved, "c", "d")] == [True, False, True]


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("spend {proposed.cost} EUR, over {limits.spend}", "spend 90 EUR, over 80.5"),
        ("{kind} on {deployment}: {settings.model.tier}", "capacity on d: plain"),
        ("{{not a field}} {settings.agents.noon}", "{not a field} unknown"),
        ("moves {largest_change}", "moves 0.0666667"),
        ("of {current.calls} calls, {changed}", 'of 1,234,568 calls, ["agents.day"]'),
    ],
)
def test_a_message_is_filled_with_the_facts(message: str, told: str) -> None:
    constraint = rule("false").model_copy(update={"message": message})
    facts = context(current={"calls": 1234568.0, "cost": 1.0}).variables(0.9)
    [finding] = RuleBook([constraint], {"spend": 80.5}).ask("verdict", facts, "capacity", "d")
    assert finding.message == told


@pytest.mark.parametrize(
    "message",
    ["{cost}", "{proposed}", "{kind.x}", "{value}", "{", "{proposed.cost:.2f}", "{kind!r}", "{}", "{limits.x}"],
)
def test_a_message_that_names_no_fact_is_refused_at_load(message: str) -> None:
    with pytest.raises(PolicyInvalid, match="constraint 'rule'"):
        RuleBook([rule("false").model_copy(update={"message": message})])


def test_rules_after_a_step_see_its_result() -> None:
    facts = AfterContext(**step().model_dump(), result={"status": 503})
    book = RuleBook([rule("result.status < 500", when="after"), rule("false", when="step", identifier="other")])
    [finding] = book.ask("after", facts.variables(), "capacity", "d")
    assert (finding.id, finding.holds) == ("rule", False)
    with pytest.raises(PolicyInvalid, match="undeclared reference to 'result"):
        RuleBook([rule("result.status < 500", when="step")])
