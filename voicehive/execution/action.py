"""What an action is: validated arguments, a run, and a compensation that tolerates a run that never happened."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import httpx
from pydantic import JsonValue

from voicehive.model import Model
from voicehive.storage.database import Database

ArgumentsT = TypeVar("ArgumentsT", bound=Model)
CompensationT = TypeVar("CompensationT", bound=Model)


class NoArguments(Model):
    """For an action or a compensation that needs none."""


class WorkflowStarter(Protocol):
    """What `workflow.start` needs of the orchestrator; the worker supplies it."""

    async def start(self, workflow_type: str, workflow_id: str, task_queue: str, argument: JsonValue, key: str) -> str:
        """Start a workflow, or find the one that this key already started, running or ended; returns its run id.

        Raises:
            ActionRefused: the id belongs to a workflow that something else started.
        """
        ...

    async def cancel(self, workflow_id: str, key: str) -> bool:
        """Ask a workflow that this key started to cancel; False where there is none, or it has ended."""
        ...


@dataclass(frozen=True)
class Resources:
    """What the worker lends to every action."""

    database: Database
    http: httpx.AsyncClient
    workflows: WorkflowStarter


@dataclass(frozen=True)
class ActionContext:
    """For whom, where and under which idempotency key an action runs.

    `key` is the same for every attempt of one step and for its compensation; `owner` is the run the step belongs to,
    for plans may share a key. `allowed_hosts` are the hosts (with an optional port) that the tenant's policy lets an
    action speak to. `undone_next` is, for the compensation of a canary's stage, what the one of the stage after it
    returned.
    """

    tenant: str
    deployment: str
    key: str
    owner: str
    allowed_hosts: tuple[str, ...] = ()
    undone_next: Mapping[str, JsonValue] | None = None


class Action(ABC, Generic[ArgumentsT, CompensationT]):
    """One kind of step.

    `run` is idempotent by `context.key`: another call with the same key changes nothing more and returns the first
    one's result. `compensate` restores what was before; it tolerates a `run` that never happened or died midway
    (`result` is then None), and once it has run, a late `run` under the same key raises `ActionWithdrawn`.

    A failure that may pass is raised as it comes or as `ActionFailed`; one that never will, as `ActionRefused`.
    """

    name: ClassVar[str]
    arguments: ClassVar[type[Model]]
    compensation: ClassVar[type[Model] | None]
    """None declares the action read-only: it needs no compensation."""

    def __init__(self, resources: Resources) -> None:
        self.resources = resources

    @abstractmethod
    async def run(self, arguments: ArgumentsT, context: ActionContext) -> Mapping[str, Any]:
        """Do it, once for each key; the result is JSON and small."""

    async def compensate(
        self,
        arguments: ArgumentsT,
        compensation: CompensationT,
        result: Mapping[str, Any] | None,
        context: ActionContext,
    ) -> Mapping[str, Any]:
        """Undo it, once for each key; a read-only action has nothing to undo."""
        return {}
