"""What must hold for every problem: checked on small random ones, by definition."""

from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.optimization.problems import problem
from voicehive.optimization import MultiObjectiveOptimizer, OptimizationResult

QUICK = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def contents(draw: st.DrawFn) -> dict[str, Any]:
    """Two or three conflicting objectives over mixed parameters, with constraints that some candidates meet."""
    pull, weight = draw(st.floats(0.1, 0.9)), draw(st.floats(0.5, 4.0))
    objectives = [
        {"name": "near", "direction": "minimize", "weight": weight, "maximum_worsening": None},
        {"name": "far", "direction": "maximize", "maximum_worsening": None},
        {"name": "spread", "direction": "minimize", "maximum_worsening": None},
    ]
    return {
        "parameters": [
            {"name": "x", "kind": "real", "low": 0.0, "high": 1.0, "current": 0.5},
            {"name": "n", "kind": "integer", "low": 0, "high": 9, "current": 5},
            {"name": "tier", "kind": "categorical", "choices": ["a", "b"], "current": "a"},
            {"name": "fast", "kind": "boolean", "current": False},
            {"name": "rate", "kind": "real", "scale": "log", "low": 0.01, "high": 100.0, "current": 1.0},
        ],
        "objectives": objectives[: draw(st.integers(2, 3))],
        "constraints": [{"formula": f"x + n / 9 >= {draw(st.floats(0.1, 1.2)):.3f}"}],
        "evaluator": {
            "kind": "formula",
            "outcomes": {
                "near": f"(x - {pull:.3f}) ** 2 + n / 9 + (0.3 if fast else 0) + abs(log10(rate))",
                "far": "x + n / 9 + (0.4 if tier == 'b' else 0) + (0.5 if fast else 0)",
                "spread": "(n - 4) ** 2 / 16 + x * (0.5 if tier == 'b' else 1)",
            },
        },
        "budget": {"population": 24, "generations": 12},
        "seed": draw(st.integers(0, 1_000)),
    }


def values(result: OptimizationResult, content: dict[str, Any]) -> np.ndarray:
    """The front's objectives (N, M), all minimised."""
    signs = [1.0 if o["direction"] == "minimize" else -1.0 for o in content["objectives"]]
    names = [o["name"] for o in content["objectives"]]
    return np.array([[s.outcomes[name] for name in names] for s in result.front]) * signs


def run(content: dict[str, Any]) -> OptimizationResult:
    return MultiObjectiveOptimizer(problem(content)).optimize()


@QUICK
@given(contents())
def test_no_solution_is_dominated_or_infeasible(content: dict[str, Any]):
    result = run(content)
    front = values(result, content)
    beats = (front[:, None] <= front[None]).all(axis=2) & (front[:, None] < front[None]).any(axis=2)
    assert not beats.any()
    assert result.feasible
    assert all(solution.feasible and min(solution.slacks.values()) >= 0.0 for solution in result.front)
    parameters = problem(content).parameters
    assert not [
        p.fault_of(s.settings[p.name]) for s in result.front for p in parameters if p.fault_of(s.settings[p.name])
    ]


@QUICK
@given(contents())
def test_the_seed_fixes_everything(content: dict[str, Any]):
    excluded = {"duration_seconds", "timings"}
    assert run(content).model_dump(exclude=excluded) == run(content).model_dump(exclude=excluded)


@QUICK
@given(contents(), st.sampled_from([0.25, 8.0, 1024.0]))
def test_rescaling_a_unit_rescales_the_result(content: dict[str, Any], factor: float):
    """By a power of two, so that no rounding can hide behind it."""
    first = run(content)
    formulas = content["evaluator"]["outcomes"]
    scaled = content | {
        "evaluator": content["evaluator"] | {"outcomes": formulas | {"near": f"({formulas['near']}) * {factor}"}}
    }
    second = run(scaled)
    assert [s.settings for s in second.front] == [s.settings for s in first.front]
    assert second.recommended == first.recommended
    assert [s.outcomes["near"] for s in second.front] == [s.outcomes["near"] * factor for s in first.front]


@QUICK
@given(contents())
def test_permuting_objectives_changes_nothing_but_their_order(content: dict[str, Any]):
    """With a fourth objective the order of a sum would show in its rounding, and so in a whole search."""
    level = {"name": "level", "direction": "maximize", "maximum_worsening": None}
    formulas = content["evaluator"]["outcomes"] | {"level": "x * rate / (1 + n)"}
    content = content | {"evaluator": content["evaluator"] | {"outcomes": formulas}}
    content = content | {"objectives": [*content["objectives"], level]}
    swapped = content | {"objectives": content["objectives"][::-1]}
    first, second = run(content), run(swapped)

    def front(result: OptimizationResult) -> list[list[tuple[str, Any]]]:
        return sorted(sorted((name, str(value)) for name, value in s.settings.items()) for s in result.front)

    assert front(second) == front(first)
    assert second.recommendation.settings == first.recommendation.settings
    assert second.hypervolume == first.hypervolume
    assert [row[::-1] for row in second.correlations[::-1]] == list(first.correlations)
