"""The strategy `constraint_satisfaction` as a search: its budgets, its stops, and what it says of itself."""

import json
import random
import threading
import time
from typing import Any

import numpy as np
import pytest

from voicehive.optimization import Budget, MultiObjectiveOptimizer, Problem
from voicehive.optimization.evaluators.formula_evaluator import FormulaEvaluator


def integer(name: str, high: int, current: int = 0) -> dict[str, Any]:
    return {"name": name, "kind": "integer", "low": 0, "high": high, "current": current}


def problem(parameters: list[dict[str, Any]], outcomes: dict[str, str], **fields: Any) -> Problem:
    document = {
        "parameters": parameters,
        "objectives": [{"name": next(iter(outcomes)), "direction": "minimize"}],
        "evaluator": {"kind": "formula", "outcomes": outcomes},
        "strategy": "constraint_satisfaction",
    }
    return Problem.model_validate_json(json.dumps(document | fields))


class Counting:
    """An evaluator that counts what it is asked."""

    def __init__(self, described: Problem) -> None:
        self._evaluator = FormulaEvaluator(described.evaluator, described.parameters)  # type: ignore[arg-type]
        self.count = 0

    def evaluate(self, columns: Any) -> Any:
        self.count += len(next(iter(columns.values())))
        return self._evaluator.evaluate(columns)


def guarded(high: int) -> Problem:
    """Cheaper is riskier, and today is as risky as it may be."""
    return problem(
        [integer("a", high, high // 2), integer("b", high)],
        {"cost": f"{high + 1} - a - b", "risk": f"max(0, a - {high // 2})"},
        objectives=[
            {"name": "cost", "direction": "minimize", "weight": 10},
            {"name": "risk", "direction": "minimize", "category": "safety"},
        ],
    )


@pytest.mark.parametrize(("high", "by"), [(99, "enumeration"), (999, "CP-SAT")])
def test_what_is_no_worse_than_today_is_sought_first(high: int, by: str) -> None:
    result = MultiObjectiveOptimizer(guarded(high)).optimize()
    assert result.recommendation.outcomes["risk"] == 0
    assert result.recommendation.outcomes["cost"] == 1 - high // 2, "a stays, b goes to its end"
    assert result.algorithm == by
    assert "no worse than today" in result.algorithm_reason


def test_where_today_is_infeasible_anything_feasible_is_sought() -> None:
    asked = guarded(999).model_dump(mode="json") | {"constraints": [{"subject": "cost", "at_most": -800}]}
    result = MultiObjectiveOptimizer(Problem.model_validate_json(json.dumps(asked))).optimize()
    assert result.feasible
    assert result.recommendation.outcomes["cost"] <= -800


@pytest.mark.parametrize("high", [60, 400])
def test_all_evaluations_are_counted_and_within_the_budget(high: int) -> None:
    made = problem(
        [integer("a", high), integer("b", high)],
        {"cost": "(a - 7) ** 2 + b", "load": "a * b"},
        constraints=[{"name": "busy", "subject": "load", "at_least": 35}],
    )
    evaluator = Counting(made)
    budget = Budget(population=20, evaluations=150, generations=100)
    search = MultiObjectiveOptimizer(made, budget, evaluator=evaluator).search()
    while search.step() is not None:
        pass
    assert 140 <= evaluator.count == search.progress.evaluations <= 150


def test_what_the_enumeration_evaluates_is_counted() -> None:
    made = problem([integer("a", 99), integer("b", 99)], {"cost": "a + b"}, constraints=[{"formula": "a * b >= 35"}])
    evaluator = Counting(made)
    search = MultiObjectiveOptimizer(made, evaluator=evaluator).search()
    while search.step() is not None:
        pass
    assert 10_000 <= evaluator.count == search.progress.evaluations
    result = search.result()
    assert result.recommendation.outcomes["cost"] == min(a + b for a in range(100) for b in range(100) if a * b >= 35)


def market_split() -> Problem:
    """Cornuejols & Dawande 1999: 50 yes-or-no choices, 6 equalities, beyond any solver."""
    chance = random.Random(3)
    choices = [integer(f"a{number}", 1) for number in range(50)]
    rows = [[chance.randrange(100) for _ in choices] for _ in range(6)]
    rules = [{"formula": " + ".join(f"{w} * a{i}" for i, w in enumerate(row)) + f" == {sum(row) // 2}"} for row in rows]
    return problem(choices, {"first": "a0"}, constraints=rules)


def test_the_time_is_that_of_proof_and_search_together() -> None:
    started = time.monotonic()
    budget = Budget.model_validate({"time": 4, "generations": 100_000}, strict=False)
    result = MultiObjectiveOptimizer(market_split(), budget).optimize()
    assert time.monotonic() - started < 30
    assert result.stopped_by == "time"
    assert "CP-SAT found no solution" in result.algorithm_reason


def test_a_stop_reaches_the_solver() -> None:
    budget = Budget.model_validate({"time": 60}, strict=False)
    search = MultiObjectiveOptimizer(market_split(), budget).search()
    started = time.monotonic()
    threading.Timer(1.5, search.stop).start()
    while search.step() is not None:
        pass
    assert time.monotonic() - started < 30
    assert search.stopped_by == "asked"
    assert search.result().stopped_by == "asked"


def test_proven_infeasibility_ends_the_search_with_what_breaks_the_least() -> None:
    made = problem(
        [integer("a", 999, 5), integer("b", 999)],
        {"sum": "a + b"},
        constraints=[{"name": "few", "formula": "a + b <= 10"}, {"name": "many", "formula": "a >= 13"}],
    )
    result = MultiObjectiveOptimizer(made).optimize()
    assert not result.feasible
    assert result.conflict
    assert result.conflict.proven
    assert result.stopped_by == "exhausted"
    assert result.evaluations < 100, "no evolution after the proof"
    # 3 missing of 13 against 3 too many of 10: the bound of 13 gives way with the smaller relative excess.
    assert result.recommendation.settings == {"a": 10, "b": 0}
    assert (result.algorithm, "proved" in result.algorithm_reason) == ("CP-SAT", True)


def test_without_a_proof_the_evolution_begins_from_what_was_found() -> None:
    names = [f"a{number}" for number in range(5)]
    product = " * ".join(f"(1 + abs({name} - 20))" for name in names)
    made = problem([integer(name, 40) for name in names], {"p": product}, constraints=[{"formula": "a0 + a1 >= 70"}])
    result = MultiObjectiveOptimizer(made).optimize()
    assert "objective 'p' is not linear" in result.algorithm_reason
    assert result.evaluations > 1_000
    least = min((1 + abs(a - 20)) * (1 + abs(b - 20)) for a in range(41) for b in range(41) if a + b >= 70)
    assert result.recommendation.outcomes["p"] == least


def test_a_search_that_is_gone_on_with_tries_each_solution_once() -> None:
    optimizer = MultiObjectiveOptimizer(guarded(999), Budget(population=8))
    whole = optimizer.optimize()
    search = optimizer.search()
    steps = 0
    while search.step() is not None:
        search = optimizer.search(search.checkpoint())
        steps += 1
    assert steps == 2, "ten solutions, eight at a time"
    assert optimizer.result(search).front == whole.front


def test_a_conditional_on_a_boolean_is_linear() -> None:
    served = "11*a + 7*b + 15*c + (200 if night.shift else 0) - (0 if not night.shift else 40)"
    made = problem(
        [*(integer(name, 250, 100) for name in "abc"), {"name": "night.shift", "kind": "boolean", "current": False}],
        {"cost": "7*a + 5*b + 9*c + (120 if night.shift else 0)", "served": served},
        constraints=[
            {"subject": "served", "at_least": 3000},
            {"formula": "2*c <= a"},
            {"formula": "a + b + c <= 380"},
        ],
    )
    result = MultiObjectiveOptimizer(made).optimize()
    a, b, c = np.meshgrid(*(np.arange(251),) * 3, indexing="ij", sparse=True)
    for night in (False, True):
        held = (11 * a + 7 * b + 15 * c + 160 * night >= 3000) & (2 * c <= a) & (a + b + c <= 380)
        cost = np.where(held, 7 * a + 5 * b + 9 * c + 120 * night, np.inf).min()
        assert result.recommendation.outcomes["cost"] <= cost
    assert result.algorithm == "CP-SAT"
    assert "proven" in result.algorithm_reason
