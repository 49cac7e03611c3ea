"""`ExecutionWorkflow`: one plan, carried out wholly or undone."""

import asyncio

from pydantic import JsonValue
from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from voicehive.autonomy.outcomes.progress import Observation
    from voicehive.autonomy.policy import holders_of
    from voicehive.autonomy.progress import Notification, Stage
    from voicehive.autonomy.request import AuthorizationInput
    from voicehive.autonomy.review import Review, ReviewKind
    from voicehive.execution.plan import ExecutionPlan, Step
    from voicehive.execution.record import (
        Admission,
        AdmissionInput,
        ExecutionClosing,
        ExecutionOutcome,
        ExecutionRequest,
        ExecutionResult,
        ExecutionStatus,
        StepRecord,
        StepRun,
    )
    from workflows import activity_calls, search_attributes, story
    from workflows.human_input import HumanInput, Ruling
    from workflows.interruption import Stop, shielded
    from workflows.observation import Observer
    from workflows.review_desk import ReviewRound
    from workflows.saga import Saga

WHILE_RUNNING: frozenset[ReviewKind] = frozenset({"pause", "resume", "rollback", "reject"})

ENDS_RECORDED = "ends-recorded"
"""Marks histories in which a plan that was started by hand records its end."""

ASKING_REPORTED = "asking-reported"
"""Marks histories in which a plan that asks people before it starts tells its decision so."""


@workflow.defn
class ExecutionWorkflow(HumanInput):
    """Admit, run, and undo if anything goes wrong. People may pause, veto or roll back at any moment."""

    @workflow.init
    def __init__(self, request: ExecutionRequest) -> None:
        super().__init__()
        self.request = request
        self.tenant = request.tenant
        self.stop = Stop()
        self.stage: Stage = "assessing"
        self.admission: Admission | None = None
        self.asking_reported = False
        self.saga: Saga | None = None
        self.observer = Observer(request, request.watch, self, run=self.owner) if request.watch else None
        self.result: ExecutionResult | None = None

    @workflow.run
    async def run(self, request: ExecutionRequest) -> ExecutionResult:
        """Carry the plan out; returns how it ended, or ends as cancelled if that is why it was undone."""
        result = self.result = await shielded(self._story(), self.stop.cancel)
        await shielded(self._settle(result), lambda: None)
        undone_by_cancel = self.stop.cancelled and result.outcome != "applied"
        if undone_by_cancel:
            await self.report()
        self.enter("closed")
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self.observer is not None or self._observation() is not None:
            await workflow.wait_condition(lambda: not self._sending)
        if undone_by_cancel:
            raise asyncio.CancelledError(result.reason)
        return result

    async def _story(self) -> ExecutionResult:
        admission = await self._admitted()
        if admission is None:
            return self._ended("rejected", ())
        self.desk.allowed = WHILE_RUNNING
        saga = self.saga = Saga(self.request, self)
        listening = asyncio.create_task(self._listen())
        if self.observer is not None:
            await self.observer.begin()
            if self.stop.requested:
                listening.cancel()
                return self._ended("rejected", ())
        self.enter("executing")
        if self.asking_reported:
            await self.report()
        await saga.forward()
        if self.observer is not None and not self.stop.requested:
            await self._observed(self.observer)
        if (observation := self._observation()) is not None and observation.is_bad:
            self._tell_of_rollback()
        self.desk.allowed = frozenset()
        if self.stop.requested:
            self.enter("rolling_back")
            await saga.backward()
        listening.cancel()
        return self._ended("rolled_back" if self.stop.requested else "applied", tuple(saga.records.values()))

    async def _observed(self, observer: Observer) -> None:
        """Watch what the applied plan does; a bad outcome asks to stop."""
        self.enter("observing")
        await self.report()
        await observer.watch(lambda _: self.show())
        await self.report()

    def _observation(self) -> Observation | None:
        """What was observed of a canary that was bad, or else of the applied plan."""
        bad = self.saga.canaries.bad if self.saga else None
        return bad or (self.observer.observation if self.observer else None)

    def _tell_of_rollback(self) -> None:
        """Tell who asked for the plan, and who would be asked about it, that it is undone; beside the story."""
        assert self.admission is not None
        terms = self.admission.result.review
        rung = terms.rules.ladder[0]
        self.send(
            Notification(
                tenant=self.tenant,
                decision_id=workflow.info().workflow_id,
                key=f"{self.owner}/observed",
                kind="rolled_back",
                recipients=tuple(dict.fromkeys((self.request.requester, *holders_of(terms.reviewers, rung.roles)))),
                message=f"{self.request.plan.name} on {self.request.deployment} is undone; {self.stop.reason}"[:2_000],
                webhook=rung.webhook,
            )
        )

    def _ended(self, outcome: ExecutionOutcome, steps: tuple[StepRecord, ...]) -> ExecutionResult:
        observation = self._observation()
        observed = f"; observed {observation.in_words()}" if observation is not None else ""
        return ExecutionResult(
            outcome=outcome,
            reason=self.stop.reason or f"every step was applied{observed}",
            steps=steps,
            reviews=tuple(self.desk.entries),
            observation=observation,
        )

    async def _admitted(self) -> Admission | None:
        """Use up the permission that was given for exactly this plan, or have it assessed and, if need be, reviewed."""
        while not self.stop.requested:
            admission = self.admission = await activity_calls.admit(self._admission_input())
            self.desk.terms = admission.result.review
            if admission.verdict == "execute":
                return admission
            if admission.verdict == "reject":
                self.stop.request("; ".join(admission.result.reasons))
                break
            question = ReviewRound(
                subject="plan",
                digest=admission.digest,
                terms=admission.result.review,
                authors=frozenset({self.request.requester}),
                quorum=admission.result.review.rules.quorum,
                editable=False,
            )
            self.enter("waiting_for_people")
            self.asking_reported = workflow.info().parent is not None and workflow.patched(ASKING_REPORTED)
            if self.asking_reported:
                ruling = await self._ask_and_report(question)
            else:
                ruling = await self.ask(question, lambda: self.stop.requested)
            if ruling != "approved":
                self.stop.request(question.in_words(ruling))
                break
            reviews = tuple(question.approvals)
            await activity_calls.authorize(
                AuthorizationInput(
                    tenant=self.tenant,
                    decision_id=(workflow.info().parent or workflow.info()).workflow_id,
                    holder=self._holder,
                    authorization=admission.authorization,
                    reviews=reviews,
                    demand=admission.result.demand,
                )
            )
        return None

    async def _ask_and_report(self, question: ReviewRound) -> Ruling:
        """Put a question to people, and tell the decision before and after."""
        asking = asyncio.create_task(self.ask(question, lambda: self.stop.requested))
        await workflow.wait_condition(lambda: bool(question.until) or asking.done())
        await self.report()
        ruling = await asking
        await self.report()
        return ruling

    async def _settle(self, result: ExecutionResult) -> None:
        """Record how a plan that was started by hand ended, and give back what it held; a decision does for its own."""
        by_hand = self.admission is not None and workflow.info().parent is None
        if not by_hand or not workflow.patched(ENDS_RECORDED):
            return
        await activity_calls.close_execution(
            ExecutionClosing(
                tenant=self.tenant,
                deployment=self.request.deployment,
                requester=self.request.requester,
                result=result,
            )
        )

    def _admission_input(self) -> AdmissionInput:
        return AdmissionInput(request=self.request, decision=None if workflow.info().parent is None else self._holder)

    @property
    def _holder(self) -> str:
        """The run that holds the permission and what it takes from budgets: the decision's, or else this one."""
        run = workflow.info().parent or workflow.info()
        return f"{run.workflow_id}/{run.run_id}"

    async def _listen(self) -> None:
        """Act on what people say while the plan runs."""
        while True:
            await workflow.wait_condition(lambda: self.desk.has(*WHILE_RUNNING))
            word = self.desk.take(*WHILE_RUNNING)
            if word is not None and word.kind in ("reject", "rollback"):
                what = "vetoed" if word.kind == "reject" else "rollback asked for"
                self.stop.request(f"{what} by {word.reviewer}" + (f": {word.reason}" if word.reason else ""))
            elif word is not None:
                self.paused = word.kind == "pause"
            self.show()

    async def hold(self) -> None:
        """Pause the plan, tell the decision so, and wait until people let it go on or something asks to stop."""
        self.paused = True
        self.show()
        await self.report()
        await workflow.wait_condition(lambda: self.stop.requested or not self.paused)

    @property
    def owner(self) -> str:
        """The run that the steps belong to."""
        info = workflow.info()
        return f"{info.workflow_id}/{info.first_execution_run_id}"

    def step_run(
        self,
        step: Step,
        result: dict[str, JsonValue] | None = None,
        undone_next: dict[str, JsonValue] | None = None,
    ) -> StepRun:
        """What a step's activity is called with; its key is the same for every attempt and for the compensation."""
        assert self.admission is not None
        return StepRun(
            tenant=self.tenant,
            deployment=self.request.deployment,
            kind=self.admission.authorization.kind,
            key=step.idempotency_key or f"{self.owner}/{step.name}",
            owner=self.owner,
            step=step,
            constraints=self.request.constraints,
            approved_under=self.admission.approved_under,
            result=result,
            undone_next=undone_next,
        )

    async def refused_at_gate(self, step: Step) -> str:
        """Put a step's own question to people; who refused it and why, or nothing if they agree."""
        assert self.admission is not None
        assert step.gate is not None
        question = ReviewRound(
            subject=step.name,
            digest=self.admission.digest,
            terms=self.admission.result.review,
            authors=frozenset({self.request.requester}),
            quorum=step.gate.quorum,
            roles=step.gate.roles,
            editable=False,
        )
        ruling = await self._ask_and_report(question)
        return "" if ruling == "approved" else question.in_words(ruling)

    async def attend(self, step: Step) -> Review:
        """Park a compensation that keeps failing until a person says what becomes of it."""
        self.desk.parked.add(step.name)
        self.enter("needs_attention")
        await self.report()
        await workflow.wait_condition(lambda: self.desk.word_on(step.name) is not None)
        word = self.desk.word_on(step.name)
        assert word is not None
        self.desk.inbox.remove(word)
        self.desk.parked.remove(step.name)
        self.enter("needs_attention" if self.desk.parked else "rolling_back")
        await self.report()
        return word

    async def report(self) -> None:
        """Tell the decision that started this how it stands, where one did and still listens."""
        if (parent := workflow.info().parent) is None:
            return
        decision = workflow.get_external_workflow_handle(parent.workflow_id, run_id=parent.run_id)
        try:
            await decision.signal("progress", self.status())
        except FailureError as error:
            workflow.logger.warning("the decision %s does not listen: %s", parent.workflow_id, error)

    @workflow.query(description="How the execution stands")
    def status(self) -> ExecutionStatus:
        """How the execution stands."""
        return ExecutionStatus(
            stage=self.stage,
            outcome=self.result.outcome if self.result else None,
            reason=self.stop.reason,
            paused=self.paused,
            admission=self.admission.result if self.admission else None,
            steps=tuple(self.saga.records.values()) if self.saga else (),
            waiting=tuple(question.waiting() for question in self.desk.rounds.values()),
            needs_attention=tuple(sorted(self.desk.parked)),
            reviews=tuple(self.desk.entries),
            malformed=tuple(self.desk.malformed),
            observation=self._observation(),
        )

    @workflow.query(description="The plan")
    def plan(self) -> ExecutionPlan:
        """The plan that is being carried out."""
        return self.request.plan

    def show(self) -> None:
        """Tell the story so far in the web UI."""
        workflow.set_current_details(story.of_execution(self.request, self.status()))

    def enter(self, stage: Stage) -> None:
        """Come to a stage, and show it."""
        self.stage = stage
        search_attributes.stage_entered(self.tenant, stage, self.admission.result if self.admission else None)
        self.show()
