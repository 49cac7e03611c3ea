"""The interface of every reasoner, and the one that needs no model."""

from typing import Protocol

from voicehive.optimization.figures import figure
from voicehive.optimization.models import Objective, Solution
from voicehive.reasoning.models import Judgement, Question


class Reasoner(Protocol):
    """Judges among feasible candidates; whatever it answers is validated and re-evaluated like anything else."""

    async def judge(self, question: Question) -> Judgement:
        """Pick one of the question's candidates and say why."""
        ...


class FallbackReasoner:
    """Takes the optimiser's own recommendation and explains it: deterministic, and at hand when no model is."""

    confidence = 0.9
    """Its word is the optimiser's, so it adds no judgement of its own: not quite certain."""

    async def judge(self, question: Question) -> Judgement:
        """The recommended candidate, compared with today in every objective."""
        chosen = next(solution for solution in question.candidates if solution.index == question.recommended)
        compared = [_compare(objective, question.current, chosen) for objective in question.objectives]
        return Judgement(
            choice=chosen.index,
            explanation=f"Against today: {'; '.join(compared)}.",
            confidence=self.confidence,
            source="fallback",
        )


def _compare(objective: Objective, current: Solution, chosen: Solution) -> str:
    before, after = current.outcomes[objective.name], chosen.outcomes[objective.name]
    unit = f" {objective.unit}" if objective.unit else ""
    if before == after:
        return f"{objective.name} stays at {figure(after)}{unit}"
    better = (after < before) == (objective.direction == "minimize")
    return f"{objective.name} {figure(before)} -> {figure(after)}{unit} ({'better' if better else 'worse'})"
