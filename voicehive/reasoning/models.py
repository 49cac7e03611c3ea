"""What a reasoner is asked and what it answers."""

from typing import Annotated

from pydantic import Field

from voicehive.model import Model
from voicehive.optimization.models import Objective, Solution


class Question(Model):
    """A choice among feasible candidates; the reasoner may only pick one of them.

    `recommended` is the index of the candidate the optimiser would take, and `reasons` why.
    """

    kind: str
    objectives: tuple[Objective, ...]
    current: Solution
    candidates: Annotated[tuple[Solution, ...], Field(min_length=1)]
    recommended: int
    reasons: tuple[str, ...] = ()


class Judgement(Model):
    """The reasoner's pick, why, how sure it is of itself, and who it was."""

    choice: int
    explanation: str
    confidence: Annotated[float, Field(ge=0, le=1)]
    source: str
