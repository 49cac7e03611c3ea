"""What carrying out a plan needs of the workflow around it."""

from typing import Protocol

from pydantic import JsonValue
from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from voicehive.autonomy.review import Review
    from voicehive.execution.plan import Step
    from voicehive.execution.record import StepRun
    from workflows.interruption import Stop


class Supervision(Protocol):
    """What a saga, and those who watch what it does, need of the workflow they run in."""

    stop: Stop
    paused: bool

    @property
    def owner(self) -> str:
        """The run that the steps belong to."""
        ...

    def step_run(
        self,
        step: Step,
        result: dict[str, JsonValue] | None = None,
        undone_next: dict[str, JsonValue] | None = None,
    ) -> StepRun:
        """What a step's activity is called with."""
        ...

    async def refused_at_gate(self, step: Step) -> str:
        """Ask people before a step; who refused it and why, or nothing if they agree."""
        ...

    async def attend(self, step: Step) -> Review:
        """Park until a person says what becomes of a compensation that keeps failing."""
        ...

    async def hold(self) -> None:
        """Pause the plan, and wait until people let it go on or something asks to stop."""
        ...

    async def report(self) -> None:
        """Tell whoever started the plan how it stands."""
        ...

    def show(self) -> None:
        """Bring what people see up to date."""
        ...
