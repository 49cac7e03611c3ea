import re
from importlib.metadata import EntryPoint, EntryPoints

import pytest
from pydantic import JsonValue

from voicehive.execution import Compensation, ExecutionError, ExecutionPlan, PlanInvalid, Step
from voicehive.execution import registry as registry_module
from voicehive.execution.http_actions import CheckHttp, NotifyWebhook, RequestHttp
from voicehive.execution.parameter_actions import CheckParameter, SetParameter
from voicehive.execution.plan import ActionCall
from voicehive.execution.registry import ActionRegistry
from voicehive.execution.wait_action import Wait
from voicehive.execution.workflow_action import StartWorkflow

BUILT_IN = [SetParameter, CheckParameter, RequestHttp, CheckHttp, NotifyWebhook, StartWorkflow, Wait]
SET: dict[str, JsonValue] = {"name": "agents.peak", "value": 48}


@pytest.fixture
def registry() -> ActionRegistry:
    return ActionRegistry(BUILT_IN)


def plan(**step: object) -> ExecutionPlan:
    fitting = Step(name="fitting", action="parameter.set", arguments=SET, compensation=Compensation())
    return ExecutionPlan(name="plan", steps=(fitting, Step(name="wrong", **step)))  # type: ignore[arg-type]


def test_the_installed_entry_points_are_the_built_in_actions() -> None:
    loaded = ActionRegistry.load()
    assert loaded.names == sorted(action.name for action in BUILT_IN)
    assert [loaded.get(action.name) for action in BUILT_IN] == BUILT_IN


def test_plans_that_fit_are_accepted(registry: ActionRegistry) -> None:
    request: dict[str, JsonValue] = {"method": "POST", "url": "https://example.com/orders", "json": {"n": 1}}
    undo: dict[str, JsonValue] = {"method": "DELETE", "url": "https://example.com/orders"}
    workflow: dict[str, JsonValue] = {"workflow_type": "W", "argument": {}, "task_queue": "q"}
    steps = (
        Step(
            name="set",
            action="parameter.set",
            arguments=SET,
            compensation=Compensation(),
            verification=ActionCall(action="parameter.check", arguments={"name": "agents.peak", "equals": 48}),
        ),
        Step(name="post", action="http.request", arguments=request, compensation=Compensation(arguments=undo)),
        Step(
            name="put",
            action="http.request",
            arguments=request | {"method": "PUT"},
            compensation=Compensation(arguments={"none": "the next report replaces it"}),
        ),
        Step(name="start", action="workflow.start", arguments=workflow, compensation=Compensation()),
        Step(name="wait", action="wait", arguments={"duration": "PT10M"}),
    )
    registry.validate(ExecutionPlan(name="plan", steps=steps))


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (
            {"action": "parameter.sett"},
            "action 'parameter.sett' is unknown; did you mean 'parameter.set'? known are http",
        ),
        ({"action": "zzz"}, "action 'zzz' is unknown; known are http.check, http.request, notify"),
        (
            {"action": "parameter.set", "arguments": {"name": "n"}},
            "arguments of 'parameter.set': value: Field required",
        ),
        (
            {"action": "parameter.set", "arguments": SET | {"expected_version": "3"}},
            "expected_version: Input should be",
        ),
        ({"action": "parameter.set", "arguments": SET | {"valeu": 1}}, "valeu: Extra inputs are not permitted"),
        ({"action": "parameter.set", "arguments": SET}, "compensation is missing, and 'parameter.set' changes"),
        (
            {"action": "parameter.set", "arguments": SET, "compensation": Compensation(arguments={"to": 1})},
            "compensation of 'parameter.set': to: Extra inputs are not permitted",
        ),
        (
            {"action": "wait", "arguments": {"duration": 10}},
            "arguments of 'wait': duration: Input should be a valid dur",
        ),
        ({"action": "wait", "arguments": {"duration": "PT0S"}}, "duration: Input should be greater than 0"),
        (
            {"action": "wait", "arguments": {"duration": "PT1S"}, "compensation": Compensation()},
            "action 'wait' is read-only, so there is nothing to undo; leave the compensation out",
        ),
        (
            {
                "action": "wait",
                "arguments": {"duration": "PT1S"},
                "verification": ActionCall(action="parameter.set", arguments=SET),
            },
            "verification 'parameter.set' changes something; verify with a read-only action",
        ),
        (
            {"action": "wait", "arguments": {"duration": "PT1S"}, "verification": ActionCall(action="http.check")},
            "arguments of 'http.check': url: Field required",
        ),
        (
            {"action": "http.request", "arguments": {"method": "GET", "url": "https://h"}},
            "method: Input should be 'POST'",
        ),
        ({"action": "http.check", "arguments": {"url": "ftp://h"}}, "url: Value error, must be an absolute URL"),
        (
            {"action": "http.check", "arguments": {"url": "https://u:p@h"}},
            "url: Value error, must not hold a user name",
        ),
        ({"action": "http.check", "arguments": {"url": "/path"}}, "url: Value error, must be an absolute URL"),
        (
            {"action": "http.check", "arguments": {"url": "https://h", "headers": {"HOST": "other"}}},
            "headers: Value error, HOST is set by the action itself",
        ),
        (
            {"action": "http.check", "arguments": {"url": "https://h", "headers": {"X": "a\r\nY: b"}}},
            "headers.X: String should match pattern",
        ),
        (
            {"action": "http.check", "arguments": {"url": "https://h", "timeout_seconds": 0}},
            "timeout_seconds: Input sho",
        ),
    ],
)
def test_a_step_that_does_not_fit_is_named_with_the_way_out(
    registry: ActionRegistry, step: dict[str, object], message: str
) -> None:
    with pytest.raises(PlanInvalid, match="step 'wrong': .*" + re.escape(message)):
        registry.validate(plan(**step))


@pytest.mark.parametrize(
    "compensation",
    [{}, {"method": "POST"}, {"url": "https://h"}, {"none": "why", "method": "POST", "url": "https://h"}],
)
def test_an_http_compensation_is_a_request_or_a_reason(
    registry: ActionRegistry, compensation: dict[str, JsonValue]
) -> None:
    with pytest.raises(PlanInvalid, match=r"compensation of 'http\.request': all: .*or only \"none\""):
        registry.parse_compensation("http.request", compensation)


def test_only_allowed_actions_pass(registry: ActionRegistry) -> None:
    waiting = plan(action="wait", arguments={"duration": "PT1S"}, verification=ActionCall(action="http.check"))
    with pytest.raises(
        PlanInvalid, match=r"step 'fitting': action 'parameter.set' is not allowed here; allowed are wait"
    ):
        registry.validate(waiting, allowed={"wait"})
    with pytest.raises(PlanInvalid, match=r"step 'wrong': action 'http\.check' is not allowed here"):
        registry.validate(waiting, allowed={"wait", "parameter.set"})


def test_two_actions_may_not_share_a_name() -> None:
    class Impostor(Wait):
        pass

    with pytest.raises(ExecutionError, match="'wait' is defined twice"):
        ActionRegistry([Wait, Impostor])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "gone",
            "voicehive.execution.nowhere:Gone",
            "'gone' cannot be imported from 'voicehive.execution.nowhere:Gone'",
        ),
        ("gone", "voicehive.execution.wait_action:Gone", "'gone' cannot be imported"),
        ("pause", "voicehive.execution.wait_action:Wait", "which is no action of that name"),
        ("wait", "voicehive.execution.wait_action:WaitArguments", "which is no action of that name"),
    ],
)
def test_a_broken_entry_point_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str) -> None:
    entry = EntryPoint(name, value, registry_module.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry_module, "entry_points", lambda group: EntryPoints([entry]).select(group=group))
    with pytest.raises(ExecutionError, match=message):
        ActionRegistry.load()
