"""Fronts for the tests of advice."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.advising.advice import Codebook, FrontDigest
from voicehive.optimization.advising.front_digest import digest_of
from voicehive.optimization.models import Objective, Solution
from voicehive.optimization.parameter import Parameter, Settings

Outcome = Callable[[Settings], float]


def front_of(settings: Sequence[Settings], outcomes: Mapping[str, Outcome]) -> list[Solution]:
    return [
        Solution(index=index, settings=chosen, outcomes={name: outcome(chosen) for name, outcome in outcomes.items()})
        for index, chosen in enumerate(settings)
    ]


def contact_centre(size: int = 40) -> tuple[list[Parameter], list[Objective], list[Solution]]:
    """Agents, a threshold on a log scale, a tier, a switch and a fixed opening: cost against waiting and quality."""
    parameters = [
        Parameter(name="agents in Łódź", kind="integer", low=5, high=60, current=30, maximum_change=10),
        Parameter(name="threshold", kind="real", low=0.001, high=10.0, scale="log", current=0.1),
        Parameter(name="tier", kind="categorical", choices=("plain", "fine", "finest"), current="fine"),
        Parameter(name="call-backs", kind="boolean", current=False),
        Parameter(name="opening", kind="fixed", current="09:00"),
    ]
    objectives = [
        Objective(name="cost", direction="minimize", weight=2.0, maximum_worsening=0.5),
        Objective(name="waiting", direction="minimize", at_most=60.0),
        Objective(name="quality", direction="maximize", category="safety"),
    ]
    rng = np.random.default_rng(7)
    settings: list[Settings] = [
        {
            "agents in Łódź": 20 + round(20 * share),
            "threshold": float(0.001 * 10_000 ** rng.random()),
            "tier": ("plain", "fine", "finest")[int(share * 2.99)],
            "call-backs": bool(rng.random() < 0.5),
            "opening": "09:00",
        }
        for share in np.linspace(0.0, 1.0, size).tolist()
    ]
    outcomes: dict[str, Outcome] = {
        "cost": lambda chosen: 8.0 * float(chosen["agents in Łódź"]),
        "waiting": lambda chosen: 900.0 / float(chosen["agents in Łódź"]),
        "quality": lambda chosen: 0.5 + 0.1 * ("plain", "fine", "finest").index(str(chosen["tier"])),
    }
    return parameters, objectives, front_of(settings, outcomes)


def contact_centre_digest() -> tuple[FrontDigest, Codebook]:
    parameters, objectives, front = contact_centre()
    alternatives = {"knee": 20, "cheapest": 0, "nearest_to_current": 18}
    return digest_of(parameters, objectives, front, recommended=12, current=front[18], alternatives=alternatives)


def linear(
    coefficients: NDArray[np.float64], size: int, rng: np.random.Generator
) -> tuple[list[Parameter], list[Objective], list[Solution]]:
    """Objectives (M) that are linear in parameters (P), at random settings: coefficients (P, M)."""
    count, targets = coefficients.shape
    parameters = [
        Parameter(name=f"x{column}", kind="real", low=-2.0 - column, high=3.0 + column, current=0.0)
        for column in range(count)
    ]
    objectives = [
        Objective(name=f"f{row}", direction="maximize" if row % 2 else "minimize", weight=1.0 + row)
        for row in range(targets)
    ]
    low, high = np.array([parameter.bounds for parameter in parameters]).T
    points = low + rng.random((size, count)) * (high - low)
    rows = zip(points.tolist(), (points @ coefficients).tolist(), strict=True)
    front = [
        Solution(
            index=index,
            settings={f"x{column}": value for column, value in enumerate(point)},
            outcomes={f"f{row}": value for row, value in enumerate(values)},
        )
        for index, (point, values) in enumerate(rows)
    ]
    return parameters, objectives, front
