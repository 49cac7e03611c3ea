"""The judgement in words."""

from temporalio import activity

from activities import audit_trail
from voicehive.reasoning.models import Judgement, Question
from voicehive.reasoning.reasoner import Reasoner
from voicehive.storage.audit_log import AuditLog
from voicehive.storage.database import Database


class ReasoningActivities:
    """Wraps the reasoner."""

    def __init__(self, reasoner: Reasoner, database: Database) -> None:
        self._reasoner = reasoner
        self._database = database

    @activity.defn
    async def judge(self, question: Question) -> Judgement:
        """Ask the reasoner, and record each request to a model that it made."""
        judgement = await self._reasoner.judge(question)
        if judgement.calls:
            async with self._database.transaction() as session:
                await AuditLog(session, question.tenant).append(audit_trail.of_model_calls(judgement.calls))
        return judgement
