"""The judgement in words."""

from temporalio import activity

from voicehive.reasoning.models import Judgement, Question
from voicehive.reasoning.reasoner import Reasoner


class ReasoningActivities:
    """Wraps the reasoner."""

    def __init__(self, reasoner: Reasoner) -> None:
        self._reasoner = reasoner

    @activity.defn
    async def judge(self, question: Question) -> Judgement:
        """Ask the reasoner."""
        return await self._reasoner.judge(question)
