"""Plans as documents, and initiatives within the simulation, checked against sums done by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from voicehive.planning import StrategicPlan, StrategicPlanner, read_plan
from voicehive.planning.documents import PlanUnreadable
from voicehive.planning.effects import value_samples
from voicehive.planning.errors import GoalInvalid

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "strategy" / "contact_centre_2027.yaml"
GOAL: dict[str, Any] = {
    "id": "g", "name": "G", "metric": "m", "baseline": 50, "target": 90, "direction": "maximize",
    "start": "2027-01-01", "due": "2027-12-31",
}  # fmt: skip
SURGE: dict[str, Any] = {
    "id": "surge",
    "name": "S",
    "probability": 0.25,
    "start": 6,
    "impacts": [{"metric": "m", "size": -5}],
}
INITIATIVE: dict[str, Any] = {
    "id": "i", "duration": {"kind": "constant", "value": 2},
    "effects": [{"metric": "m", "change": {"kind": "constant", "value": 4}, "delay": {"kind": "constant", "value": 1}}],
}  # fmt: skip
PLAN: dict[str, Any] = {
    "name": "P", "horizon": {"start": "2027-01-01", "periods": 12}, "goals": [GOAL], "scenarios": [SURGE],
    "initiatives": [INITIATIVE], "worth": [{"metric": "m", "per_unit": 10}],
}  # fmt: skip


def plan(**changes: Any) -> StrategicPlan:
    return StrategicPlan.model_validate_json(json.dumps(PLAN | changes))


def written(path: Path, **changes: Any) -> Path:
    path.write_text(json.dumps(PLAN | changes))
    return path


def values(made: StrategicPlan) -> Any:
    return value_samples(made, np.random.default_rng(1), 1_000)


def test_example_is_a_years_plan_of_five_goals_eight_scenarios_and_twenty_initiatives() -> None:
    example = read_plan(EXAMPLE)
    assert (len(example.goals), len(example.scenarios), len(example.initiatives)) == (5, 8, 20)
    assert {"demand"} == {one.group for one in example.scenarios if one.group}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"goals": [GOAL | {"due": "2028-01-01"}]}, r"goals\[0\] \(g\): is due 2028-01-01.*horizon.periods"),
        (
            {"goals": [GOAL | {"start": "2026-01-01", "due": "2026-12-31"}]},
            r"goals\[0\] \(g\): is due 2026-12-31, before",
        ),
        ({"goals": [GOAL | {"criteria": ["metrics.other >= 1.0"]}]}, r"goal g: criteria\[0\]"),
        (
            {"goals": [GOAL, GOAL | {"id": "h", "baseline": 40}]},
            r"goals\[1\] \(h\): baseline: is 40, but goal g has 50",
        ),
        (
            {"scenarios": [SURGE | {"impacts": [{"metric": "n", "size": 1}]}]},
            r"scenarios\[0\] \(surge\): impacts\[0\]: no goal is about a metric 'n'; name one of m",
        ),
        (
            {"initiatives": [INITIATIVE | {"effects": [{"metric": "n", "change": {"kind": "constant", "value": 1}}]}]},
            r"initiatives\[0\] \(i\): effects\[0\]: no goal is about a metric 'n'",
        ),
        (
            {"initiatives": [INITIATIVE | {"id": "surge"}]},
            r"initiatives\[0\] \(surge\): another initiative or a scenario",
        ),
        ({"starts": {"j": 1}}, r"starts\.j: has a start, but is no initiative"),
        ({"starts": {"i": 12}}, r"starts\.i: is 12, but the last period is 11"),
        ({"expected": {"m": [1.0]}}, r"expected\.m: has 1 values for 12 periods"),
        ({"worth": [{"metric": "n", "per_unit": 1}]}, r"worth \(n\): no goal is about"),
        (
            {"worth": [{"metric": "m", "per_unit": 1, "in_scenarios": {"war": 2}}]},
            r"worth \(m\): in_scenarios: 'war' is no scenario; name one of surge",
        ),
    ],
)
def test_what_does_not_fit_is_named_with_the_way_out(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(PlanUnreadable, match=told):
        read_plan(written(tmp_path / "plan.json", **changes))


def test_past_due_date_is_refused_on_the_day_after_only() -> None:
    made = plan()
    made.check_not_past(made.goals[0].due)
    with pytest.raises(GoalInvalid, match="goal g: was due 2027-12-31"):
        made.check_not_past(made.goals[0].due.replace(year=2028))


def test_initiative_is_worth_its_change_in_every_period_that_is_left() -> None:
    found = values(plan(scenarios=[])).values[:, 0]
    # Started in t it is over after t + 2, felt a period later: 12 - 3 - t periods of 4 units of 10 each.
    assert found == pytest.approx(np.tile([40.0 * max(0, 9 - t) for t in range(12)], (len(found), 1)))


def test_worth_beyond_the_target_counts_in_part() -> None:
    made = plan(
        scenarios=[], goals=[GOAL | {"target": 51}], worth=[{"metric": "m", "per_unit": 10, "beyond_target": 0.5}]
    )
    assert values(made).values[0, 0, 0] == pytest.approx(9 * (10 * 1 + 5 * 3))


def test_worth_is_discounted_by_the_year_and_counts_beyond_the_horizon_where_asked() -> None:
    made = plan(scenarios=[], discount_rate=0.21, value_periods=18)
    expected = sum(40.0 * 1.21 ** (-period / 12) for period in range(3, 18))
    assert values(made).values[0, 0, 0] == pytest.approx(expected)


def test_less_is_worth_more_where_the_goal_is_to_minimise() -> None:
    effect = {"metric": "m", "change": {"kind": "constant", "value": -4}}
    goal = GOAL | {"direction": "minimize", "target": 10}
    made = plan(scenarios=[], goals=[goal], initiatives=[INITIATIVE | {"effects": [effect]}])
    assert values(made).values[0, 0, 0] == pytest.approx(10 * 40.0)


def test_scenario_changes_what_an_initiative_is_worth_from_its_start_on() -> None:
    found = values(plan(worth=[{"metric": "m", "per_unit": 10, "in_scenarios": {"surge": 3}}]))
    assert found.scenarios == ("surge", "none of them")
    surge, none = (found.values[found.belonging(number), 0, 0] for number in (0, 1))
    assert len(surge) / len(found.values) == pytest.approx(0.25, abs=0.02)
    assert none == pytest.approx(np.full(len(none), 9 * 40.0))
    assert surge == pytest.approx(np.full(len(surge), 3 * 40.0 + 6 * 120.0))


def test_simulation_adds_an_initiatives_change_once_it_is_felt_and_only_as_often_as_it_succeeds() -> None:
    planner = StrategicPlanner(plan(scenarios=[], initiatives=[INITIATIVE | {"failure_probability": 0.2}]))
    in_time, late = (planner.simulate({"i": start}, samples=2_000).result.goals[0].mean for start in (8, 9))
    assert late.value == 50.0
    assert in_time.value == pytest.approx(50.0 + 0.8 * 4.0, abs=4 * in_time.standard_error + 1e-6)


def test_roadmap_takes_up_what_only_pays_if_a_scenario_is_sure() -> None:
    costly = INITIATIVE | {"cost_at_start": 500.0}
    made = plan(initiatives=[costly], worth=[{"metric": "m", "per_unit": 10, "in_scenarios": {"surge": 3}}])
    found = StrategicPlanner(made).roadmap()
    assert not found.items  # worth 360, or 840 in a quarter of futures: 480 on average
    assert {one.scenario: one.added for one in found.scenarios} == {"surge": ("i",), "none of them": ()}
