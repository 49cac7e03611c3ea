"""One plugin, so that client, worker and replayer cannot disagree on payloads, interceptors or the sandbox."""

import dataclasses
import inspect
from typing import Any

from temporalio.plugin import SimplePlugin
from temporalio.worker import (
    ExecuteWorkflowInput,
    HandleSignalInput,
    HandleUpdateInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowRunner,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from workers.converter import data_converter, invalid_payload

PASSTHROUGH = ("voicehive", "activities", "workers", "workflows")
"""Packages that the sandbox takes from the process instead of importing them again for every run.

Models must be the same classes on both sides, and importing anew costs each run milliseconds (6 ms for `workflows`,
of 25 ms to its first command). What the sandbox would forbid in `workflows`, `tests/workflows/test_determinism.py`
does, and tests there replay every task.
"""


class _ArgumentCheck(WorkflowInboundInterceptor):
    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002  # the SDK's parameter name
        """Fail a run that got too few or too many inputs; Python's TypeError would retry its task for ever."""
        run = inspect.signature(input.run_fn)
        try:
            run.bind(None, *input.args)
        except TypeError:
            expected = [str(parameter) for parameter in list(run.parameters.values())[1:]]
            raise invalid_payload(
                [
                    {
                        "field": "",
                        "problem": f"{input.type.__name__} takes {len(expected)} input ({', '.join(expected)}), "
                        f"got {len(input.args)}: give one JSON object, with --input or --input-file",
                    }
                ]
            ) from None
        return await super().execute_workflow(input)

    async def handle_signal(self, input: HandleSignalInput) -> None:  # noqa: A002  # the SDK's parameter name
        """Hand on a signal with too few or too many inputs as an empty one; TypeError would retry its task for ever."""
        if len(input.args) != 1:
            input = dataclasses.replace(input, args=[None])  # noqa: A001
        await super().handle_signal(input)

    def handle_update_validator(self, input: HandleUpdateInput) -> None:  # noqa: A002  # the SDK's parameter name
        """Refuse an update with more inputs than it takes, before anything else sees it."""
        if len(input.args) > 1:
            raise ValueError(f"{input.update} takes one JSON object, got {len(input.args)} inputs")
        super().handle_update_validator(input)


class ArgumentCheck(Interceptor):
    """Turns a start with the wrong number of inputs into a failed run."""

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002  # the SDK's parameter name
    ) -> type[WorkflowInboundInterceptor]:
        """See base class."""
        return _ArgumentCheck


def _with_passthrough(runner: WorkflowRunner | None) -> WorkflowRunner:
    if not isinstance(runner, SandboxedWorkflowRunner):
        return runner or SandboxedWorkflowRunner()
    return dataclasses.replace(runner, restrictions=runner.restrictions.with_passthrough_modules(*PASSTHROUGH))


class VoiceHivePlugin(SimplePlugin):
    """Give it to `Client.connect` (its workers inherit it) and to `Replayer`."""

    def __init__(self) -> None:
        super().__init__(  # pyright: ignore[reportUnknownMemberType]  # the SDK types activities loosely
            "voicehive",
            data_converter=data_converter,
            interceptors=[ArgumentCheck()],
            workflow_runner=_with_passthrough,
        )
