"""The signals and the update by which people speak to a workflow, and the wait for their word."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal, Self, TypeAlias, cast

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from voicehive.autonomy.progress import Notification, Stage
    from voicehive.autonomy.review import RecordedReview
    from workflows import activity_calls, search_attributes
    from workflows.review_desk import ReviewDesk, ReviewRound

Ruling: TypeAlias = Literal["approved", "rejected", "edited", "expired", "stopped"]

A_MOMENT = timedelta(milliseconds=1)


class HumanInput:
    """Records what people say. Every message is one JSON object with at least `reviewer`; see `Review`."""

    def __new__(cls, *inputs: Any) -> Self:
        """Fail a run that was started without its one input; Python's TypeError would retry its task for ever."""
        if len(inputs) != 1:
            raise ApplicationError(
                f"{cls.__name__} takes one JSON object, got {len(inputs)} inputs: give it with --input or --input-file",
                type="PayloadValidationError",
                non_retryable=True,
            )
        return super().__new__(cls)

    def __init__(self) -> None:
        self.desk = ReviewDesk(workflow.now)
        self.tenant = ""
        self.paused = False
        self._sending: set[asyncio.Task[None]] = set()

    def show(self) -> None:
        """Bring what people see up to date; the workflow says how."""

    def enter(self, stage: Stage) -> None:
        """Come to a stage, for everybody to see; the workflow says how."""
        raise NotImplementedError

    async def assess_edit(self, entry: RecordedReview) -> str:
        """Judge what a person put in the proposal's place; why it cannot stand, or nothing if it can."""
        raise NotImplementedError

    @workflow.signal(description='Agree to what waits: {"reviewer": "alice"}')
    def approve(self, message: Any) -> None:
        """Agree to the open question."""
        self._receive("approve", message)

    @workflow.signal(description='Refuse; while a plan runs, a veto: {"reviewer": "alice", "reason": "..."}')
    def reject(self, message: Any) -> None:
        """Refuse the open question, or veto a running plan."""
        self._receive("reject", message)

    @workflow.signal(description='Change it: {"reviewer": "alice", "solution": 3} or "settings" or "arguments"')
    def edit(self, message: Any) -> None:
        """Put something else in its place, to be assessed and asked again."""
        self._receive("edit", message)

    @workflow.signal(description='Hand your say to somebody: {"reviewer": "alice", "to": "bob"}')
    def delegate(self, message: Any) -> None:
        """Entitle somebody else."""
        self._receive("delegate", message)

    @workflow.signal(description='Leave a remark: {"reviewer": "alice", "reason": "..."}')
    def comment(self, message: Any) -> None:
        """Leave a remark."""
        self._receive("comment", message)

    @workflow.signal(description='Start no further step: {"reviewer": "alice"}')
    def pause(self, message: Any) -> None:
        """Start no further step until resumed."""
        self._receive("pause", message)

    @workflow.signal(description='Go on after a pause: {"reviewer": "alice"}')
    def resume(self, message: Any) -> None:
        """Go on after a pause."""
        self._receive("resume", message)

    @workflow.signal(description='Stop and undo: {"reviewer": "alice", "reason": "..."}')
    def rollback(self, message: Any) -> None:
        """Stop the plan and undo what it did."""
        self._receive("rollback", message)

    @workflow.signal(description='Try a parked compensation again: {"reviewer": "alice"}')
    def retry(self, message: Any) -> None:
        """Try a compensation that needs attention again."""
        self._receive("retry", message)

    @workflow.signal(description='Leave a parked compensation out: {"reviewer": "alice", "reason": "..."}')
    def skip(self, message: Any) -> None:
        """Leave out a compensation that needs attention."""
        self._receive("skip", message)

    @workflow.signal(description='A parked compensation was done by hand: {"reviewer": "alice"}')
    def done(self, message: Any) -> None:
        """Say that a compensation that needs attention was done by hand."""
        self._receive("done", message)

    @workflow.update(description='Any of the signals, with an answer: {"kind": "approve", "reviewer": "alice"}')
    async def review(self, message: Any) -> RecordedReview:
        """Record a word and answer what became of it; an edit is answered once it was assessed."""
        kind, rest = _split(message)
        entry = self._receive(kind, rest)
        assert entry is not None
        if kind == "edit" and entry.accepted:
            await workflow.wait_condition(lambda: entry.number in self.desk.assessed)
            return self.desk.entries[entry.number - 1]
        return entry

    @review.validator
    def _validate_review(self, message: Any) -> None:
        kind, rest = _split(message)
        self.desk.validate(kind, rest)

    def _receive(self, kind: str, message: Any) -> RecordedReview | None:
        entry = self.desk.receive(kind, message)
        self.show()
        return entry

    async def ask(self, question: ReviewRound, stopped: Callable[[], bool]) -> Ruling:
        """Put a question to people, rung by rung of the ladder, until it is settled, expires, or is overtaken."""
        self.desk.rounds[question.subject] = question
        try:
            ruling = await self._climb(question, stopped)
        except (asyncio.CancelledError, FailureError):
            self._leave(question)
            raise
        self._leave(question)
        if workflow.patched("answered-before-closing"):
            # What ends the run must not share a task with the update that was answered: an event that comes meanwhile
            # makes the server refuse that whole task, and the update with it.
            await workflow.sleep(A_MOMENT)
        return ruling

    def _leave(self, question: ReviewRound) -> None:
        del self.desk.rounds[question.subject]
        if question.edit is not None and question.edit.number not in self.desk.assessed:
            self.desk.edit_assessed(question.edit, "the wait ended before it was assessed")
        search_attributes.waiting_for(self._waited_for())
        self.show()

    async def _climb(self, question: ReviewRound, stopped: Callable[[], bool]) -> Ruling:
        rules = question.terms.rules
        for index, rung in enumerate(rules.ladder[question.first_rung :], question.first_rung):
            question.rung = index
            question.until = workflow.now() + rung.deadline
            search_attributes.waiting_for(self._waited_for())
            self._notify("requested", question, question.asked)
            if rung.remind_before is not None:
                if await self._settled(question, question.until - rung.remind_before, stopped):
                    return _ruling(question)
                self._notify("reminder", question, question.asked)
            if await self._settled(question, question.until, stopped):
                return _ruling(question)
        if rules.at_end != "wait":
            return "expired"
        question.until = None
        self.enter("needs_attention")
        self._notify("needs_attention", question, question.asked)
        await self._settled(question, None, stopped)
        return _ruling(question)

    def _waited_for(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for question in self.desk.rounds.values() for name in question.asked))

    async def _settled(self, question: ReviewRound, until: datetime | None, stopped: Callable[[], bool]) -> bool:
        """Wait for an answer; False when the time is over."""
        while True:
            if question.edit is not None:
                refusal = await self.assess_edit(question.edit)
                self.desk.edit_assessed(question.edit, refusal)
                question.edit = question.edit if not refusal else None
            self.show()
            if question.settled or stopped():
                return True
            remaining = None if until is None else until - workflow.now()
            if remaining is not None and remaining <= timedelta(0):
                return False
            try:
                await workflow.wait_condition(
                    lambda: question.settled or stopped() or bool(question.to_notify),
                    timeout=remaining,
                    timeout_summary=f"waiting for {', '.join(question.asked)}",
                )
            except TimeoutError:
                return False
            if question.to_notify:
                self._notify("delegated", question, (question.to_notify.pop(),))

    def _notify(
        self,
        kind: Literal["requested", "reminder", "delegated", "needs_attention"],
        question: ReviewRound,
        recipients: tuple[str, ...],
    ) -> None:
        """Send it beside the story: a mail that cannot be delivered must not hold up an answer that has come."""
        rung = question.terms.rules.ladder[question.rung]
        until = "" if question.until is None else f" until {question.until:%Y-%m-%d %H:%M} UTC"
        info = workflow.info()
        run = f"{info.workflow_id}/{info.first_execution_run_id}"
        notification = Notification(
            tenant=self.tenant,
            decision_id=info.workflow_id,
            key=f"{run}/{question.subject}/{question.digest}/{rung.name}/{kind}/{','.join(recipients)}",
            kind=kind,
            recipients=recipients,
            message=f"{question.subject} of {info.workflow_id} waits for you{until}",
            webhook=rung.webhook,
        )
        self.send(notification)

    def send(self, notification: Notification) -> asyncio.Task[None]:
        """Begin to tell people; what cannot be delivered is logged."""
        task = asyncio.create_task(activity_calls.notify(notification))
        self._sending.add(task)
        task.add_done_callback(self._sent)
        return task

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        if not task.cancelled() and (error := task.exception()):
            workflow.logger.warning("notification not delivered: %s", error)


def _ruling(question: ReviewRound) -> Ruling:
    if question.rejection is not None:
        return "rejected"
    if question.edit is not None:
        return "edited"
    return "approved" if question.settled else "stopped"


def _split(message: Any) -> tuple[str, dict[str, Any]]:
    if not isinstance(message, dict) or "kind" not in message:
        raise ValueError('review: send one JSON object, for example {"kind": "approve", "reviewer": "alice"}')
    word = cast("dict[str, Any]", message)
    return str(word["kind"]), {name: value for name, value in word.items() if name != "kind"}
