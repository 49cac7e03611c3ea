"""Results built by hand for the tests of pictures and files: fronts whose points are known."""

from typing import Any

import numpy as np

from voicehive.optimization.models import Objective, Solution
from voicehive.optimization.parameter import Parameter
from voicehive.optimization.result import Convergence, OptimizationConfidence, OptimizationResult

NAMED = (
    Objective(name="cost", direction="minimize", unit="EUR"),
    Objective(name="answer_wait_p95", direction="minimize", unit="s"),
    Objective(name="quality", direction="maximize"),
    Objective(name="abandonment", direction="minimize", category="safety"),
)
PARAMETERS = (
    Parameter(name="agents.peak", kind="integer", low=10, high=160, current=80, unit="agents"),
    Parameter(name="callback.threshold", kind="real", low=10, high=120, current=30.5, unit="s"),
    Parameter(name="model.tier", kind="categorical", choices=("economy", "standard", "premium"), current="standard"),
    Parameter(name="recording", kind="boolean", current=True),
)


def objectives(count: int) -> tuple[Objective, ...]:
    """So many objectives: those of a contact centre, then regional costs and satisfactions."""
    more = (
        Objective(
            name=f"{'cost' if place % 2 else 'satisfaction'}.region.{place:03}",
            direction="minimize" if place % 2 else "maximize",
            unit="EUR" if place % 2 else "",
        )
        for place in range(5, count + 1)
    )
    return (*NAMED, *more)[:count]


def result(count: int, size: int, **changes: Any) -> OptimizationResult:
    """A front of so many solutions under so many objectives, on a sphere (DTLZ2's front), in very unequal units."""
    rng = np.random.default_rng(7)
    points = np.abs(rng.normal(size=(size, count)))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    scales = np.resize([12_345.678, 42.5, 0.1, 1_250_000.0, 3.3e-4], count)
    solutions = tuple(_solution(index, point, scales) for index, point in enumerate(points))
    today = _solution(-1, np.full(count, 1.3 / np.sqrt(count)), scales)
    content: dict[str, Any] = {
        "front": solutions,
        "current": today.model_copy(update={"settings": {each.name: each.current for each in PARAMETERS}}),
        "recommended": 0,
        "alternatives": _alternatives(size),
        "reasons": ("cost falls from 14,321 to 12,034 EUR (-16.0%)", "changes agents.peak 80 -> 74"),
        "feasible": True,
        "hypervolume": 0.71,
        "acceptability": 0.62,
        "convergence": tuple(
            Convergence(evaluations=120 * step, front=min(size, 9 * step), hypervolume=0.71 * (1 - 0.8**step))
            for step in range(1, 41)
        ),
        "confidence": OptimizationConfidence(
            value=0.7, acceptability=0.62, margin=0.55, certainty=1.0, convergence=0.97
        ),
        "evaluations": 4_800,
        "duration_seconds": 0.84,
        "seed": 1,
        "strategy": "pareto",
        "algorithm": "NSGA-II",
        "algorithm_reason": f"{count} objectives and mixed variables",
        "stopped_by": "generations",
    }
    return OptimizationResult.model_validate(content | changes)


def _alternatives(size: int) -> dict[str, int]:
    wanted = {"knee": 1, "cheapest": 2, "safest": 3, "nearest_to_current": 4}
    return {name: index % size for name, index in wanted.items()}


def _solution(index: int, point: Any, scales: Any) -> Solution:
    names = [each.name for each in objectives(len(point))]
    settings = {
        "agents.peak": 60 + index % 40,
        "callback.threshold": 10.0 + 100.0 * float(point[0]) / 3.0,
        "model.tier": ("economy", "standard", "premium")[index % 3],
        "recording": index % 2 == 0,
    }
    values = dict(zip(names, (point * scales).tolist(), strict=True))
    return Solution(
        index=index,
        settings=settings,
        outcomes=values | {"callback_share": 0.03 + 0.001 * (index % 7)},
        slacks={"callback_share at most 0.15": 0.12 - 0.001 * (index % 7)},
    )
