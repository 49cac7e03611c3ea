"""A canary's stages are watched, each before the next begins; a bad one asks to stop, which undoes the plan."""

from collections.abc import Callable
from itertools import pairwise

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from voicehive.autonomy.outcomes.progress import Observation
    from voicehive.execution.canary import CanaryStage
    from voicehive.execution.plan import HumanGate, Step, stages_of
    from voicehive.execution.record import ExecutionRequest
    from workflows.observation import Observer
    from workflows.supervision import Supervision


class CanaryWatch:
    """Watches what the stages of a plan's canaries do. A step that is no stage passes through untouched."""

    def __init__(self, request: ExecutionRequest, supervision: Supervision) -> None:
        self._request = request
        self._supervision = supervision
        self._stop = supervision.stop
        self._canaries: dict[str, Step] = {}
        self._stages: dict[str, CanaryStage] = {}
        self._next: dict[str, str] = {}
        self._observers: dict[str, Observer] = {}
        for step in request.plan.steps:
            if step.canary is not None:
                names = [stage.name for stage in stages_of(step)]
                self._canaries |= dict.fromkeys(names, step)
                self._stages |= zip(names, step.canary.stages, strict=True)
                self._next |= pairwise(names)

    @property
    def bad(self) -> Observation | None:
        """What was observed of the stage that was found bad."""
        seen = (observer.observation for observer in self._observers.values())
        return next((each for each in seen if each is not None and each.is_bad), None)

    def stage_after(self, step: Step) -> str | None:
        """The stage that follows this one; None after the last, and for any other step."""
        return self._next.get(step.name)

    async def begin(self, step: Step) -> None:
        """Before a canary's first stage, read what was before, for all its stages: later it would be too late."""
        if step.name not in self._stages or step.name in self._observers:
            return
        canary = self._canaries[step.name]
        for stage in stages_of(canary):
            observer = Observer(
                self._request,
                self._stages[stage.name].watch,
                self._supervision,
                run=f"{self._supervision.owner}/{stage.name}",
                subject=f"the outcome of {stage.summary}",
            )
            self._observers[stage.name] = observer
            await observer.begin()
            if self._stop.requested:
                return
        await workflow.wait_condition(lambda: self._stop.requested or not self._supervision.paused)

    async def watch(self, step: Step, show: Callable[[Observation], None]) -> None:
        """Watch a stage that was applied until it may go on; asks to stop where it may not."""
        if (observer := self._observers.get(step.name)) is None or self._stop.requested:
            return
        await self._supervision.report()
        await observer.watch(show)
        await self._supervision.report()
        observation = observer.observation
        if self._stop.requested or observation is None or observation.is_good:
            return
        await self._unclear(step, observation)

    async def _unclear(self, step: Step, observation: Observation) -> None:
        canary = self._canaries[step.name]
        assert canary.canary is not None
        reason = f"the outcome of {step.summary} was {observation.in_words()}"
        match canary.canary.on_unclear:
            case "roll_back":
                self._stop.request(reason)
            case "ask":
                gate = canary.gate or HumanGate(reason=reason)
                question = step.model_copy(update={"name": f"{step.name}.outcome", "gate": gate})
                if refusal := await self._supervision.refused_at_gate(question):
                    self._stop.request(f"{reason}; not permitted to go on: {refusal}")
                await workflow.wait_condition(lambda: self._stop.requested or not self._supervision.paused)
            case "go_on":
                pass
