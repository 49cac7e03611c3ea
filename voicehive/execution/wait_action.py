"""The action that lets time pass."""

from collections.abc import Mapping
from typing import Any

from voicehive.execution.action import Action, ActionContext, NoArguments
from voicehive.execution.plan import PositiveDuration
from voicehive.model import Model


class WaitArguments(Model):
    """How long, as an ISO 8601 duration such as `PT10M`."""

    duration: PositiveDuration


class Wait(Action[WaitArguments, NoArguments]):
    """Let time pass between two steps.

    The waiting itself is the orchestrator's: a durable timer costs no worker and survives every restart. `run` is
    called once that timer has fired, and only says so.
    """

    name = "wait"
    arguments = WaitArguments
    compensation = None

    async def run(self, arguments: WaitArguments, context: ActionContext) -> Mapping[str, Any]:
        """Returns the duration waited, as ISO 8601."""
        return arguments.model_dump(mode="json")
