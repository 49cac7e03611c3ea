"""The interface of every reasoner, and the one that needs no model."""

from typing import Protocol

from voicehive.optimization.figures import figure
from voicehive.optimization.models import Objective, Solution
from voicehive.reasoning.models import Judgement, Question

FALLBACK_DROP = 0.1
"""How far the fallback's confidence stands below that of a model whose samples all agree.

A stated amount. Where trust was measured, what counts is no longer this but how often decisions with such a `reasoning`
turned out right: the fitted confidence model weighs that part by recorded outcomes.
"""


class Reasoner(Protocol):
    """Judges among feasible candidates; whatever it answers is validated and re-evaluated like anything else."""

    async def judge(self, question: Question) -> Judgement:
        """Pick one of the question's candidates and say why."""
        ...


class FallbackReasoner:
    """Takes the optimiser's own recommendation and explains it: deterministic, and at hand when no model is.

    Its word is the optimiser's and adds no judgement of its own, so its confidence is `drop` less than certain.
    """

    def __init__(self, drop: float = FALLBACK_DROP) -> None:
        self.confidence = 1.0 - drop

    async def judge(self, question: Question) -> Judgement:
        """The recommended candidate, compared with today in every objective."""
        chosen = next(solution for solution in question.candidates if solution.index == question.recommended)
        return Judgement(
            choice=chosen.index,
            explanation=against_today(question, chosen),
            confidence=self.confidence,
            source="fallback",
            parts={"fallback": self.confidence},
        )


def against_today(question: Question, chosen: Solution) -> str:
    """What the candidate changes, objective by objective."""
    compared = [_compare(objective, question.current, chosen) for objective in question.objectives]
    return f"Against today: {'; '.join(compared)}."


def _compare(objective: Objective, current: Solution, chosen: Solution) -> str:
    before, after = current.outcomes[objective.name], chosen.outcomes[objective.name]
    unit = f" {objective.unit}" if objective.unit else ""
    if before == after:
        return f"{objective.name} stays at {figure(after)}{unit}"
    better = (after < before) == (objective.direction == "minimize")
    return f"{objective.name} {figure(before)} -> {figure(after)}{unit} ({'better' if better else 'worse'})"
