"""The optimiser against enumeration, and in the corners: nothing feasible, no freedom, given candidates."""

import subprocess
import sys
from datetime import timedelta
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.optimization.problems import example, problem, small
from voicehive.optimization import (
    Budget,
    InvalidCandidate,
    MultiObjectiveOptimizer,
    OptimizationResult,
    Progress,
    Setting,
    Settings,
    Solution,
)
from voicehive.optimization.request import OptimizationRequest

SIGNS = np.array([1.0, 1.0, -1.0])
NAMES = ("cost", "abandonment", "quality")


def values(solutions: tuple[Solution, ...]) -> NDArray[np.float64]:
    return np.array([[solution.outcomes[name] for name in NAMES] for solution in solutions]) * SIGNS


def number(setting: Setting) -> float:
    assert isinstance(setting, int | float)
    return setting


def dominated(points: NDArray[np.float64], by: NDArray[np.float64]) -> NDArray[np.bool_]:
    """By the definition: no worse in all objectives, better in one."""
    no_worse = np.all(by[None] <= points[:, None] + 1e-12, axis=2)
    better = np.any(by[None] < points[:, None] - 1e-12, axis=2)
    return np.asarray(np.any(no_worse & better, axis=1))


@cache
def everything() -> tuple[Solution, ...]:
    every = product(range(20, 41), range(5, 26), ("plain", "fine"))
    return MultiObjectiveOptimizer(problem()).solutions([settings_of(*row) for row in every])


@cache
def searched() -> OptimizationResult:
    return MultiObjectiveOptimizer(problem()).optimize()


def settings_of(day: int, night: int, tier: str) -> Settings:
    return {"agents.day": day, "agents.night": night, "model.tier": tier}


class TestSearch:
    def test_finds_the_enumerated_front(self):
        feasible = tuple(solution for solution in everything() if solution.outcomes["abandonment"] <= 0.1)
        optimal = values(feasible)[~dominated(values(feasible), values(feasible))]
        result = searched()
        found = values(result.front)
        assert not dominated(found, optimal).any()
        assert len(found) >= 0.9 * len(optimal)
        assert result.feasible
        assert result.evaluations <= 60 * 40 + 1

    def test_front_is_sound(self):
        result = searched()
        points = values(result.front)
        assert not dominated(points, points).any()
        assert [solution.index for solution in result.front] == list(range(len(result.front)))
        for solution in result.front:
            assert solution.feasible
            assert solution.outcomes["abandonment"] <= 0.1
            assert 20 <= number(solution.settings["agents.day"]) <= 40
        for index in (result.recommended, *result.alternatives.values()):
            assert 0 <= index < len(result.front)
        assert points[result.alternatives["cheapest"], 0] == points[:, 0].min()
        assert 0.0 < result.hypervolume <= 1.1**3

    def test_recommendation_is_no_worse_than_today(self):
        result = searched()
        better = values((result.current,)) - values((result.recommendation,))
        assert (better >= -1e-9).all()
        assert (better > 1e-9).any()
        assert any(reason.startswith("cost falls from") for reason in result.reasons)

    def test_seed_fixes_everything(self):
        def content(result: OptimizationResult) -> dict[str, Any]:
            return result.model_dump(exclude={"duration_seconds", "timings"})

        budget = Budget(population=40, generations=15)
        optimizers = [MultiObjectiveOptimizer(problem(), budget, seed) for seed in (7, 7, 8)]
        first, again, other = (content(optimizer.optimize()) for optimizer in optimizers)
        assert first == again
        assert first["seed"] == 7
        assert first["front"] != other["front"]

    def test_survives_json(self):
        result = MultiObjectiveOptimizer(problem(), budget=Budget(population=20, generations=3)).optimize()
        assert OptimizationResult.model_validate_json(result.model_dump_json()) == result

    def test_front_is_thinned_to_its_size(self):
        content = small() | {"front_size": 20}
        result = MultiObjectiveOptimizer(problem(content)).optimize()
        whole = searched()
        assert len(result.front) == 20 < len(whole.front)
        assert result.recommendation.settings == whole.recommendation.settings
        assert values(result.front).min(axis=0) == pytest.approx(values(whole.front).min(axis=0))

    def test_a_bounded_archive_keeps_the_recommendation(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("voicehive.optimization.search.ARCHIVE_LIMIT", 30)
        result = MultiObjectiveOptimizer(problem(small() | {"front_size": 20})).optimize()
        assert len(result.front) <= 30
        assert (values((result.recommendation,)) <= values((result.current,)) + 1e-9).all()

    def test_progress_and_time(self):
        seen: list[Progress] = []
        MultiObjectiveOptimizer(problem(), budget=Budget(population=20, generations=5)).optimize(seen.append)
        assert [progress.generation for progress in seen] == [1, 2, 3, 4, 5]
        seen.clear()
        hurried = Budget(population=20, generations=50_000, time=timedelta(milliseconds=1))
        result = MultiObjectiveOptimizer(problem(), budget=hurried).optimize(seen.append)
        assert len(seen) == 1
        assert result.front

    def test_real_parameters(self):
        content = small()
        threshold = {"name": "callback.threshold", "kind": "real", "low": 10, "high": 90, "current": 33.3}
        content["parameters"].append(threshold)
        result = MultiObjectiveOptimizer(problem(content)).optimize()
        assert result.current.settings["callback.threshold"] == pytest.approx(33.3)
        assert all(10 <= number(solution.settings["callback.threshold"]) <= 90 for solution in result.front)


class TestCorners:
    def test_nothing_feasible_gives_the_least_violating(self):
        content = small() | {
            "constraints": [{"subject": "abandonment", "at_most": 0.001}, {"subject": "cost", "at_most": 300}]
        }
        result = MultiObjectiveOptimizer(problem(content)).optimize()
        violations = [solution.violation for solution in result.front]
        assert not result.feasible
        assert violations == pytest.approx(sorted(violations), abs=1e-8)
        least = min(
            MultiObjectiveOptimizer(problem(content)).solutions([s.settings for s in everything()]),
            key=lambda s: s.violation,
        )
        assert result.recommendation.violation == pytest.approx(least.violation, rel=0.02)
        assert "no candidate meets every constraint" in result.reasons[0]

    def test_violation_is_the_sum_of_relative_excesses(self):
        content = small() | {
            "constraints": [{"subject": "abandonment", "at_most": 0.001}, {"subject": "quality", "at_least": 0.99}]
        }
        solution = MultiObjectiveOptimizer(problem(content)).evaluate([]).current
        excess = solution.outcomes["abandonment"] / 0.001 - 1 + 1 - solution.outcomes["quality"] / 0.99
        assert solution.violation == pytest.approx(excess)

    def test_infeasible_today_goes_to_feasible(self):
        content = small() | {"constraints": [{"subject": "abandonment", "at_most": 0.002}]}
        result = MultiObjectiveOptimizer(problem(content)).optimize()
        assert not result.current.feasible
        assert result.current.index == -1
        assert result.recommendation.feasible
        assert result.reasons[0].startswith("meets every constraint, which today's settings do not")

    def test_no_freedom_changes_nothing(self):
        content = small()
        for parameter in content["parameters"]:
            parameter["maximum_change"] = 0
        result = MultiObjectiveOptimizer(problem(content)).optimize()
        assert [solution.settings for solution in result.front] == [problem(content).current]
        assert result.current.index == result.recommended == 0
        assert "keeps today's settings: no change" in result.reasons
        assert result.acceptability == 1.0

    def test_one_objective(self):
        content = small() | {"objectives": [{"name": "cost", "direction": "minimize"}]}
        result = MultiObjectiveOptimizer(problem(content)).optimize()
        cheapest = min(s.outcomes["cost"] for s in everything() if s.outcomes["abandonment"] <= 0.1)
        assert [s.outcomes["cost"] for s in result.front] == [pytest.approx(cheapest)]


class TestEnumeration:
    def budgeted(self, evaluations: int) -> OptimizationResult:
        """Eight candidates, 0 to 7, of which the last is the best."""
        content = {
            "parameters": [{"name": "n", "kind": "integer", "low": 0, "high": 7, "current": 0}],
            "objectives": [{"name": "f", "direction": "maximize"}],
            "evaluator": {"kind": "formula", "outcomes": {"f": "n"}},
            "budget": {"evaluations": evaluations},
        }
        return MultiObjectiveOptimizer(problem(content)).optimize()

    def test_as_many_evaluations_as_candidates_reach_the_last(self):
        result = self.budgeted(8)
        assert (result.algorithm, result.evaluations) == ("enumeration", 8)
        assert result.recommendation.settings == {"n": 7}

    def test_with_fewer_it_is_searched(self):
        assert self.budgeted(7).algorithm != "enumeration"

    def test_islands_are_of_no_use_exactly_then(self):
        document = small() | {"budget": {"evaluations": 882}}
        for evaluations, undivided in ((882, True), (881, False)):
            request = OptimizationRequest(problem=problem(document | {"budget": {"evaluations": evaluations}}))
            assert request.undivided is undivided


class TestGivenCandidates:
    @settings(max_examples=25, deadline=None)
    @given(
        st.lists(st.tuples(st.integers(20, 40), st.integers(5, 25), st.sampled_from(["plain", "fine"])), max_size=30)
    )
    def test_ranks_what_it_is_given(self, rows: list[tuple[int, int, str]]):
        candidates = [settings_of(*row) for row in rows]
        result = MultiObjectiveOptimizer(problem()).evaluate(candidates)
        points = values(result.front)
        assert not dominated(points, points).any()
        allowed = [*candidates, problem().current]
        assert all(solution.settings in allowed for solution in result.front)
        assert result.evaluations == len(allowed)
        assert (values((result.recommendation,)) <= values((result.current,)) + 1e-9).all()

    def test_today_stays_where_nothing_is_better(self):
        worse = {"agents.day": 40, "agents.night": 25, "model.tier": "plain"}
        result = MultiObjectiveOptimizer(problem()).evaluate([worse])
        assert result.recommendation.settings == problem().current
        assert result.current.index == result.recommended

    def test_solutions_keep_their_order(self):
        candidates = [solution.settings for solution in everything()[:50]]
        assert [s.settings for s in MultiObjectiveOptimizer(problem()).solutions(candidates)] == candidates

    @pytest.mark.parametrize(
        ("candidate", "message"),
        [
            ({"agents.day": 30, "agents.night": 15}, "candidate 0: parameter 'model.tier' is missing"),
            (problem().current | {"agents.dusk": 3}, "candidate 0: 'agents.dusk' is not a parameter"),
            (problem().current | {"agents.day": 70}, "70 is outside 5 to 60"),
            (problem().current | {"agents.day": 41}, "41 is more than 10 from the current 30"),
            (problem().current | {"agents.day": "many"}, "'many' is not an integer"),
            (problem().current | {"model.tier": "gold"}, "'gold' is not one of the choices"),
        ],
    )
    def test_refusals(self, candidate: dict[str, Any], message: str):
        with pytest.raises(InvalidCandidate, match=message):
            MultiObjectiveOptimizer(problem()).evaluate([candidate])


class TestExamples:
    def test_capacity_improves_everything_in_small_steps(self):
        decision = example("capacity.json")
        result = MultiObjectiveOptimizer(decision).optimize()
        before, after = result.current.outcomes, result.recommendation.outcomes
        assert len(result.front) >= 100
        assert after["cost"] < 0.99 * before["cost"]
        assert after["answer_wait_p95"] < 0.9 * before["answer_wait_p95"]
        assert after["abandonment"] < 0.9 * before["abandonment"]
        assert after["quality"] > before["quality"]
        for name, value in result.recommendation.settings.items():
            if name.startswith("agents."):
                assert abs(number(value) / number(decision.current[name]) - 1.0) <= 0.1 + 1e-9
        assert result.recommendation.settings["model.tier"] == "standard"

    @pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
    def test_surge_changes_all_three_by_a_lot(self, seed: int):
        decision = example("surge.json")
        result = MultiObjectiveOptimizer(decision, seed=seed, budget=Budget(population=80, generations=30)).optimize()
        assert set(decision.current) == {"agents.peak", "agents.shoulder", "model.tier"}
        changes = result.recommendation.settings
        for name in ("agents.peak", "agents.shoulder"):
            assert number(changes[name]) > 1.2 * number(decision.current[name])
        assert changes["model.tier"] == "premium"
        assert result.recommendation.outcomes["cost"] > 1.1 * result.current.outcomes["cost"]
        assert result.recommendation.feasible


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


class TestImports:
    def test_the_models_need_no_numerical_library(self):
        code = "import sys, voicehive.optimization as o; o.Problem; print('numpy' in sys.modules)"
        assert run(code) == "False"

    def test_the_optimiser_loads_quickly_and_nothing_foreign(self):
        code = (
            "import sys, time; started = time.process_time()\n"
            "from voicehive.optimization import MultiObjectiveOptimizer\n"
            "print(time.process_time() - started)\n"
            "foreign = {'temporalio', 'sqlalchemy', 'fastapi', 'starlette', 'httpx', 'openai', 'ortools'}\n"
            "print(sorted(foreign & set(sys.modules)))"
        )
        seconds, foreign = zip(*(run(code).splitlines() for _ in range(3)), strict=True)
        assert min(map(float, seconds)) < 1.0
        assert set(foreign) == {"[]"}

    def test_given_candidates_load_no_solver(self):
        code = (
            "import sys, json\n"
            "from tests.optimization.problems import problem\n"
            "from voicehive.optimization import MultiObjectiveOptimizer\n"
            "MultiObjectiveOptimizer(problem()).evaluate([]); print(sorted({'ortools', 'httpx'} & set(sys.modules)))"
        )
        assert run(code) == "[]"
