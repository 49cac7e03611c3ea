"""Constraint satisfaction against the enumeration of every candidate, published puzzles and known optima."""

import itertools
import json
import math
import random
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicehive.optimization.evaluation import Evaluation
from voicehive.optimization.formulas.expression import Expression
from voicehive.optimization.formulas.tree import Kind
from voicehive.optimization.problem import Problem
from voicehive.optimization.satisfaction.discrete_problem import Satisfaction
from voicehive.optimization.satisfaction.satisfy import satisfy


def problem(
    parameters: list[dict[str, Any]],
    constraints: list[dict[str, Any]],
    outcomes: dict[str, str],
    objectives: list[dict[str, Any]] | None = None,
) -> Problem:
    first = {"name": next(iter(outcomes)), "direction": "minimize"}
    return Problem.model_validate_json(
        json.dumps(
            {
                "parameters": parameters,
                "objectives": objectives or [first],
                "constraints": constraints,
                "evaluator": {"kind": "formula", "outcomes": outcomes},
            }
        )
    )


def integer(name: str, low: int, high: int) -> dict[str, Any]:
    return {"name": name, "kind": "integer", "low": low, "high": high, "current": low}


BASE = [
    integer("x", 0, 4),
    integer("y", -2, 3),
    {"name": "fast", "kind": "boolean", "current": False},
    {"name": "tier", "kind": "categorical", "choices": ["a", "b", "c"], "current": "a"},
    {"name": "fee", "kind": "fixed", "current": 2.5},
]
OUTCOMES = {"cost": "1.5 * x + fee * y + 0.1", "load": "x * y + (2 if fast else 0)", "both": "cost + 2 * x"}
PADDING = [integer(f"unused{number}", 0, 30) for number in range(4)]
"""Makes 180 candidates too many to enumerate, while the brute force may leave these parameters alone."""

FORMULAS = [
    "x + y <= {0}",
    "0.3 * x - 0.1 * y >= 0.1 * {0}",
    "2 * x == y + {0}",
    "x * y < {0}",
    "x + fee * y > {0}",
    "tier == 'b' or x >= {0}",
    "not fast and tier != 'a'",
    "fast and {0} <= load <= 4",
    "both <= {0} and x >= 1",
    "load >= {0}",
    "cost == 0.1",
    "x != y",
    "tier in ['c'] or fast",
    "sqrt(y) <= {0}",
]


def constraints() -> Any:
    formula = st.builds(
        lambda text, number, category: {"formula": text.format(number), "category": category},
        st.sampled_from(FORMULAS),
        st.integers(-4, 6),
        st.sampled_from(["business", "business", "safety"]),
    )
    bound = st.builds(
        lambda subject, side, limit: {"subject": subject, side: limit},
        st.sampled_from(["cost", "load", "x"]),
        st.sampled_from(["at_most", "at_least"]),
        st.integers(-3, 8),
    )
    # Two bounds on one subject may contradict; a problem refuses that by itself.
    return st.lists(st.one_of(formula, bound), min_size=1, max_size=5, unique_by=lambda c: c.get("subject") or str(c))


def built(rules: list[dict[str, Any]]) -> Problem:
    named = [rule | {"name": f"rule {number}"} for number, rule in enumerate(rules)]
    objectives = [
        {"name": "cost", "direction": "minimize", "weight": 2.0},
        {"name": "load", "direction": "maximize"},
    ]
    soft = {"name": "soft", "subject": "both", "at_most": 3, "price": 0.7, "charged_to": "cost"}
    return problem(BASE + PADDING, [*named, soft], OUTCOMES, objectives)


POINTS = [
    {"x": x, "y": y, "fast": fast, "tier": tier}
    for x, y, fast, tier in itertools.product(range(5), range(-2, 4), (False, True), "abc")
]
KINDS: dict[str, Kind] = {"fast": "boolean", "tier": "text"}


def named_values(point: dict[str, Any]) -> dict[str, Any]:
    cost = 1.5 * point["x"] + 2.5 * point["y"] + 0.1
    load = point["x"] * point["y"] + (2 if point["fast"] else 0)
    return point | {"fee": 2.5, "cost": cost, "load": load, "both": cost + 2 * point["x"]}


ROWS = [named_values(point) for point in POINTS]
COLUMNS = {name: np.array([row[name] for row in ROWS]) for name in ROWS[0]}


def holds(rule: dict[str, Any], row: dict[str, Any]) -> bool:
    """Whether a rule holds, by Python itself; what cannot be computed does not."""
    if "subject" in rule:
        value = row[rule["subject"]]
        return value <= rule["at_most"] if "at_most" in rule else value >= rule["at_least"]
    try:
        return bool(eval(rule["formula"], {"sqrt": math.sqrt}, row))
    except ValueError:
        return False


def excesses_of(rule: dict[str, Any]) -> list[float]:
    """The relative excess over all points, NaN where it is undefined."""
    if "subject" in rule:
        sign, limit = (1, rule["at_most"]) if "at_most" in rule else (-1, rule["at_least"])
        return (sign * (COLUMNS[rule["subject"]] - limit) / (abs(limit) or 1)).tolist()
    names: dict[str, Kind] = {name: KINDS.get(name, "number") for name in COLUMNS}
    return Expression.parse(rule["formula"], names).excess(COLUMNS).tolist()


def weighted(setting: dict[str, Any]) -> float:
    row = named_values(setting)
    soft = 0.7 * max(0.0, row["both"] - 3)
    return 2 * (row["cost"] + soft) / (1.5 * 4 + 2.5 * 5) - row["load"] / (14 + 8)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(constraints())
def test_answers_are_those_of_the_enumeration(rules: list[dict[str, Any]]) -> None:
    answer = satisfy(Evaluation(built(rules)), seconds=20, wanted=3, tabulated_cells=50_000)
    feasible = [row for row in ROWS if all(holds(rule, row) for rule in rules)]
    if feasible:
        check_solutions(answer, rules, feasible)
    else:
        table = [row for row in zip(*map(excesses_of, rules), strict=True) if not any(map(math.isnan, row))]
        check_conflict(answer, rules, table)


def check_solutions(answer: Satisfaction, rules: list[dict[str, Any]], feasible: list[dict[str, Any]]) -> None:
    assert answer.status == "optimal"
    assert weighted(answer.solutions[0]) == pytest.approx(min(map(weighted, feasible)), abs=1e-5)
    assert len({str(solution) for solution in answer.solutions}) == 3
    assert all(holds(rule, named_values(solution)) for rule in rules for solution in answer.solutions)


def check_conflict(answer: Satisfaction, rules: list[dict[str, Any]], table: list[tuple[float, ...]]) -> None:
    if not table:
        assert answer.status == "unknown"
        return
    assert answer.status == "infeasible"
    assert answer.conflict
    assert answer.conflict.proven
    members = [int(label.removeprefix("rule ")) for label in answer.conflict.constraints]

    def met(chosen: list[int]) -> bool:
        return any(all(row[number] <= 0 for number in chosen) for row in table)

    assert not met(members)
    assert all(met([other for other in members if other != one]) for one in members)
    safety = [number for number, rule in enumerate(rules) if rule.get("category") == "safety"]
    allowed = [row for row in table if all(row[number] <= 0 for number in safety)]
    if not allowed:
        assert answer.conflict.solution is None
        return
    cheapest = min(sum(max(0.0, excess) for excess in row) for row in allowed)
    assert answer.conflict.solution
    assert answer.conflict.solution.violation == pytest.approx(cheapest, abs=1e-4)
    assert not {f"rule {number}" for number in safety} & {r.constraint for r in answer.conflict.relaxations}


def test_send_more_money_has_the_one_published_solution() -> None:
    letters = "sendmory"
    digits = [integer(letter, 1 if letter in "sm" else 0, 9) for letter in letters]
    total = "1000*s+100*e+10*n+d + 1000*m+100*o+10*r+e == 10000*m+1000*o+100*n+10*e+y"
    different = [{"formula": f"{a} != {b}"} for a, b in itertools.combinations(letters, 2)]
    answer = satisfy(
        Evaluation(problem(digits, [{"formula": total}, *different], {"money": "m"})), seconds=30, wanted=2
    )
    # Dudeney, Strand Magazine, July 1924: 9567 + 1085 = 10652.
    known = {"s": 9, "e": 5, "n": 6, "d": 7, "m": 1, "o": 0, "r": 8, "y": 2}
    assert answer.status == "optimal"
    assert answer.solutions == (known,)


def staffing(maximum: int) -> Problem:
    """Days of work for the post office (Winston 2004, Operations Research, section 3.5): five days on, two off."""
    needed = [17, 13, 15, 19, 14, 16, 11]
    shifts = [integer(f"start{day}", 0, 20) for day in range(7)]
    cover = [
        {"name": f"day {day}", "formula": " + ".join(f"start{(day - back) % 7}" for back in range(5)) + f" >= {need}"}
        for day, need in enumerate(needed)
    ]
    total = " + ".join(f"start{day}" for day in range(7))
    cover = [rule | {"category": "safety"} for rule in cover]
    return problem(shifts, [*cover, {"name": "staff", "subject": "staff", "at_most": maximum}], {"staff": total})


def test_the_post_office_needs_the_published_number_of_workers() -> None:
    answer = satisfy(Evaluation(staffing(40)), seconds=30, wanted=4)
    assert answer.status == "optimal"
    assert sum(int(value) for value in answer.solutions[0].values()) == 23
    assert len({str(solution) for solution in answer.solutions}) == 4


def test_too_few_workers_are_relaxed_by_just_as_many_as_are_missing_and_safety_stays() -> None:
    answer = satisfy(Evaluation(staffing(20)), seconds=30)
    assert answer.status == "infeasible"
    assert answer.conflict
    assert "staff" in answer.conflict.constraints
    assert [(found.constraint, found.by) for found in answer.conflict.relaxations] == [("staff", 3.0)]
    assert answer.conflict.solution
    assert answer.conflict.solution.outcomes["staff"] == 23


def test_each_constraint_that_would_do_alone_is_told_with_its_bound() -> None:
    parameters = [integer("n", 0, 100), integer("m", 0, 100)]
    rules = [{"subject": "rps", "at_least": 1500}, {"subject": "cost", "at_most": 300}]
    objectives = [{"name": "cost", "direction": "minimize", "unit": "EUR"}]
    made = problem(parameters, rules, {"cost": "5 * n + 9 * m", "rps": "20 * n + 30 * m"}, objectives)
    for cells in (50_000, 500):
        answer = satisfy(Evaluation(made), seconds=20, tabulated_cells=cells)
        assert answer.conflict
        told = [(each.constraint, each.by, each.to, each.unit) for each in answer.conflict.alone]
        # 60 of n cost 300 and bring 1,200; 75 of n bring 1,500 and cost 375.
        assert told == [("rps at least 1500", 300, 1200, ""), ("cost at most 300", 75, 375, "EUR")]


def test_what_is_for_safety_alone_cannot_be_relaxed() -> None:
    parameters = [integer("a", 0, 999), integer("b", 0, 999)]
    rules = [
        {"formula": "a + b <= 10", "category": "safety"},
        {"formula": "a >= 11", "category": "safety"},
        {"formula": "b <= 3"},
    ]
    answer = satisfy(Evaluation(problem(parameters, rules, {"sum": "a + b"})), seconds=10)
    assert answer.status == "infeasible"
    assert answer.conflict
    assert answer.conflict.constraints == ("a + b <= 10", "a >= 11")
    assert answer.conflict.relaxations == ()
    assert answer.conflict.solution is None


def test_a_bound_of_tenths_is_kept_as_the_evaluator_sees_it() -> None:
    parameters = [integer("a", 0, 3000), integer("b", 0, 3000)]
    rules = [{"formula": "0.1 * a + 0.7 * b <= 0.8"}, {"formula": "0.1 * a + 0.2 * b >= 0.3"}]
    made = problem(parameters, rules, {"gain": "a + b"}, [{"name": "gain", "direction": "maximize"}])
    answer = satisfy(Evaluation(made), seconds=10, wanted=1)
    points = ((a, b) for a in range(9) for b in range(3))
    feasible = [(a, b) for a, b in points if 0.1 * a + 0.7 * b <= 0.8 and 0.1 * a + 0.2 * b >= 0.3]
    assert answer.status == "optimal"
    assert sum(int(value) for value in answer.solutions[0].values()) == max(a + b for a, b in feasible)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(constraints())
def test_enumeration_and_cp_sat_agree(rules: list[dict[str, Any]]) -> None:
    named = [rule | {"name": f"rule {number}"} for number, rule in enumerate(rules)]
    padded = [*BASE, integer("unused", 0, 3)]
    objectives = [{"name": "cost", "direction": "minimize"}]
    evaluation = Evaluation(problem(padded, named, OUTCOMES, objectives))
    few, many = (satisfy(evaluation, seconds=20, wanted=1, tabulated_cells=cells) for cells in (720, 700))
    assert few.algorithm == "enumeration"
    assert many.algorithm == "CP-SAT"
    assert few.status == many.status
    assert bool(few.solutions) == bool(many.solutions)
    for solution, other in zip(few.solutions, many.solutions, strict=True):
        assert named_values(other)["cost"] == pytest.approx(named_values(solution)["cost"], abs=1e-5)
    if few.conflict and few.conflict.solution:
        alone = [relaxation.constraint for relaxation in few.conflict.alone]
        assert many.conflict
        assert alone == [relaxation.constraint for relaxation in many.conflict.alone]
        for one, other in zip(few.conflict.alone, many.conflict.alone, strict=True):
            assert other.by == pytest.approx(one.by, abs=1e-4)
        assert many.conflict
        assert many.conflict.solution
        assert many.conflict.solution.violation == pytest.approx(few.conflict.solution.violation, abs=1e-4)


def test_too_many_combinations_are_neither_enumerated_nor_tabulated() -> None:
    parameters = [integer("a", 0, 30), integer("b", 0, 30)]
    rules = [{"formula": "a * b >= 100"}, {"formula": "a + b <= 18"}]
    evaluation = Evaluation(problem(parameters, rules, {"sum": "a + b"}))
    few, many = (satisfy(evaluation, seconds=10, tabulated_cells=cells) for cells in (961, 960))
    assert few.status == "infeasible"
    assert few.conflict
    assert many.status == "not_modelled"
    assert "31" not in few.reason
    assert "961 combinations of 'a', 'b'" in many.reason


def test_a_real_parameter_is_not_modelled() -> None:
    parameters = [integer("a", 0, 9), {"name": "b", "kind": "real", "low": 0, "high": 1, "current": 0.5}]
    answer = satisfy(Evaluation(problem(parameters, [], {"sum": "a + b"})), seconds=1)
    assert (answer.status, answer.solutions) == ("not_modelled", ())
    assert "'b' is real" in answer.reason


def test_an_objective_that_cannot_be_modelled_leaves_feasible_solutions() -> None:
    parameters = [integer(f"a{number}", 0, 40) for number in range(5)]
    product = " * ".join(f"a{number}" for number in range(5))
    answer = satisfy(Evaluation(problem(parameters, [{"formula": "a0 + a1 >= 70"}], {"p": product})), seconds=10)
    assert (answer.status, answer.gap) == ("feasible", None)
    assert "objective 'p' is not linear" in answer.reason
    assert len(answer.solutions) == 10
    assert all(int(s["a0"]) + int(s["a1"]) >= 70 for s in answer.solutions)


def test_the_time_is_kept_and_an_open_question_is_called_one() -> None:
    """A market split problem (Cornuejols & Dawande 1999): 50 yes-or-no choices, 6 equalities, beyond any solver."""
    chance = random.Random(3)
    parameters = [integer(f"a{number}", 0, 1) for number in range(50)]
    rows = [[chance.randrange(100) for _ in parameters] for _ in range(6)]
    rules = [{"formula": " + ".join(f"{w} * a{i}" for i, w in enumerate(row)) + f" == {sum(row) // 2}"} for row in rows]
    started = time.monotonic()
    answer = satisfy(Evaluation(problem(parameters, rules, {"first": "a0"})), seconds=2)
    assert time.monotonic() - started < 30
    assert answer.status == "unknown"
    assert "in time" in answer.reason


def test_equal_seeds_give_equal_answers() -> None:
    first, second = (satisfy(Evaluation(staffing(30)), seconds=30, seed=5, wanted=3) for _ in range(2))
    assert first == second
