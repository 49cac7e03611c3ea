"""A problem is refused as a whole, with one error that names the field; and it survives its journey as JSON."""

from typing import Any

import pytest
from pydantic import ValidationError

from tests.optimization.problems import problem, small
from voicehive.optimization import Problem

NONE: list[Any] = []
FIXED: dict[str, Any] = {"name": "callback.threshold", "kind": "integer", "low": 0, "high": 9, "current": 3}


def changed(part: str, index: int, **changes: Any) -> dict[str, Any]:
    content = small()
    content[part][index] |= changes
    return content


def added(parameter: dict[str, Any]) -> dict[str, Any]:
    content = small()
    content["parameters"].append(parameter)
    return content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (small() | {"parameters": NONE}, "parameters"),
        (small() | {"objectives": NONE}, "objectives"),
        (added(small()["parameters"][0]), "'agents.day' is given twice"),
        (changed("objectives", 1, name="cost"), "objective 'cost' is given twice"),
        (small() | {"parameters": small()["parameters"][1:]}, "'agents.day' is missing; make it a parameter"),
        (added(FIXED | {"low": -3}), "low at least 0"),
        (added(FIXED | {"name": "agents.x"}), "'agents.x': the contact"),
        (changed("parameters", 0, low=61), "'agents.day': low 61 is above high 60"),
        (changed("parameters", 0, low=None), "low and high are both required"),
        (changed("parameters", 0, current=4), "'agents.day': 4 is outside 5 to 60"),
        (changed("parameters", 0, current=30.5), "30.5 is not an integer"),
        (changed("parameters", 0, current=True), "True is not an integer"),
        (changed("parameters", 0, kind="real", current=30.5), "its kind must be 'integer'"),
        (changed("parameters", 0, choices=["a"]), "choices belong to kind 'categorical'"),
        (changed("parameters", 0, maximum_change=-1), "maximum_change"),
        (changed("parameters", 2, current="rough"), r"'rough' is not one of the choices \['plain', 'fine'\]"),
        (changed("parameters", 2, choices=[]), "choices is empty"),
        (changed("parameters", 2, choices=["plain", "plain"]), "holds a category twice"),
        (changed("parameters", 2, choices=["plain", "gold"]), r"categorical over the tiers \['plain', 'fine'\]"),
        (changed("parameters", 2, low=1), "low and high belong to numbers"),
        (changed("objectives", 0, name="happiness"), "'happiness': the evaluator computes only"),
        (changed("objectives", 0, weight=0), "weight"),
        (changed("constraints", 0, subject="happiness"), "constraint on 'happiness'"),
        (changed("constraints", 0, at_least=0.2), "exactly one of at_most and at_least"),
        (
            small() | {"constraints": [{"subject": "cost", "at_most": 1}, {"subject": "cost", "at_least": 2}]},
            "constraints on 'cost' contradict: at_least 2, at_most 1",
        ),
        (small() | {"sead": 3}, "sead"),
        (changed("parameters", 0, high=10**19), "too many integers"),
        (added(FIXED | {"kind": "real", "low": -1.7e308, "high": 1.7e308}), "too wide"),
        (added(FIXED | {"kind": "real", "scale": "log", "low": 1e-300, "high": 1e300, "current": 1}), "too wide"),
        (
            small()
            | {
                "objectives": [{"name": "cost", "direction": "minimize", "at_most": 9}],
                "constraints": [{"name": "cost at most 9", "formula": "abandonment <= 1"}],
            },
            "constraint 'cost at most 9' is given twice",
        ),
        (
            small()
            | {"evaluator": {"kind": "python", "entry_point": "a:b", "outcomes": ["agents.day", "cost"]}}
            | {"objectives": [{"name": "cost", "direction": "minimize"}], "constraints": NONE},
            "'agents.day' is also one of the evaluator's outcomes",
        ),
    ],
)
def test_refused(content: dict[str, Any], message: str):
    with pytest.raises(ValidationError, match=message) as refusal:
        problem(content)
    assert refusal.value.error_count() == 1


def test_survives_json():
    assert Problem.model_validate_json(problem().model_dump_json()) == problem()


def test_a_bound_of_an_objective_is_dropped_only_where_a_constraint_says_the_same():
    content = changed("objectives", 0, at_most=1_000_000)
    content["constraints"] = [{"subject": "cost", "at_most": 1_000_000.4}]
    assert [c.label for c in problem(content).hard_constraints] == ["cost at most 1000000.4", "cost at most 1e+06"]
    content["constraints"] = [{"name": "ceiling", "subject": "cost", "at_most": 1_000_000}]
    assert [c.label for c in problem(content).hard_constraints] == ["ceiling"]


def test_a_bound_that_is_there_for_safety_stays_so():
    content = changed("objectives", 1, at_most=0.1, category="safety")
    (kept,) = problem(content).hard_constraints
    assert (kept.at_most, kept.category) == (0.1, "safety")


def test_maximum_change_narrows_bounds():
    day, night, tier = problem().parameters
    assert day.bounds == (20, 40)
    assert night.bounds == (5, 25)
    assert tier.reachable_choices == ("plain", "fine")
    fixed = problem(changed("parameters", 2, maximum_change=0)).parameters[2]
    assert fixed.reachable_choices == ("plain",)
    assert fixed.fault_of("fine") == "'fine' is more than 0 places from the current 'plain'"
