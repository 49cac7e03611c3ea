import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.execution.conftest import Orchestrator
from voicehive.execution import ActionRefused, ActionWithdrawn, CompensationConflict
from voicehive.execution.action import ActionContext, NoArguments, Resources
from voicehive.execution.parameter_actions import (
    CheckParameter,
    CheckParameterArguments,
    SetParameter,
    SetParameterArguments,
)
from voicehive.execution.wait_action import Wait, WaitArguments
from voicehive.execution.workflow_action import StartWorkflow, StartWorkflowArguments
from voicehive.storage.parameters import Parameter, Parameters

NONE = NoArguments()


async def stored(resources: Resources, tenant: str, deployment: str = "line-1") -> Parameter:
    async with resources.database.reading() as session:
        return await Parameters(session, tenant).get(deployment, "p")


async def store(resources: Resources, tenant: str, value: Any) -> None:
    async with resources.database.transaction() as session:
        await Parameters(session, tenant).set("line-1", "p", value)


@pytest.mark.parametrize("earlier", [None, 42, {"tiers": ["a", 1.5, None]}])
async def test_a_parameter_is_set_once_and_restored_exactly(
    resources: Resources, context: ActionContext, earlier: Any
) -> None:
    if earlier is not None:
        await store(resources, context.tenant, earlier)
    version = (await stored(resources, context.tenant)).version
    action, arguments = SetParameter(resources), SetParameterArguments(name="p", value=48, expected_version=version)
    results = [await action.run(arguments, context) for _ in range(3)]
    expected = {"deployment": "line-1", "name": "p", "earlier": earlier, "earlier_version": version}
    assert results == [expected | {"version": version + 1}] * 3
    assert (await stored(resources, context.tenant)).value == 48
    undone = [await action.compensate(arguments, NONE, results[0], context) for _ in range(3)]
    assert (
        undone
        == [
            {
                "deployment": "line-1",
                "name": "p",
                "restored": earlier,
                "restored_version": version,
                "version": version + 2,
            }
        ]
        * 3
    )
    assert (await stored(resources, context.tenant)).value == earlier
    with pytest.raises(ActionWithdrawn):
        await action.run(arguments, context)


async def test_a_parameter_of_another_deployment_can_be_set(resources: Resources, context: ActionContext) -> None:
    arguments = SetParameterArguments(name="p", value=1, deployment="line-2")
    await SetParameter(resources).run(arguments, context)
    assert (await stored(resources, context.tenant, "line-2")).value == 1
    assert (await stored(resources, context.tenant)).value is None


async def test_a_stale_version_is_refused_and_leaves_nothing_to_undo(
    resources: Resources, context: ActionContext
) -> None:
    await store(resources, context.tenant, 42)
    action, arguments = SetParameter(resources), SetParameterArguments(name="p", value=48, expected_version=0)
    with pytest.raises(ActionRefused, match=r"at version 1, not 0 as expected.*decide again"):
        await action.run(arguments, context)
    assert await action.compensate(arguments, NONE, None, context) == {"never_happened": True}
    assert (await stored(resources, context.tenant)).value == 42


async def test_somebody_elses_later_change_is_not_destroyed(resources: Resources, context: ActionContext) -> None:
    action, arguments = SetParameter(resources), SetParameterArguments(name="p", value=48)
    await action.run(arguments, context)
    await store(resources, context.tenant, 50)
    for _ in range(2):
        with pytest.raises(CompensationConflict, match="at version 2, not 1 as expected"):
            await action.compensate(arguments, NONE, None, context)
    assert (await stored(resources, context.tenant)).value == 50


async def test_a_key_is_not_shared_by_different_steps(resources: Resources, context: ActionContext) -> None:
    action = SetParameter(resources)
    await action.run(SetParameterArguments(name="p", value=1), context)
    with pytest.raises(ActionRefused, match="was used before with other arguments"):
        await action.run(SetParameterArguments(name="p", value=2), context)
    assert (await stored(resources, context.tenant)).value == 1


@given(calls=st.lists(st.lists(st.sampled_from(["run", "compensate"]), min_size=1, max_size=4), max_size=4))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_interleaving_applies_once_or_restores_exactly(
    resources: Resources, context: ActionContext, calls: list[list[str]]
) -> None:
    context = replace(context, key=uuid4().hex)
    before = await stored(resources, context.tenant)
    value = before.version + 1000
    action, arguments = SetParameter(resources), SetParameterArguments(name="p", value=value)
    withdrawn = False
    for together in calls:
        attempts = [
            action.run(arguments, context) if call == "run" else action.compensate(arguments, NONE, None, context)
            for call in together
        ]
        outcomes = await asyncio.gather(*attempts, return_exceptions=True)
        assert all(isinstance(outcome, dict | ActionWithdrawn) for outcome in outcomes)
        if withdrawn:
            assert all(isinstance(one, dict) != (call == "run") for one, call in zip(outcomes, together, strict=True))
        withdrawn = withdrawn or "compensate" in together
        now = await stored(resources, context.tenant)
        applied = not withdrawn
        assert now.value == (value if applied else before.value)
        assert now.version - before.version in ((1,) if applied else (0, 2))


async def test_a_parameter_is_checked(resources: Resources, context: ActionContext) -> None:
    action = CheckParameter(resources)
    await store(resources, context.tenant, 48)
    found = await action.run(CheckParameterArguments(name="p", equals=48), context)
    assert found == {"deployment": "line-1", "name": "p", "value": 48, "version": 1}
    with pytest.raises(ActionRefused, match="'p' of 'line-1' is 48 at version 1, not 47"):
        await action.run(CheckParameterArguments(name="p", equals=47), context)
    absent = await action.run(CheckParameterArguments(name="q", equals=None), context)
    assert (absent["value"], absent["version"]) == (None, 0)


async def test_a_workflow_is_started_once_and_cancelled(
    resources: Resources, context: ActionContext, orchestrator: Orchestrator
) -> None:
    action = StartWorkflow(resources)
    arguments = StartWorkflowArguments(workflow_type="Report", argument={"day": 1}, task_queue="q")
    workflow_id = f"{context.tenant}:{context.key}"
    orchestrator.lose_answers = 1
    with pytest.raises(ConnectionResetError):
        await action.run(arguments, context)
    expected = {"workflow_id": workflow_id, "run_id": f"run-of-{workflow_id}"}
    assert [await action.run(arguments, context) for _ in range(2)] == [expected] * 2
    assert orchestrator.running == {workflow_id: ("Report", "q", {"day": 1})}
    assert orchestrator.started == 1
    for _ in range(2):
        undone = await action.compensate(arguments, NONE, None, context)
        assert undone == {"workflow_id": workflow_id, "cancelled": True}
    assert orchestrator.running == {}
    with pytest.raises(ActionWithdrawn):
        await action.run(arguments, context)


async def test_a_workflow_whose_start_is_unknown_is_cancelled_and_one_never_started_is_not(
    resources: Resources, context: ActionContext, orchestrator: Orchestrator
) -> None:
    action = StartWorkflow(resources)
    arguments = StartWorkflowArguments(workflow_type="W", argument=None, task_queue="q", workflow_id="mine")
    other = replace(context, key="another")
    assert await action.compensate(arguments, NONE, None, other) == {"never_happened": True}
    orchestrator.lose_answers = 1
    with pytest.raises(ConnectionResetError):
        await action.run(arguments, context)
    undone = await action.compensate(arguments, NONE, None, context)
    assert undone == {"workflow_id": "mine", "cancelled": True}


async def test_wait_leaves_the_waiting_to_the_orchestrator(resources: Resources, context: ActionContext) -> None:
    async with asyncio.timeout(1):
        waited = await Wait(resources).run(WaitArguments(duration=timedelta(minutes=10)), context)
    assert waited == {"duration": "PT10M"}
