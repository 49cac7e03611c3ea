"""The demonstration: two real decisions on a real server, one taken alone, one approved, failed and rolled back."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from pydantic import JsonValue
from rich.console import Console

from voicehive.autonomy.request import DecisionRequest
from voicehive.cli import rendering
from voicehive.cli.decisions import follow, new_id, read_request, start
from voicehive.cli.deployment_settings import open_store, store, stored
from voicehive.cli.errors import InputInvalid
from voicehive.cli.exit_codes import ExitCode
from voicehive.cli.narration import Narrator
from voicehive.cli.output import Output
from voicehive.cli.runs import Run
from voicehive.cli.services import describe, ending_on_sigterm, log_to_file, obtain_server_program, running_server, stay
from voicehive.cli.session import Session
from voicehive.execution.record import StepRun
from voicehive.storage.database import Database
from workers.settings import Settings
from workers.worker import running_worker

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "decisions"
REVIEWER = "bob"
TRUNKS: dict[str, JsonValue] = {"telephony.trunks": "planned"}
"""What makes the second decision's fourth step fail: it checks that the trunks are enlarged."""


def run(output: Output) -> ExitCode:
    """Give the demonstration; on a terminal it then stays up.

    Raises:
        InputInvalid: the examples are not here.
    """
    capacity, surge = _request("capacity.json", "demo-eu"), _request("surge.json", "demo-us")
    settings = Settings.load()
    _heading(output.console, "0. The server, the worker, and today's settings")
    obtain_server_program(settings, output.console)
    log_to_file(settings, output.console)
    demonstration = Demonstration(settings, output, capacity, surge)
    asyncio.run(ending_on_sigterm(demonstration.give()))
    return ExitCode.UNEXPECTED if demonstration.differences else ExitCode.DONE


class Demonstration:
    """Both decisions, told on the console; `differences` are what went otherwise than it should."""

    def __init__(self, settings: Settings, output: Output, capacity: DecisionRequest, surge: DecisionRequest) -> None:
        self._settings = settings
        self._output = output
        self._console = output.console
        self._capacity = capacity
        self._surge = surge
        self.differences: list[str] = []

    async def give(self) -> None:
        """Give it, and stay up on a terminal until stopped."""
        settings = self._settings
        async with (
            running_server(settings, shared=True) as (session, server),
            running_worker(session.client, settings),
            open_store(settings) as database,
        ):
            describe(session, self._console)
            self._say("✔", f"worker: in this process, task queue {settings.task_queue}")
            await self._import_settings(database)
            ids = [await self._decide_alone(session), await self._decide_with_people(session, database)]
            self._conclude(ids)
            if sys.stdin.isatty():
                self._console.print("The server and the worker stay up. Ctrl-C to stop.", style="bold")
                try:
                    await stay(server)
                except asyncio.CancelledError:
                    self._console.print("stopped")

    async def _import_settings(self, database: Database) -> None:
        for request, further in ((self._capacity, {}), (self._surge, TRUNKS)):
            present = {each.name for each in await stored(database, request.tenant, request.deployment)}
            today: dict[str, JsonValue] = {**request.problem.current, **further}
            absent = {name: value for name, value in today.items() if name not in present}
            await store(database, request.tenant, request.deployment, absent)
            self._say("✔", f"settings of {request.deployment}: {len(absent)} imported, {len(present)} there before")

    async def _decide_alone(self, session: Session) -> str:
        _heading(self._console, "1. Within its bounds it decides alone")
        run = await self._start(session, self._capacity, Narrator(self._console))
        if run.outcome not in ("executed", "unchanged"):
            self._differs(f"the first decision should end executed or unchanged, it is {run.outcome or run.stage}")
        if run.waiting or run.reviews:
            self._differs("the first decision should ask nobody")
        return run.id

    async def _decide_with_people(self, session: Session, database: Database) -> str:
        _heading(self._console, "2. Beyond them it asks, and what fails is undone")
        self._console.print(self._surge.note, style="italic")
        place = (database, self._surge.tenant, self._surge.deployment)
        before = {each.name: each.value for each in await stored(*place)}
        narrator = Narrator(self._console)
        run = await self._start(session, self._surge, narrator)
        if not run.waiting:
            self._differs("the second decision should wait for people")
            return run.id
        await self._approve(session, run)
        run = await follow(session, run.id, narrator)
        after = {each.name: each.value for each in await stored(*place)}
        self._console.print(rendering.settings(before, after))
        await self._check_rollback(session, run)
        if before != after:
            self._differs(f"the settings of {self._surge.deployment} should be exactly as before")
        return run.id

    async def _approve(self, session: Session, run: Run) -> None:
        ((_, question), *_) = run.waiting
        message = {"reviewer": REVIEWER, "reason": "the campaign starts today", "digest": question.digest}
        self._say(">", f"{REVIEWER} approves, by the signal `approve` that any Temporal client can send", "cyan")
        await session.client.get_workflow_handle(run.id).signal("approve", message)

    async def _check_rollback(self, session: Session, run: Run) -> None:
        if run.outcome != "rolled_back" or run.execution_id is None:
            self._differs(f"the second decision should end rolled_back, it is {run.outcome or run.state}")
            return
        states = [step.state for step in run.steps]
        if states != ["compensated"] * 3 + ["failed"]:
            self._differs(f"three steps should be undone and the fourth failed, they are {', '.join(states)}")
        undone = await _undone(session, run.execution_id)
        expected = [step.name for step in reversed(run.steps) if step.state == "compensated"]
        if undone == expected:
            self._say("✔", f"undone in reverse order, says the history: {', '.join(undone)}")
        else:
            self._differs(f"steps should be undone in the order {expected}, the history has {undone}")

    async def _start(self, session: Session, request: DecisionRequest, narrator: Narrator) -> Run:
        """Start a decision and tell it until people are asked, else to its end."""
        workflow_id = new_id(request)
        await start(session, request, workflow_id)
        self._console.print(f"{request.kind} decision for {request.deployment}, asked by {request.requester}")
        self._console.print(session.link(workflow_id) or workflow_id, style="dim", soft_wrap=True)
        return await follow(session, workflow_id, narrator, until=lambda run: bool(run.waiting))

    def _conclude(self, ids: list[str]) -> None:
        _heading(self._console, "Both decisions are kept, event by event")
        for workflow_id in ids:
            self._console.print(f"  voicehive status {workflow_id}", style="bold", soft_wrap=True)
        if not self.differences:
            self._say("✔", "all went as it should")
        document: dict[str, Any] = {"as_expected": not self.differences, "differences": self.differences, "ids": ids}
        self._output.document(document)

    def _differs(self, what: str) -> None:
        self.differences.append(what)
        self._say("✘", f"differs: {what}", "red")

    def _say(self, mark: str, text: str, style: str = "green") -> None:
        self._console.print(rendering.line(mark, text, style))


async def _undone(session: Session, execution_id: str) -> list[str]:
    """The steps whose compensation was scheduled, in the order of the execution's history."""
    undone: list[str] = []
    async for event in session.client.get_workflow_handle(execution_id).fetch_history_events():
        scheduled = event.activity_task_scheduled_event_attributes
        if scheduled.activity_type.name == "compensate_step":
            (run,) = await session.client.data_converter.decode(scheduled.input.payloads, [StepRun])
            undone.append(run.step.name)
    return undone


def _request(name: str, deployment: str) -> DecisionRequest:
    if not (EXAMPLES / name).exists():
        raise InputInvalid(f"{EXAMPLES / name} is not here: run the demonstration from a clone of the project")
    return read_request(EXAMPLES / name).model_copy(update={"deployment": deployment})


def _heading(console: Console, title: str) -> None:
    console.print()
    console.rule(f"[bold]{title}", align="left")
