"""`DecisionWorkflow`: one decision, from the request to its outcome."""

import asyncio
from typing import Any, Literal, TypeAlias

from temporalio import workflow
from temporalio.exceptions import (
    ApplicationError,
    CancelledError,
    ChildWorkflowError,
    FailureError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from voicehive.autonomy.authorization import Authorization
    from voicehive.autonomy.progress import Stage
    from voicehive.autonomy.request import (
        AuthorizationInput,
        DecisionOutcome,
        DecisionRecord,
        DecisionRequest,
        DecisionStatus,
        OptimizationSummary,
        Outcome,
        Proposal,
        ProposalInput,
        ProposalRecord,
    )
    from voicehive.autonomy.review import RecordedReview
    from voicehive.autonomy.verdict import DecisionResult
    from voicehive.execution.plan import Arguments, ExecutionPlan
    from voicehive.execution.record import ExecutionRequest
    from voicehive.optimization.parameter import Settings
    from voicehive.reasoning.models import Judgement, Question, Remark
    from workflows import activity_calls, search_attributes, story
    from workflows.child_execution import ChildExecution
    from workflows.failures import reason_of
    from workflows.human_input import HumanInput, Ruling
    from workflows.interruption import shielded
    from workflows.review_desk import ReviewRound

ProposalEnd: TypeAlias = Literal["approved", "rejected", "superseded", "expired", "voided"]
ENDED_BY: dict[Ruling, ProposalEnd] = {
    "approved": "approved",
    "rejected": "rejected",
    "edited": "superseded",
    "expired": "expired",
    "stopped": "voided",
}


@workflow.defn
class DecisionWorkflow(HumanInput):
    """Optimise, reason, assess, ask people if need be, execute, and keep how it ended."""

    @workflow.init
    def __init__(self, request: DecisionRequest) -> None:
        super().__init__()
        self.request = request
        self.tenant = request.tenant
        self.authors = frozenset({request.requester})
        self.stage: Stage = "optimizing"
        self.outcome: Outcome | None = None
        self.reason = ""
        self.cancelled = False
        self.summary: OptimizationSummary | None = None
        self.judgement: Judgement | None = None
        self.proposal: Proposal | None = None
        self.edited: Proposal | None = None
        self.permitted = False
        self.arguments: dict[str, Arguments] = {}
        self.proposals: list[ProposalRecord] = []
        self.execution = ChildExecution(self.desk)

    @workflow.run
    async def run(self, request: DecisionRequest) -> DecisionOutcome:
        """Take the decision; returns how it ended, or ends as cancelled if nothing was changed for that reason."""
        try:
            outcome = await self._decide()
        except (asyncio.CancelledError, FailureError) as error:
            if not is_cancelled_exception(error):
                await shielded(self._close(self._ended("failed", reason_of(error))), lambda: None)
                raise
            self.cancelled = True
            self._end_proposal("voided")
            outcome = self._ended("rejected", "cancelled before anything ran")
        await shielded(self._close(outcome), lambda: None)
        if self.cancelled and outcome.outcome != "executed":
            raise asyncio.CancelledError(outcome.reason)
        return outcome

    async def _decide(self) -> DecisionOutcome:
        proposal = await self._first_proposal()
        while True:
            if proposal.result.verdict == "reject":
                self._end_proposal("rejected")
                return self._ended("rejected", "; ".join(proposal.result.reasons))
            if proposal.plan is None:
                self._end_proposal("voided")
                return self._ended("unchanged", "today's settings are the best within the bounds")
            if proposal.result.is_shadow:
                self._end_proposal("voided")
                return self._ended("unchanged", story.of_shadow(proposal.result))
            reviews: tuple[RecordedReview, ...] = ()
            if proposal.result.verdict == "escalate" or self.edited is not None:
                ruling, reviews = await self._review(proposal)
                if ruling == "edited" and self.edited is not None:
                    proposal = self._lay_open(self.edited)
                    continue
                if ruling == "expired" and (default := await self._default()) is not None:
                    proposal, reviews = default, ()
                elif ruling != "approved":
                    return self._ended("rejected", self.reason)
            self.permitted = await self._authorize(proposal, reviews)
            if self.permitted:
                self._end_proposal("approved")
                return await self._execute(proposal)
            self._end_proposal("voided")
            proposal = self._lay_open(await self._propose(None, proposal.solution.settings, self.arguments))

    async def _first_proposal(self) -> Proposal:
        request = self.request
        self.enter("optimizing")
        summary = self.summary = await activity_calls.optimize(request)
        self.enter("reasoning")
        question = Question(
            kind=request.kind,
            tenant=request.tenant,
            objectives=request.problem.objectives,
            current=summary.current,
            candidates=summary.candidates,
            recommended=summary.recommended,
            reasons=summary.reasons,
            remarks=(Remark(source="note", text=request.note),) if request.note else (),
        )
        judgement = self.judgement = await activity_calls.judge(question)
        self.enter("assessing")
        return self._lay_open(await self._propose(solution=judgement.choice))

    async def _propose(
        self,
        solution: int | None = None,
        settings: Settings | None = None,
        arguments: dict[str, Arguments] | None = None,
    ) -> Proposal:
        assert self.summary is not None
        assert self.judgement is not None
        return await activity_calls.propose(
            ProposalInput(
                tenant=self.tenant,
                deployment=self.request.deployment,
                kind=self.request.kind,
                requester=self.request.requester,
                summary=self.summary,
                execution=self.request.execution,
                constraints=self.request.constraints,
                reasoner_confidence=self.judgement.confidence,
                reasoning=self.judgement.parts,
                solution=solution,
                settings=settings or {},
                arguments=arguments or {},
            )
        )

    def _lay_open(self, proposal: Proposal) -> Proposal:
        """Make it the proposal that everybody sees."""
        self.proposal = proposal
        self.desk.terms = proposal.result.review
        self.proposals.append(
            ProposalRecord(
                digest=proposal.digest,
                settings=proposal.solution.settings,
                ended="open",
                authors=tuple(sorted(self.authors)),
            )
        )
        self.show()
        return proposal

    def _end_proposal(self, ended: ProposalEnd) -> None:
        """Keep how the newest proposal, if there is one, ended."""
        self.proposals[-1:] = [last.model_copy(update={"ended": ended}) for last in self.proposals[-1:]]

    async def _review(self, proposal: Proposal) -> tuple[Ruling, tuple[RecordedReview, ...]]:
        question = ReviewRound(
            subject="decision",
            digest=proposal.digest,
            terms=proposal.result.review,
            authors=self.authors,
            quorum=proposal.result.review.rules.quorum,
        )
        self.enter("waiting_for_people")
        ruling = await self.ask(question, lambda: False)
        self.reason = question.in_words(ruling)
        self._end_proposal(ENDED_BY[ruling])
        if ruling == "edited" and question.edit is not None:
            self.authors |= {question.edit.review.reviewer}
        return ruling, tuple(question.approvals)

    async def assess_edit(self, entry: RecordedReview) -> str:
        """Assess an edit under the policy of what it now touches; the reason if it cannot stand.

        It goes on from what the editor sees: the open proposal's settings, and what was edited of the steps after them.
        """
        assert self.proposal is not None
        word = entry.review
        settings = word.settings if word.solution is not None else {**self.proposal.solution.settings, **word.settings}
        arguments = dict(self.arguments)
        for step, changed in word.arguments.items():
            arguments[step] = {**arguments.get(step, {}), **changed}
        try:
            edited = await self._propose(word.solution, settings, arguments)
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            return reason_of(error)
        if edited.result.verdict == "reject":
            return "; ".join(edited.result.reasons)
        if edited.plan is None:
            return "these are today's settings; to keep them, reject the decision"
        self.edited = edited
        following = {step.name for step in self.request.execution.afterwards}
        self.arguments = {step: changed for step, changed in arguments.items() if step in following}
        return ""

    async def _default(self) -> Proposal | None:
        """The request's default if the ladder ends so and the policy lets it run alone."""
        assert self.proposal is not None
        if self.proposal.result.review.rules.at_end != "default" or self.request.default is None:
            return None
        self.arguments = {}
        try:
            default = self._lay_open(await self._propose(settings=self.request.default))
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            self.reason += f"; the default cannot be taken: {reason_of(error)}"
            return None
        if default.result.verdict == "execute" and default.plan is not None:
            return default
        self._end_proposal("rejected")
        return None

    async def _authorize(self, proposal: Proposal, reviews: tuple[RecordedReview, ...]) -> bool:
        assert proposal.plan is not None
        authorization = Authorization(
            deployment=self.request.deployment,
            kind=self.request.kind,
            plan=proposal.plan,
            constraints=self.request.constraints,
            policy_digest=proposal.result.policy_digest,
        )
        info = workflow.info()
        return await activity_calls.authorize(
            AuthorizationInput(
                tenant=self.tenant,
                decision_id=info.workflow_id,
                holder=f"{info.workflow_id}/{info.run_id}",
                authorization=authorization,
                reviews=reviews,
                demand=proposal.result.demand,
                case=proposal.case,
            )
        )

    async def _execute(self, proposal: Proposal) -> DecisionOutcome:
        """Run the plan as a child; a cancellation is passed on to it, and its rollback is awaited."""
        self.enter("executing")
        try:
            result = await shielded(self.execution.run(self._execution_request(proposal)), self._cancel_execution)
        except ChildWorkflowError as error:
            if not isinstance(error.cause, CancelledError):
                raise
            return self._ended("rolled_back", "the execution was cancelled and undone")
        outcomes: dict[str, Outcome] = {"applied": "executed", "rolled_back": "rolled_back", "rejected": "rejected"}
        return self._ended(outcomes[result.outcome], result.reason)

    def _execution_request(self, proposal: Proposal) -> ExecutionRequest:
        assert proposal.plan is not None
        return ExecutionRequest(
            tenant=self.tenant,
            deployment=self.request.deployment,
            requester=self.request.requester,
            plan=proposal.plan,
            kind=self.request.kind,
            constraints=self.request.constraints,
            watch=self.request.watch,
        )

    def _cancel_execution(self) -> None:
        self.cancelled = True
        self.execution.cancel()

    @workflow.signal(description="How the execution stands; sent by the execution itself")
    def progress(self, message: Any) -> None:
        """Keep how the execution stands, while there is one; it only shows and forwards, it decides nothing."""
        if self.outcome is None and (status := self.execution.progress(message)) is not None:
            self.enter(status.stage)

    def _ended(self, outcome: Outcome, reason: str) -> DecisionOutcome:
        self.outcome, self.reason = outcome, reason
        return DecisionOutcome(
            outcome=outcome,
            reason=reason,
            verdict=self.proposal.result.verdict if self.proposal else None,
            settings=self.proposal.solution.settings if self.proposal else {},
            steps=self.execution.status.steps,
            reviews=self._every_review(),
            observation=self.execution.status.observation,
        )

    def _every_review(self) -> tuple[RecordedReview, ...]:
        """What was said here and to the execution; of what was handed on, what the execution made of it."""
        there = [entry.review for entry in self.execution.status.reviews]
        here = (entry for entry in self.desk.entries if entry.review not in there)
        return (*here, *self.execution.status.reviews)

    async def _close(self, outcome: DecisionOutcome) -> None:
        self.enter("closed")
        info = workflow.info()
        await activity_calls.record_decision(
            DecisionRecord(
                tenant=self.tenant,
                decision_id=info.workflow_id,
                kind=self.request.kind,
                deployment=self.request.deployment,
                requester=self.request.requester,
                started_at=info.start_time,
                closed_at=workflow.now(),
                outcome=outcome,
                case=None if self.permitted or self.proposal is None else self.proposal.case,
            )
        )
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.update(description="Wait for the verdict")
    async def verdict(self) -> DecisionResult:
        """The first verdict, as soon as there is one; fails where the decision ends without."""
        await workflow.wait_condition(lambda: self.proposal is not None or self.stage == "closed")
        if self.proposal is None:
            raise ApplicationError(f"the decision ended without a verdict: {self.reason or 'it failed'}")
        return self.proposal.result

    @workflow.query(description="How the decision stands")
    def status(self) -> DecisionStatus:
        """How the decision stands."""
        return DecisionStatus(
            stage=self.stage,
            outcome=self.outcome,
            reason=self.reason,
            summary=self.summary,
            judgement=self.judgement,
            result=self.proposal.result if self.proposal else None,
            solution=self.proposal.solution if self.proposal else None,
            proposals=tuple(self.proposals),
            waiting=(*(question.waiting() for question in self.desk.rounds.values()), *self.execution.status.waiting),
            execution=self.execution.workflow_id,
            steps=self.execution.status.steps,
            needs_attention=tuple(sorted(self.desk.parked)),
            reviews=self._every_review(),
            malformed=tuple(self.desk.malformed),
            observation=self.execution.status.observation,
        )

    @workflow.query(description="The plan that would run or runs")
    def plan(self) -> ExecutionPlan | None:
        """The plan that would run or runs; None before a verdict, and where nothing is to change."""
        return self.proposal.plan if self.proposal else None

    def show(self) -> None:
        """Tell the story so far in the web UI."""
        workflow.set_current_details(story.of_decision(self.request, self.status(), self.plan()))

    def enter(self, stage: Stage) -> None:
        """Come to a stage, and show it."""
        self.stage = stage
        search_attributes.stage_entered(self.tenant, stage, self.proposal.result if self.proposal else None)
        self.show()
