"""Each way to search, and what a result says: on problems whose answers are known from their formulas."""

import json
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from tests.optimization.problems import problem, small
from voicehive.optimization import (
    Budget,
    EvaluatorRefused,
    InvalidCheckpoint,
    InvalidOutcome,
    MultiObjectiveOptimizer,
    OptimizationError,
    OptimizationResult,
)
from voicehive.optimization.advising.advice import Advice, FrontDigest, Proposed
from voicehive.optimization.explanation.confidence import certainty_of
from voicehive.reasoning.fallback_adviser import FallbackAdviser

TIMES = {"duration_seconds", "timings"}


def schaffer(**more: Any) -> dict[str, Any]:
    """x^2 against (x - 2)^2, whose Pareto set is 0 <= x <= 2 (Schaffer 1985)."""
    return {
        "parameters": [{"name": "x", "kind": "real", "low": -4.0, "high": 4.0, "current": 3.0}],
        "objectives": [
            {"name": "f", "direction": "minimize", "maximum_worsening": None},
            {"name": "g", "direction": "minimize", "maximum_worsening": None},
        ],
        "evaluator": {"kind": "formula", "outcomes": {"f": "x ** 2", "g": "(x - 2) ** 2"}},
        "budget": {"population": 40, "generations": 40},
    } | more


def optimized(content: dict[str, Any], **how: Any) -> OptimizationResult:
    return MultiObjectiveOptimizer(problem(content), **how).optimize()


class TestPareto:
    def test_schaffers_front(self):
        result = optimized(schaffer())
        x = np.array([s.settings["x"] for s in result.front])
        assert x.min() >= -0.005
        assert x.max() <= 2.005
        assert len(x) == 300
        # Scaled to the unit square the front is g = (1 - sqrt f)^2; up to (1.1, 1.1) it leaves 1.21 - 1/6 dominated.
        assert result.hypervolume == pytest.approx(1.21 - 1 / 6, abs=0.005)
        assert result.hypervolume_exact

    def test_equal_weights_choose_the_middle(self):
        assert optimized(schaffer()).recommendation.settings["x"] == pytest.approx(1.0, abs=0.02)

    def test_few_candidates_are_enumerated(self):
        """All 882 of them, so that nothing is better than the best found here."""
        result = optimized(small())
        assert result.algorithm == "enumeration"
        assert result.stopped_by == "exhausted"
        assert result.evaluations == 882
        assert result.confidence.convergence == 1.0

    def test_convergence_is_recorded_and_never_falls(self):
        grown = [record.hypervolume for record in optimized(schaffer()).convergence]
        assert len(grown) == 20
        assert grown[0] < 0.99 * grown[-1]

    def test_a_single_objective_converges_as_any(self):
        """Its front is one point: it is measured by where the search came from, and may not stop before it is there."""
        parameters = [{"name": name, "kind": "real", "low": -4.0, "high": 4.0, "current": 3.0} for name in "abcdef"]
        content = schaffer(
            parameters=parameters,
            objectives=[{"name": "f", "direction": "minimize"}],
            evaluator={"kind": "formula", "outcomes": {"f": "a**2 + b**2 + c**2 + d**2 + e**2 + f0**2"}},
            budget={"population": 40, "generations": 1_000, "convergence": 0.001},
        )
        content["parameters"][-1]["name"] = "f0"
        result = optimized(content)
        grown = [record.hypervolume for record in result.convergence]
        assert grown[0] < 0.5
        assert grown[-1] > 1.0
        assert result.stopped_by == "convergence"
        assert result.recommendation.outcomes["f"] < 0.05
        assert 0.9 < result.confidence.convergence < 1.0

    def test_a_search_that_ends_early_says_how_it_grew(self):
        search = MultiObjectiveOptimizer(problem(schaffer(budget={"population": 40, "generations": 100_000}))).search()
        for _ in range(30):
            search.step()
        search.stop()
        result = search.result()
        assert [record.evaluations for record in result.convergence] == [1 + 40 * g for g in (*range(2, 31, 2),)]
        assert result.confidence.convergence > 0.9

    def test_a_third_objective_that_follows_the_first_is_redundant(self):
        content = schaffer()
        content["objectives"].append({"name": "h", "direction": "minimize", "maximum_worsening": None})
        content["evaluator"]["outcomes"]["h"] = "exp(f)"
        redundant = optimized(content).redundant_objectives
        assert [(r.name, r.explained_by) for r in redundant] == [("h", "f")]

    def test_a_single_objective(self):
        content = schaffer(objectives=[{"name": "f", "direction": "minimize"}])
        result = optimized(content)
        assert result.recommendation.outcomes["f"] == pytest.approx(0.0, abs=1e-4)


class TestBudgets:
    def test_evaluations(self):
        result = optimized(schaffer(budget={"population": 40, "generations": 40, "evaluations": 100}))
        assert result.evaluations == 100
        assert result.stopped_by == "evaluations"

    def test_convergence(self):
        budget = {"population": 40, "generations": 4_000, "convergence": 0.01}
        result = optimized(schaffer(budget=budget))
        assert result.stopped_by == "convergence"
        assert result.hypervolume == pytest.approx(1.21 - 1 / 6, abs=0.01)

    def test_time(self):
        budget = Budget(population=40, generations=100_000, time=timedelta(milliseconds=200))
        assert optimized(schaffer(), budget=budget).stopped_by == "time"

    def test_a_stop_returns_the_best_so_far(self):
        search = MultiObjectiveOptimizer(problem(schaffer())).search()
        for _ in range(5):
            search.step()
        search.stop()
        assert search.step() is None
        assert search.result().stopped_by == "asked"


class TestAskAndTell:
    def test_telling_what_the_evaluator_says_is_stepping(self):
        optimizer = MultiObjectiveOptimizer(problem(schaffer()))
        search = optimizer.search()
        while (asked := search.ask()) is not None:
            x = np.array([candidate["x"] for candidate in asked], dtype=np.float64)
            search.tell({"f": x**2, "g": (x - 2.0) ** 2})
        assert search.result().model_dump(exclude=TIMES) == optimizer.optimize().model_dump(exclude=TIMES)

    def test_what_was_not_told_is_asked_again(self):
        """After a refused answer, and after none; also where all candidates are tried in turn."""
        parameters = [{"name": "x", "kind": "integer", "low": 0, "high": 19, "current": 0}]
        content = schaffer(parameters=parameters, budget={"population": 8, "generations": 20})
        search = MultiObjectiveOptimizer(problem(content)).search()
        seen: list[Any] = []
        while (asked := search.ask()) is not None:
            with pytest.raises(EvaluatorRefused):
                search.tell({"f": [0.0] * len(asked)})
            assert search.ask() == asked
            seen += [candidate["x"] for candidate in asked]
            x = np.array([candidate["x"] for candidate in asked], dtype=np.float64)
            search.tell({"f": x**2, "g": (x - 2.0) ** 2})
        assert seen == list(range(1, 20))

    def test_nothing_asked(self):
        with pytest.raises(RuntimeError, match="call ask first"):
            MultiObjectiveOptimizer(problem(schaffer())).search().tell({"f": [], "g": []})


class TestCheckpoints:
    def epoch(self, optimizer: MultiObjectiveOptimizer, before: bytes | None, stream: int, *others: bytes) -> bytes:
        search = optimizer.search(before, immigrants=others, stream=(stream,))
        for _ in range(5):
            search.step()
        return search.checkpoint()

    def archives(self, content: bytes) -> list[Any]:
        """Everything in a checkpoint but its clock."""
        import io

        with np.load(io.BytesIO(content)) as arrays:
            counters = json.loads(str(arrays["counters"])) | {"seconds": 0}
            return [counters, *(arrays[name].tolist() for name in sorted(arrays) if name != "counters")]

    def test_an_epoch_depends_on_its_checkpoints_alone(self):
        """Two islands, an epoch repeated by another optimiser after its first attempt was lost."""
        left, right = (self.epoch(MultiObjectiveOptimizer(problem(schaffer())), None, island) for island in (0, 1))
        assert self.archives(left) != self.archives(right)
        once, again = (self.epoch(MultiObjectiveOptimizer(problem(schaffer())), left, 0, right) for _ in range(2))
        assert self.archives(once) == self.archives(again)

    def test_it_goes_on_where_it_stopped(self):
        optimizer = MultiObjectiveOptimizer(problem(schaffer()))
        search = optimizer.search(self.epoch(optimizer, None, 0))
        assert search.progress.generation == 5
        search.step()
        assert search.progress.evaluations == 1 + 6 * 40

    def test_merging_joins_the_fronts(self):
        optimizer = MultiObjectiveOptimizer(problem(schaffer()))
        parts = [self.epoch(optimizer, None, island) for island in (0, 1)]
        merged = optimizer.merge(parts)
        assert merged.evaluations == 2 * (1 + 5 * 40)
        assert merged.hypervolume > 0.9
        assert "2 islands" in merged.algorithm_reason

    def test_foreign_and_damaged_ones_are_refused(self):
        optimizer = MultiObjectiveOptimizer(problem(schaffer()))
        checkpoint = self.epoch(optimizer, None, 0)
        with pytest.raises(InvalidCheckpoint, match="another problem"):
            MultiObjectiveOptimizer(problem(schaffer(seed=9))).search(checkpoint)
        with pytest.raises(InvalidCheckpoint, match="damaged"):
            optimizer.search(checkpoint[:100])


class TestWeightedSum:
    def test_the_optimum_and_the_weights_that_keep_it(self):
        """w x^2 + (1 - w)(x - 2)^2 is least at x = 2 (1 - w)."""
        content = schaffer(strategy="weighted_sum")
        content["objectives"][0]["weight"] = 3.0
        result = optimized(content)
        assert result.recommendation.settings["x"] == pytest.approx(0.5, abs=0.02)
        low, high = result.weight_intervals["f"]
        assert low <= 0.75 <= high
        assert high - low < 0.05  # on a smooth front a little change of the weights changes the winner

    def traded(self, strategy: str) -> OptimizationResult:
        """Cost falls as risk rises, so that nothing may change: cost weighs five times as much, but risk is safety."""
        return optimized(
            schaffer(
                parameters=[{"name": "x", "kind": "real", "low": 0.0, "high": 1.0, "current": 0.5}],
                objectives=[
                    {"name": "cost", "direction": "minimize", "weight": 5},
                    {"name": "risk", "direction": "minimize", "category": "safety"},
                ],
                evaluator={"kind": "formula", "outcomes": {"cost": "1 - x", "risk": "x"}},
                strategy=strategy,
            )
        )

    def test_safety_is_not_traded(self):
        for strategy in ("pareto", "weighted_sum"):
            assert self.traded(strategy).recommendation.settings == {"x": 0.5}

    def test_the_search_finds_the_optimum_within_the_limits(self):
        """3 f + g is least at x = 0.5, where g is 2.25: today at x = 1.4 it is 0.36, of which twice as much is allowed.

        So x is at least 2 - sqrt(0.72), and there f has its least value.
        """
        content = schaffer(strategy="weighted_sum")
        content["parameters"][0]["current"] = 1.4
        content["objectives"][0]["weight"] = 3.0
        content["objectives"][1]["maximum_worsening"] = 1.0
        result = optimized(content)
        assert result.recommendation.settings["x"] == pytest.approx(2.0 - 0.72**0.5, abs=0.005)
        assert result.weight_intervals["f"][0] <= 0.75 <= result.weight_intervals["f"][1]

    def test_with_more_objectives_than_dominance_can_tell_apart(self):
        """Parabolas about 20 centres evenly to both sides of 1, the middle of the bounds: there their sum is least."""
        parameters = [{"name": "x", "kind": "real", "low": -2.0, "high": 4.0, "current": 3.0}]
        outcomes = {f"f{place}": f"(x - {place / 10}) ** 2" for place in range(21) if place != 10}
        objectives = [{"name": name, "direction": "minimize", "maximum_worsening": None} for name in outcomes]
        evaluator = {"kind": "formula", "outcomes": outcomes}
        more = {"parameters": parameters, "objectives": objectives, "evaluator": evaluator}
        result = optimized(schaffer(strategy="weighted_sum", **more))
        assert result.recommendation.settings["x"] == pytest.approx(1.0, abs=0.02)

    def test_acceptability_is_by_the_sum_that_chooses(self):
        """Of a straight front a weighted sum takes the end that the greater weight prefers, each as often."""
        columns = {"f": [0.0, *np.linspace(0.3, 0.7, 40), 1.0], "g": [1.0, *np.linspace(0.71, 0.31, 40), 0.0]}
        content = schaffer(parameters=[], strategy="weighted_sum")
        content["evaluator"] = {"kind": "table", "columns": {name: list(each) for name, each in columns.items()}}
        assert optimized(content).acceptability == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / 1_000))


class TestConstraints:
    def test_soft_ones_are_paid_for(self):
        """x^2 + p max(1 - x, 0) is least at p / 2 up to a price of 2, and at x = 1 from there on."""
        content = schaffer(
            objectives=[{"name": "f", "direction": "minimize"}],
            constraints=[{"name": "floor", "subject": "x", "at_least": 1.0, "price": 4.0, "charged_to": "f"}],
        )
        result = optimized(content)
        assert result.recommendation.settings["x"] == pytest.approx(1.0, abs=0.01)
        content["constraints"][0]["price"] = 1.0
        cheap = optimized(content).recommendation
        assert cheap.settings["x"] == pytest.approx(0.5, abs=0.01)
        assert cheap.feasible
        assert cheap.slacks["floor"] == pytest.approx(-0.5, abs=0.01)
        assert cheap.outcomes["f"] == pytest.approx(0.75, abs=0.01)

    def test_acceptable_bounds_of_an_objective_are_hard(self):
        content = schaffer()
        content["objectives"][0]["at_most"] = 0.25
        result = optimized(content)
        assert max(s.outcomes["f"] for s in result.front) <= 0.25
        assert result.recommendation.slacks["f at most 0.25"] >= 0.0

    def test_nothing_feasible_names_the_conflict_and_the_way_out(self):
        constraints = [
            {"name": "low", "formula": "x <= -1"},
            {"name": "high", "formula": "x >= 1"},
            {"name": "any", "formula": "x >= -3"},
        ]
        result = optimized(schaffer(constraints=constraints))
        assert not result.feasible
        assert result.front[0].violation > 0.0
        assert result.conflict is not None
        assert set(result.conflict.constraints) == {"low", "high"}
        assert not result.conflict.proven
        assert sum(r.by for r in result.conflict.relaxations) == pytest.approx(2.0, abs=0.05)

    @pytest.mark.parametrize("category", ["business", "safety"])
    def test_a_conflict_says_only_what_the_search_saw_fail(self, category: str):
        """Each holds somewhere, though the least violating are all at one end; safety does not give way."""
        content = schaffer(
            parameters=[{"name": "x", "kind": "real", "low": 0.0, "high": 1.0, "current": 0.5}],
            constraints=[
                {"name": "A", "formula": "x >= 0.9", "category": category},
                {"name": "B", "formula": "1000 * x <= 1"},
            ],
            budget={"population": 40, "generations": 80},
        )
        result = optimized(content)
        assert result.conflict is not None
        assert result.conflict.constraints == ("A", "B")
        (relaxation,) = result.conflict.relaxations
        assert relaxation.constraint == ("A" if category == "business" else "B")
        assert relaxation.by == pytest.approx(0.899 if category == "business" else 899.0, rel=0.05)
        assert {result.front[place].violation for place in result.alternatives.values()} == {
            result.recommendation.violation
        }
        assert result.confidence.value == 0.0

    def test_a_table_is_looked_at_as_a_whole(self):
        values = np.linspace(0.0, 1.0, 3_000)
        columns = {"f": values.tolist(), "g": (-values).tolist(), "thousandfold": (1_000 * values).tolist()}
        content = schaffer(
            parameters=[],
            constraints=[
                {"name": "A", "subject": "f", "at_least": 0.9, "category": "safety"},
                {"name": "B", "subject": "thousandfold", "at_most": 1.0},
            ],
            evaluator={"kind": "table", "columns": columns},
        )
        conflict = optimized(content).conflict
        assert conflict is not None
        assert conflict.proven
        assert conflict.constraints == ("A", "B")
        row = int(np.flatnonzero(values >= 0.9)[0])
        assert [(r.constraint, r.by) for r in conflict.relaxations] == [("B", pytest.approx(1_000 * values[row] - 1.0))]

    def test_what_lies_without_bound_inside_a_guard_holds(self):
        """At y = 0 the second side is -inf: the guard holds there, and no candidate is set aside."""
        content = schaffer(constraints=[{"name": "guard", "formula": "y == 0 or -1 / y <= 3 or y < 0"}])
        content["parameters"].append({"name": "y", "kind": "integer", "low": 0, "high": 3, "current": 0})
        result = optimized(content)
        assert result.quarantined == 0
        assert OptimizationResult.model_validate_json(result.model_dump_json()) == result

    def test_a_proof_where_everything_can_be_counted(self):
        content = schaffer(
            parameters=[{"name": "x", "kind": "integer", "low": -4, "high": 4, "current": 3}],
            constraints=[
                {"name": "low", "formula": "x <= -1", "category": "safety"},
                {"name": "high", "formula": "x >= 1"},
            ],
            strategy="constraint_satisfaction",
        )
        conflict = optimized(content).conflict
        assert conflict is not None
        assert conflict.proven
        assert [(r.constraint, r.by) for r in conflict.relaxations] == [("high", 2.0)]
        assert conflict.solution is not None
        assert conflict.solution.settings == {"x": -1}


class TestQuarantine:
    def test_what_comes_to_no_number_is_counted_and_ranked_nowhere(self):
        content = schaffer()
        content["evaluator"]["outcomes"]["g"] = "(x - 2) ** 2 + 0 * sqrt(x + 1)"
        result = optimized(content)
        assert result.quarantined > 0
        assert min(s.settings["x"] for s in result.front) >= -1.0

    def test_today_must_come_to_numbers(self):
        content = schaffer()
        content["evaluator"]["outcomes"]["g"] = "sqrt(2 - x)"
        with pytest.raises(InvalidOutcome, match=r"'x': 3\.0"):
            optimized(content)

    def test_where_nothing_but_today_comes_to_numbers_today_stays(self):
        for count in (2, 20):
            names = [f"o{place}" for place in range(count)]
            content = schaffer(
                objectives=[{"name": name, "direction": "minimize"} for name in names],
                evaluator={"kind": "formula", "outcomes": dict.fromkeys(names, "sqrt(-abs(x - 3))")},
            )
            result = optimized(content)
            assert [s.settings for s in result.front] == [{"x": 3.0}]
            assert result.quarantined == result.evaluations - 2  # today is asked for once more


class TestTable:
    def test_rows_are_ranked_by_their_label(self):
        columns = {"vendor": ["a", "b", "c", "d"], "cost": [1.0, 2.0, 3.0, None], "quality": [0.2, 0.9, 0.5, 0.9]}
        content = {
            "objectives": [{"name": "cost", "direction": "minimize"}, {"name": "quality", "direction": "maximize"}],
            "evaluator": {"kind": "table", "columns": columns, "label": "vendor"},
        }
        result = optimized(content)
        assert [s.settings for s in result.front] == [{"vendor": "a"}, {"vendor": "b"}]
        assert result.quarantined == 1
        assert result.current is None
        assert result.algorithm == "ranking"

    def test_all_that_nothing_dominates_is_kept_where_there_is_room(self):
        """250 of 2,100 rows, on a sphere of 4 objectives; the others lie behind it."""
        points = np.abs(np.random.default_rng(2).normal(size=(2_100, 4)))
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        points[250:] = points[np.arange(1_850) % 250] + 0.1
        names = ["a", "b", "c", "d"]
        content = {
            "objectives": [{"name": name, "direction": "minimize"} for name in names],
            "evaluator": {"kind": "table", "columns": dict(zip(names, points.T.tolist(), strict=True))},
        }
        result = optimized(content)
        assert [s.settings["row"] for s in result.front] == list(range(1, 251))
        assert "best for some preference" not in result.algorithm_reason

    def test_a_selection_says_so_and_is_the_same_in_any_order_of_objectives(self):
        points = np.abs(np.random.default_rng(2).normal(size=(12_000, 4)))
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        names = ["a", "b", "c", "d"]
        evaluator = {"kind": "table", "columns": dict(zip(names, points.T.tolist(), strict=True))}
        results = [
            optimized({"objectives": [{"name": n, "direction": "minimize"} for n in order], "evaluator": evaluator})
            for order in (names, names[::-1])
        ]
        assert all("best for some preference" in result.algorithm_reason for result in results)
        assert results[0].front == results[1].front
        assert results[0].recommended == results[1].recommended

    def test_a_large_one_is_ranked_by_preferences_and_nothing_dominated_comes_back(self):
        values = np.random.default_rng(1).random((20_000, 4))
        names = [f"o{column}" for column in range(4)]
        content = {
            "objectives": [{"name": name, "direction": "minimize"} for name in names],
            "evaluator": {"kind": "table", "columns": dict(zip(names, values.T.tolist(), strict=True))},
        }
        result = optimized(content)
        front = np.array([[s.outcomes[name] for name in names] for s in result.front])
        assert len(front) > 50
        for row in front:
            assert not ((values <= row).all(axis=1) & (values < row).any(axis=1)).any()


class Scripted:
    """Says what a test wants it to."""

    def __init__(self, *proposals: Proposed) -> None:
        self.proposals = proposals

    def advise(self, digest: FrontDigest) -> Advice:
        return Advice(preferences={"O1": 4.0}, proposals=self.proposals, source="scripted")


class TestHybridAi:
    def test_every_proposal_is_evaluated_and_only_gains_are_kept(self):
        """Today is x = 3; the coordinate of x = 1 is 5/8, that of x = 4 is 1, which everything on the front beats."""
        proposals = [
            Proposed(changes={"P1": 0.6251}, effects={"O1": 0.1}, explanation="the middle of P1"),
            Proposed(changes={"P1": 1.0}, explanation="the far end"),
        ]
        content = schaffer(strategy="hybrid_ai", budget={"population": 8, "generations": 2})
        result = optimized(content, adviser=Scripted(*proposals))
        assert result.advice is not None
        good, bad = result.advice.proposals
        assert good.kept
        assert good.settings["x"] == pytest.approx(1.0008)
        unadvised = optimized(content | {"strategy": "pareto"}).recommendation.outcomes
        assert good.actual["f"] == pytest.approx(1.0008**2 - unadvised["f"])
        assert good.actual["g"] == pytest.approx(0.9992**2 - unadvised["g"])
        assert good.explanation == "the middle of x"
        assert set(good.predicted) == {"f"}
        assert not bad.kept
        assert "better in everything" in bad.verdict
        assert any(s.settings == good.settings for s in result.front)
        assert result.front[result.alternatives["advised"]].outcomes["f"] <= result.recommendation.outcomes["f"]

    def test_the_fallback_advises_where_no_model_is(self):
        result = optimized(schaffer(strategy="hybrid_ai"), adviser=FallbackAdviser())
        assert result.advice is not None
        assert result.advice.source.startswith("fallback")
        assert all(proposal.verdict for proposal in result.advice.proposals)

    def test_without_any_adviser_it_says_what_to_pass(self):
        with pytest.raises(OptimizationError, match="FallbackAdviser"):
            optimized(schaffer(strategy="hybrid_ai"))


class TestExplanation:
    def test_shapley_shares_of_an_additive_problem(self):
        """f is a sum over its parameters, so that each change's share is its own gain over the whole gain."""
        content = schaffer(
            parameters=[
                {"name": "a", "kind": "integer", "low": 0, "high": 3, "current": 3},
                {"name": "b", "kind": "integer", "low": 0, "high": 1, "current": 1},
                {"name": "c", "kind": "fixed", "current": 2},
            ],
            objectives=[{"name": "f", "direction": "minimize"}],
            evaluator={"kind": "formula", "outcomes": {"f": "a + b + c"}},
        )
        result = optimized(content)
        assert [(a.parameter, a.before, a.after) for a in result.adjustments] == [("a", 3, 0), ("b", 1, 0)]
        assert [a.share for a in result.adjustments] == pytest.approx([0.75, 0.25])
        assert [a.effects["f"] for a in result.adjustments] == pytest.approx([-3.0, -1.0])

    def test_shares_of_a_repair_are_of_the_violation(self):
        """Today misses a + b >= 8 by 5; a brings 3 of it and b 2, whatever they cost."""
        content = schaffer(
            parameters=[
                {"name": "a", "kind": "integer", "low": 1, "high": 4, "current": 1},
                {"name": "b", "kind": "integer", "low": 2, "high": 4, "current": 2},
            ],
            objectives=[{"name": "f", "direction": "minimize"}],
            constraints=[{"formula": "a + b >= 8"}],
            evaluator={"kind": "formula", "outcomes": {"f": "a - 10 * b"}},
        )
        result = optimized(content)
        assert [(each.parameter, each.share_of) for each in result.adjustments] == [
            ("a", "violation"),
            ("b", "violation"),
        ]
        assert [each.share for each in result.adjustments] == pytest.approx([0.6, 0.4])

    def test_shares_that_cost_and_bring_are_parts_of_both(self):
        """f falls by 3 with a and rises by 1 with b, which the constraint asks for as soon as a is low."""
        content = schaffer(
            parameters=[
                {"name": "a", "kind": "integer", "low": 0, "high": 3, "current": 3},
                {"name": "b", "kind": "integer", "low": 0, "high": 1, "current": 0},
            ],
            objectives=[{"name": "f", "direction": "minimize"}],
            constraints=[{"formula": "a + 3 * b >= 3"}],
            evaluator={"kind": "formula", "outcomes": {"f": "a + b"}},
        )
        assert [each.share for each in optimized(content).adjustments] == pytest.approx([0.75, -0.25])

    def test_what_has_no_effect_is_left_as_it_is_today(self):
        """Neither the voice nor the level counts anywhere; either switch does what both do."""
        content = schaffer()
        content["parameters"] += [
            {"name": "voice", "kind": "categorical", "choices": ["anna", "ben"], "current": "ben"},
            {"name": "level", "kind": "integer", "low": 0, "high": 50, "current": 17},
            {"name": "one", "kind": "boolean", "current": False},
            {"name": "other", "kind": "boolean", "current": False},
        ]
        content["evaluator"]["outcomes"] = {
            name: f"({formula}) + (0 if one or other else 9)"
            for name, formula in content["evaluator"]["outcomes"].items()
        }
        result = optimized(content)
        chosen = result.recommendation.settings
        assert (chosen["voice"], chosen["level"]) == ("ben", 17)
        assert [chosen["one"], chosen["other"]].count(True) == 1
        assert (
            MultiObjectiveOptimizer(problem(content)).solutions([chosen])[0].outcomes == result.recommendation.outcomes
        )

    def test_confidence_in_keeping_today(self):
        """x = 1 is today's, and best under the given weights among what is no worse than it."""
        content = schaffer()
        content["parameters"][0]["current"] = 1.0
        for objective in content["objectives"]:
            del objective["maximum_worsening"]
        result = optimized(content)
        assert result.recommendation.settings == {"x": 1.0}
        assert result.confidence.margin == 1.0

    def test_reasons_count_in_good_english(self):
        content = schaffer()
        content["parameters"][0]["current"] = 1.0
        for objective in content["objectives"]:
            del objective["maximum_worsening"]
        assert any(reason.startswith("1 candidate is feasible") for reason in optimized(content).reasons)

    def test_alternatives_are_the_best_in_what_they_are_named_for(self):
        content = schaffer(constraints=[{"formula": "x <= 1.5", "category": "safety"}])
        content["objectives"][0]["unit"] = "EUR"
        result = optimized(content)
        front = result.front
        assert front[result.alternatives["safest"]].settings["x"] == min(s.settings["x"] for s in front)
        assert front[result.alternatives["cheapest"]].outcomes["f"] == min(s.outcomes["f"] for s in front)
        assert "cheapest" not in optimized(schaffer()).alternatives
        assert front[result.alternatives["nearest_to_current"]].settings["x"] == max(s.settings["x"] for s in front)

    def test_a_surrogate_makes_the_recommendation_less_certain(self):
        x = np.linspace(-4.0, 4.0, 9)
        noise = np.random.default_rng(1).normal(0.0, 1.0, 9)
        history = {"x": x.tolist(), "f": (x**2 + noise).tolist(), "g": ((x - 2) ** 2 - noise).tolist()}
        content = schaffer(evaluator={"kind": "surrogate", "columns": history, "outcomes": ["f", "g"]})
        result = optimized(content)
        assert result.recommendation.outcomes["f.deviation"] > 0.0
        assert result.confidence.certainty < 1.0
        assert result.confidence.value < optimized(schaffer()).confidence.value
        objectives = problem(content).objectives
        certainties = [certainty_of(solution, result, objectives) for solution in result.front]
        assert certainties[result.recommended] == pytest.approx(result.confidence.certainty)
        deviations = [sum(s.outcomes[f"{name}.deviation"] for name in "fg") for s in result.front]
        assert int(np.argmin(deviations)) in np.flatnonzero(np.array(certainties) > np.median(certainties))
        assert certainty_of(optimized(schaffer()).recommendation, result, objectives) is None
