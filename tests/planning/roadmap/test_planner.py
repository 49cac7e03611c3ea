import numpy as np
import pytest

from tests.planning.roadmap.portfolios import (
    FINISH,
    all_roadmaps,
    allowed,
    initiative,
    objectives_of,
    portfolio,
    problem,
    utility,
)
from voicehive.optimization import Objective
from voicehive.planning.initiatives import Prerequisite
from voicehive.planning.roadmap.errors import InfeasibleRoadmap, RoadmapInvalid
from voicehive.planning.roadmap.planner import SearchTime, plan_roadmap
from voicehive.planning.roadmap.problem import RoadmapProblem
from voicehive.planning.roadmap.program import program_of
from voicehive.planning.roadmap.result import StrategicRoadmap
from voicehive.planning.roadmap.search import search
from voicehive.planning.roadmap.values import ValueSamples

BRIEF = SearchTime(recommendation=20, front=0, scenarios=0)


@pytest.mark.parametrize("seed", range(6))
def test_the_recommendation_is_the_best_of_all_roadmaps_there_are(seed: int):
    made, samples = portfolio(seed)
    best = max(utility(made, objectives_of(made, samples, starts)) for starts in all_roadmaps(made))
    roadmap = plan_roadmap(made, samples, BRIEF, seed)
    assert allowed(made, roadmap.starts)
    assert roadmap.status == "optimal"
    assert roadmap.utility == pytest.approx(best, rel=2e-5)
    found = objectives_of(made, samples, roadmap.starts)
    assert roadmap.front[0].outcomes == pytest.approx(found)
    assert roadmap.bound >= best - 1e-9 * abs(best)


@pytest.mark.parametrize("seed", range(3))
def test_large_programs_are_searched_by_neighbourhoods_to_an_honest_bound(seed: int, monkeypatch: pytest.MonkeyPatch):
    made, samples = portfolio(seed)
    monkeypatch.setattr("voicehive.planning.roadmap.search._WHOLE_COLUMNS", 0)
    best = max(utility(made, objectives_of(made, samples, starts)) for starts in all_roadmaps(made))
    found = search(program_of(made, samples), 6.0, seed)
    assert found.bound >= best - 1e-9 * abs(best) >= found.outcome.utility - 2e-9 * abs(best)
    assert found.outcome.utility == pytest.approx(best, rel=1e-4)


@pytest.mark.parametrize(
    ("name", "bounds"), [("cost", {"at_most": 12.0}), ("finish", {"at_most": 2.0}), ("risk", {"at_most": -12.0})]
)
def test_bounds_on_objectives_bind(name: str, bounds: dict[str, float]):
    made, samples = portfolio(1)
    objectives = tuple(one.model_copy(update=bounds) if one.name == name else one for one in made.objectives)
    bound = made.model_copy(update={"objectives": objectives})
    every = [objectives_of(made, samples, starts) for starts in all_roadmaps(made)]
    best = max(utility(made, one) for one in every if one[name] <= bounds["at_most"] + 1e-9)
    roadmap = plan_roadmap(bound, samples, BRIEF)
    assert roadmap.front[0].outcomes[name] <= bounds["at_most"] + 1e-9
    assert roadmap.utility == pytest.approx(best, rel=2e-5)


def test_the_front_holds_no_roadmap_that_another_one_beats_and_reaches_its_ends():
    made, samples = portfolio(2)
    roadmap = plan_roadmap(made, samples, SearchTime(recommendation=5, front=15, scenarios=0, points=8))
    signed = np.array([[one.sign * s.outcomes[one.name] for one in made.objectives] for s in roadmap.front])
    for row in signed:
        assert not ((signed <= row).all(axis=1) & (signed < row).any(axis=1)).any()
    every = [objectives_of(made, samples, starts) for starts in all_roadmaps(made)]
    for place, one in enumerate(made.objectives):
        assert signed[:, place].min() == pytest.approx(
            min(one.sign * each[one.name] for each in every), rel=1e-4, abs=1e-3
        )
    for solution in roadmap.front:
        starts = {str(name): int(start) for name, start in solution.settings.items() if int(start) >= 0}
        assert allowed(made, starts)
        assert solution.outcomes == pytest.approx(objectives_of(made, samples, starts))


def test_what_an_ai_proposed_waits_for_a_person():
    dear = initiative("dear", origin="ai")
    made = problem(initiative("plain"), dear, objectives=(Objective(name="value", direction="maximize"),))
    roadmap = plan_roadmap(made, ValueSamples(np.full((4, 1, 4), 5.0)), BRIEF)
    assert list(roadmap.starts) == ["plain"]
    assert "no person has accepted" in next(one.reason for one in roadmap.left_out if one.initiative == "dear")
    accepted = problem(initiative("plain"), dear.model_copy(update={"accepted": True}), objectives=made.objectives)
    assert set(plan_roadmap(accepted, ValueSamples(np.full((4, 2, 4), 5.0)), BRIEF).starts) == {"plain", "dear"}


def test_a_choice_that_is_right_in_one_scenario_only_is_not_in_all_scenarios():
    made = problem(
        initiative("always", people={"dev": 1.0}),
        initiative("calm", people={"dev": 1.0}),
        initiative("storm", people={"dev": 1.0}),
        periods=1,
        capacities={"dev": (2.0,)},
        objectives=(Objective(name="value", direction="maximize"),),
    )
    calm, storm = [10.0, 5.0, -5.0], [10.0, -2.0, 6.0]
    values = np.array([calm] * 30 + [storm] * 10)[:, :, None]
    samples = ValueSamples(values, np.repeat([0, 1], [30, 10]), ("calm", "storm"))
    roadmap = plan_roadmap(made, samples, SearchTime(recommendation=5, front=0, scenarios=5))
    assert set(roadmap.starts) == {"always", "calm"}
    assert {one.initiative: one.in_all_scenarios for one in roadmap.items} == {"always": True, "calm": False}
    changed = next(one for one in roadmap.scenarios if one.scenario == "storm")
    assert (changed.added, changed.dropped) == (("storm",), ("calm",))
    assert changed.utility - changed.recommended_utility == pytest.approx(8.0)
    assert any("in all scenarios: always" in reason for reason in roadmap.reasons)


def test_an_infeasible_budget_names_the_smallest_increase_that_makes_it_feasible():
    initiatives = (
        initiative("first", 2, required=True, cost_at_start=6.0, cost_per_period=2.0),
        initiative("second", 1, ("first",), required=True, cost_at_start=7.0),
    )
    values = ValueSamples(np.ones((2, 2, 3)))
    with pytest.raises(InfeasibleRoadmap) as caught:
        plan_roadmap(problem(*initiatives, periods=3, budgets=(5.0, 5.0, 5.0)), values, BRIEF)
    increases = {one.constraint.split(" ")[0]: one.by for one in caught.value.relaxations}
    assert increases == pytest.approx({"budgets[0]": 3.0, "budgets[2]": 2.0})
    assert "budgets[0]" in str(caught.value)
    assert set(plan_roadmap(problem(*initiatives, periods=3, budgets=(8.0, 5.0, 7.0)), values, BRIEF).starts) == {
        "first",
        "second",
    }
    with pytest.raises(InfeasibleRoadmap):
        plan_roadmap(problem(*initiatives, periods=3, budgets=(7.9, 5.0, 7.0)), values, BRIEF)


def test_an_infeasible_capacity_is_named_where_only_the_finish_counts():
    both = [initiative(name, 2, required=True, people={"dev": 2.0}) for name in ("a", "b")]
    with pytest.raises(InfeasibleRoadmap, match=r"capacities\.dev") as caught:
        plan_roadmap(problem(*both, periods=3, capacities={"dev": (3.0,)}, objectives=FINISH))
    assert sum(one.by for one in caught.value.relaxations) == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(4))
def test_two_models_agree_on_the_earliest_finish(seed: int):
    generator = np.random.default_rng(seed)
    made = problem(
        *(
            initiative(
                f"i{n}",
                int(generator.integers(0, 4)),
                (f"i{n - 3}",) if n % 2 and n > 2 else (),
                required=True,
                people={"dev": float(generator.integers(1, 4))},
            )
            for n in range(8)
        ),
        periods=24,
        capacities={"dev": tuple([3.0, 4.0] * 12)},
        objectives=FINISH,
    )
    one = plan_roadmap(made, None, BRIEF)
    other = plan_roadmap(made.model_copy(update={"budgets": (1e6,)}), None, BRIEF)
    assert one.status == other.status == "optimal"
    assert one.finish.planned == other.finish.planned
    assert allowed(made, one.starts)
    assert allowed(made, other.starts)


def test_groups_are_done_whole_or_not_at_all():
    made = problem(
        initiative("good"),
        initiative("bad"),
        initiative("fine"),
        together=(("good", "bad"),),
        objectives=(Objective(name="value", direction="maximize"),),
    )
    values = np.ones((2, 3, 4)) * np.array([5.0, -6.0, 1.0])[None, :, None]
    assert set(plan_roadmap(made, ValueSamples(values), BRIEF).starts) == {"fine"}
    values[:, 1] = -4.0
    roadmap = plan_roadmap(made, ValueSamples(values), BRIEF)
    # Neither of the two can be left out alone, so that each stands for both: 5 - 4.
    assert {one.initiative: one.contribution for one in roadmap.items} == pytest.approx(
        {"good": 1.0, "bad": 1.0, "fine": 1.0}
    )


def test_equal_seeds_give_equal_roadmaps():
    made, samples = portfolio(3)
    one, other = (plan_roadmap(made, samples, BRIEF, 7) for _ in range(2))
    timeless = {"duration_seconds": 0.0, "first_after_seconds": 0.0}
    assert one.model_copy(update=timeless) == other.model_copy(update=timeless)


def test_a_search_with_next_to_no_time_still_bounds_honestly(monkeypatch: pytest.MonkeyPatch):
    made, samples = portfolio(4)
    monkeypatch.setattr("voicehive.planning.roadmap.search.relax", lambda *_: None)
    roadmap = plan_roadmap(made, samples, SearchTime(recommendation=1e-6, front=0, scenarios=0))
    best = max(utility(made, objectives_of(made, samples, starts)) for starts in all_roadmaps(made))
    assert allowed(made, roadmap.starts)
    assert roadmap.utility - 1e-9 <= best <= roadmap.bound
    assert roadmap.status == "feasible"


def test_missing_values_are_asked_for():
    with pytest.raises(RoadmapInvalid, match="values: are missing"):
        plan_roadmap(problem(initiative("a")))
    with pytest.raises(RoadmapInvalid, match="shape"):
        plan_roadmap(problem(initiative("a")), ValueSamples(np.ones((3, 2, 4))))
    with pytest.raises(RoadmapInvalid, match=r"values \(a\)"):
        plan_roadmap(problem(initiative("a")), ValueSamples(np.full((3, 1, 4), np.nan)))


@pytest.mark.parametrize("budgets", [(), (9.0,)])
def test_a_lag_is_waited_for(budgets: tuple[float, ...]):
    later = initiative("b", required=True, prerequisites=(Prerequisite(initiative="a", lag=2),))
    roadmap = plan_roadmap(problem(initiative("a"), later, budgets=budgets, objectives=FINISH), None, BRIEF)
    assert roadmap.starts == {"a": 0, "b": 3}
    assert roadmap.critical_path == ("a", "b")


def test_a_problem_and_its_roadmap_survive_json():
    made, samples = portfolio(0)
    assert RoadmapProblem.model_validate_json(made.model_dump_json()) == made
    roadmap = plan_roadmap(made, samples, BRIEF)
    assert StrategicRoadmap.model_validate_json(roadmap.model_dump_json()) == roadmap


def test_the_budget_is_blamed_before_the_capacity():
    both = [initiative(name, 2, required=True, people={"dev": 1.0}, cost_per_period=4.0) for name in ("a", "b")]
    tight = problem(*both, periods=3, budgets=(4.0,), capacities={"dev": (2.0,)})
    with pytest.raises(InfeasibleRoadmap) as caught:
        plan_roadmap(tight, ValueSamples(np.ones((2, 2, 3))), BRIEF)
    # One of the three periods must carry both.
    assert [one.by for one in caught.value.relaxations] == pytest.approx([4.0])
    assert caught.value.item.startswith("budgets[1]")
