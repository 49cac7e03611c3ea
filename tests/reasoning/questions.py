"""Questions about a contact centre that the tests of the reasoners share."""

from typing import Any

from voicehive.optimization.models import Objective, Solution
from voicehive.reasoning.models import Question, Remark

OBJECTIVES = (
    Objective(name="cost", direction="minimize", weight=2.0, unit="EUR", maximum_worsening=None),
    Objective(name="abandonment", direction="minimize", weight=1.0, at_most=0.08, maximum_worsening=None),
    Objective(name="quality", direction="maximize", weight=1.0, category="safety", target=0.9),
)
OUTCOMES = ((12_000.0, 0.040, 0.90), (11_000.0, 0.050, 0.90), (14_000.0, 0.020, 0.92), (13_000.0, 0.031, 0.91))


def solution(index: int, outcomes: tuple[float, ...], **changes: Any) -> Solution:
    names = [objective.name for objective in OBJECTIVES]
    settings = {"agents": 80 - 2 * index, "tier": "plain"}
    return Solution(index=index, settings=settings, outcomes=dict(zip(names, outcomes, strict=True)), **changes)


def question(*remarks: Remark, **changes: Any) -> Question:
    """Three candidates, of which the optimiser recommends the last."""
    facts: dict[str, Any] = {
        "kind": "capacity",
        "objectives": OBJECTIVES,
        "current": solution(-1, (12_500.0, 0.045, 0.90)),
        "candidates": tuple(solution(index, outcomes) for index, outcomes in enumerate(OUTCOMES)),
        "recommended": 3,
        "reasons": ("the balance of all objectives is best",),
        "remarks": remarks,
    }
    return Question(**(facts | changes))


def note(text: str) -> Remark:
    return Remark(source="note", text=text)
