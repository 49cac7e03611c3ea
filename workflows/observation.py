"""What was applied is watched: its metrics are read until they say how it turned out, or the window is over."""

from collections.abc import Callable
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ActivityError
from temporalio.workflow import ActivityHandle

with workflow.unsafe.imports_passed_through():
    from voicehive.autonomy.outcomes.progress import Observation, ObservationBeginning, ObservationReading
    from voicehive.autonomy.outcomes.watch import OutcomeWatch
    from voicehive.execution.record import ExecutionRequest
    from workflows import activity_calls
    from workflows.failures import reason_of
    from workflows.supervision import Supervision


class Observer:
    """Reads a watch, once begun; a stop ends it at once, a pause keeps it from ending well.

    `run` names it in the store, and `subject` to people.
    """

    def __init__(
        self,
        request: ExecutionRequest,
        watch: OutcomeWatch,
        supervision: Supervision,
        *,
        run: str,
        subject: str = "its outcome",
    ) -> None:
        self._request = request
        self._watch = watch
        self._supervision = supervision
        self._stop = supervision.stop
        self._run = run
        self._subject = subject
        self.observation: Observation | None = None

    async def begin(self) -> None:
        """Read what was before the change; asks to stop where the outcome could not be watched."""
        beginning = ObservationBeginning(
            tenant=self._request.tenant,
            run=self._run,
            watch=self._watch,
            constraints=self._request.constraints,
            at=workflow.now(),
        )
        try:
            await self._unless_stopped(activity_calls.begin_observation(beginning))
        except ActivityError as error:
            self._stop.request(f"{self._subject} could not be watched: {reason_of(error)}")

    async def watch(self, show: Callable[[Observation], None]) -> None:
        """Read, interval by interval, and show how it stands; asks to stop where the outcome is bad."""
        began = workflow.now()
        self.observation = Observation(started_at=began, until=began + self._watch.window)
        number = 0
        while number < self._watch.readings and not self.observation.is_final:
            show(self.observation)
            await self._until(began + self._watch.interval * (number + 1))
            if self._stop.requested:
                return
            # Those that passed while no worker was there are left out.
            number = min((workflow.now() - began) // self._watch.interval, self._watch.readings)
            self.observation = await self._read(number, self.observation)
        show(self.observation)
        if self.observation.is_bad:
            self._stop.request(f"{self._subject} was {self.observation.in_words()}")
        await workflow.wait_condition(lambda: self._stop.requested or not self._supervision.paused)

    async def _until(self, moment: datetime) -> None:
        remaining = moment - workflow.now()
        try:
            await workflow.wait_condition(
                lambda: self._stop.requested, timeout=remaining, timeout_summary="until the next reading"
            )
        except TimeoutError:
            return

    async def _read(self, number: int, before: Observation) -> Observation:
        """How it stands after one more reading; one that fails is missed, and said to be."""
        reading = ObservationReading(
            tenant=self._request.tenant,
            run=self._run,
            constraints=self._request.constraints,
            started_at=before.started_at,
            number=number,
        )
        asked = activity_calls.read_outcome(reading, self._watch)
        try:
            return await self._unless_stopped(asked) or before
        except ActivityError as error:
            return before.model_copy(update={"trouble": f"reading {number} failed: {reason_of(error)}"})

    async def _unless_stopped(self, activity: ActivityHandle[Observation | None]) -> Observation | None:
        """What an activity answers; None, at once, where a stop is asked for."""
        await workflow.wait_condition(lambda: activity.done() or self._stop.requested)
        if activity.done():
            return await activity
        activity.cancel()
        return None
