"""What a canary may be, and which steps it runs as."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from voicehive.autonomy.authorization import Authorization
from voicehive.execution.action import Action, ActionContext, NoArguments, Resources
from voicehive.execution.canary import with_share
from voicehive.execution.changes import settings_set
from voicehive.execution.errors import CompensationConflict, PlanInvalid
from voicehive.execution.parameter_actions import SetParameter, SetParameterArguments
from voicehive.execution.plan import ExecutionPlan, in_stages
from voicehive.execution.registry import ActionRegistry
from voicehive.storage.parameters import Parameters

METRIC: dict[str, Any] = {
    "name": "answer_time",
    "source": {"kind": "store", "series": "answer_time"},
    "direction": "minimize",
    "planned_degradation": 5.0,
    "baseline": [20.0, 22.0] * 15,
}
BEFORE = {"name": "before", "action": "wait", "arguments": {"duration": "PT1S"}}
NONE = NoArguments()


def stage(share: float, *, minutes: int = 10, **metric: Any) -> dict[str, Any]:
    watch = {"metrics": [METRIC | metric], "window": f"PT{minutes}M", "interval": "PT1M"}
    return {"share": share, "watch": watch}


def route(*shares: float, **fields: Any) -> dict[str, Any]:
    """A step that routes a share of the calls."""
    return {
        "name": "route",
        "action": "http.request",
        "arguments": {
            "method": "PUT",
            "url": "https://router.example.com/new/{percent}",
            "json": {"share": "{share}", "percent": "{percent}", "note": ["at {share}"]},
        },
        "compensation": {
            "arguments": {"method": "PUT", "url": "https://router.example.com/new", "json": {"share": "{share}"}}
        },
        "canary": {"stages": [stage(share) for share in shares]},
        **fields,
    }


def plan(*steps: dict[str, Any]) -> ExecutionPlan:
    return ExecutionPlan.model_validate_json(json.dumps({"name": "release", "steps": steps}))


def test_a_canary_runs_as_one_step_for_each_share() -> None:
    gate = {"reason": "callers hear it"}
    key = {"idempotency_key": "release-7", "gate": gate}
    declared = plan(BEFORE, route(0.05, 0.125, 1, depends_on=["before"], **key), BEFORE | {"name": "after"})
    after = declared.steps[2].model_copy(update={"depends_on": ("before", "route")})
    steps = {step.name: step for step in in_stages((*declared.steps[:2], after))}
    assert {name: step.depends_on for name, step in steps.items()} == {
        "before": (),
        "route.5-percent": ("before",),
        "route.12.5-percent": ("route.5-percent",),
        "route.100-percent": ("route.12.5-percent",),
        "after": ("before", "route.100-percent"),
    }
    stages = list(steps.values())[1:4]
    urls = [step.arguments["url"] for step in stages]
    assert urls == [f"https://router.example.com/new/{percent}" for percent in ("5", "12.5", "100")]
    assert stages[0].arguments["json"] == {"share": 0.05, "percent": 5, "note": ["at 0.05"]}
    assert isinstance(with_share({"weight": "{percent}"}, 0.29)["weight"], int), "29, though 0.29 * 100 is not"
    undone = [step.compensation.arguments["json"] for step in stages if step.compensation]
    assert undone == [{"share": 0.0}, {"share": 0.05}, {"share": 0.125}], "back to the share before"
    assert [step.gate is not None for step in stages] == [True, False, False]
    assert [step.idempotency_key for step in stages] == [
        f"release-7/{percent}-percent" for percent in ("5", "12.5", "100")
    ]


def test_a_key_that_a_stage_has_too_is_refused() -> None:
    step = BEFORE | {"idempotency_key": "release-7/5-percent"}
    with pytest.raises(ValidationError, match="'release-7/5-percent' is also that of step"):
        plan(route(0.05, 1, idempotency_key="release-7"), step)
    plan(route(0.05, 1, idempotency_key="release-7"), step | {"idempotency_key": "release-7/6-percent"})


def test_a_plan_without_a_canary_runs_as_it_is() -> None:
    declared = plan({"name": "wait", "action": "wait", "arguments": {"duration": "PT1S"}})
    assert in_stages(declared.steps) == declared.steps


def test_a_permission_covers_the_canary() -> None:
    def digest(declared: ExecutionPlan) -> str:
        place = {"deployment": "line-1", "kind": "plan", "constraints": (), "policy_digest": "p"}
        return Authorization(plan=declared, **place).content_digest()  # pyright: ignore[reportArgumentType]

    permitted = route(0.05, 1)
    longer = {"stages": [stage(0.05, minutes=5), stage(1)]}
    others = [route(0.5, 1), permitted | {"canary": longer}]
    others.append(permitted | {"canary": permitted["canary"] | {"on_unclear": "go_on"}})
    assert len({digest(plan(step)) for step in (permitted, *others)}) == 4


def controlled(share: float) -> dict[str, Any]:
    return stage(share, baseline=[], control={"kind": "store", "series": "answer_time.control"})


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (route(0.25, 0.05, 1), "shares are 0.25, 0.05, 1; let each be larger than the one before"),
        (route(0.05, 0.05, 1), "larger than the one before"),
        (route(0.05, 0.5), "shares are 0.05, 0.5; end with 1"),
        (route(0, 1), "greater than or equal to 0.0001"),
        (route(0.5, 1.5), "less than or equal to 1"),
        (route(1), "there is 1; give at least 2"),
        (route(0.05, 1) | {"canary": {"stages": [controlled(0.05), controlled(1)]}}, "no traffic is left for it"),
        (route(0.05, 1, arguments={"method": "PUT", "url": "https://a.example"}), "its action takes no share"),
        (route(0.05, 1, compensation=None), "a canary must be undone"),
        (route(0.05, 1, name="r" * 99), "longer name; shorten it"),
        (route(0.05, 1, canary={"stages": [stage(0.5, minutes=900), stage(1, minutes=200)]}), "hold 1100 readings"),
    ],
    ids=[
        "falling",
        "equal",
        "never_all",
        "nothing",
        "more_than_all",
        "at_once",
        "control_of_nothing",
        "no_share",
        "not_undone",
        "name",
        "readings",
    ],
)
def test_a_canary_that_could_not_be_carried_out_is_refused(step: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message) as refused:
        plan(BEFORE, step)
    assert refused.value.error_count() == 1


def test_a_stage_has_its_name_to_itself() -> None:
    with pytest.raises(ValidationError, match=r"'route\.5-percent': this is the name of a canary's stage"):
        plan(BEFORE | {"name": "route.5-percent"}, route(0.05, 1))


@pytest.mark.parametrize(
    ("action", "arguments", "message"),
    [
        ("parameter.set", {"name": "share", "value": 1, "expected_version": "{share}"}, "expected_version: Input"),
        ("wait", {"duration": "PT{percent}S"}, "'wait' is read-only"),
    ],
)
def test_an_action_that_takes_no_share_is_refused(action: str, arguments: dict[str, Any], message: str) -> None:
    declared = plan(route(0.05, 1, action=action, arguments=arguments, compensation={}))
    with pytest.raises(PlanInvalid, match=f"step 'route': .*{message}"):
        ActionRegistry.load().validate(declared)


def test_what_a_canary_leaves_a_setting_at_is_its_last_share() -> None:
    step = route(0.05, 1, action="parameter.set", arguments={"name": "new.share", "value": "{share}"}, compensation={})
    assert settings_set(plan(step), "line-1") == {"new.share": 1.0}


async def test_a_parameter_is_restored_stage_by_stage(resources: Resources, context: ActionContext) -> None:
    """Each stage restores what was before it, though undoing the one after has given the parameter a new version."""
    action: Action[Any, Any] = SetParameter(resources)
    shares = (0.05, 0.25, 1.0)
    stages = [SetParameterArguments(name="share", value=share) for share in shares]
    contexts = [at_stage(context, number) for number in range(3)]
    results = [await action.run(arguments, at) for arguments, at in zip(stages, contexts, strict=True)]
    undone: dict[str, Any] | None = None
    for number in (2, 1, 0):
        at = at_stage(context, number, undone)
        undone = dict(await action.compensate(stages[number], NONE, results[number], at))
        assert undone["restored"] == (None, *shares)[number]


async def test_somebody_elses_change_between_stages_is_kept(resources: Resources, context: ActionContext) -> None:
    action: Action[Any, Any] = SetParameter(resources)
    stages = [SetParameterArguments(name="share", value=share) for share in (0.05, 1.0)]
    first = await action.run(stages[0], at_stage(context, 0))
    async with resources.database.transaction() as session:
        await Parameters(session, context.tenant).set(context.deployment, "share", 0.5)
    second = await action.run(stages[1], at_stage(context, 1))
    undone = await action.compensate(stages[1], NONE, second, at_stage(context, 1))
    assert undone["restored"] == 0.5
    with pytest.raises(CompensationConflict):
        await action.compensate(stages[0], NONE, first, at_stage(context, 0, dict(undone)))


def at_stage(context: ActionContext, number: int, undone_next: dict[str, Any] | None = None) -> ActionContext:
    return ActionContext(
        tenant=context.tenant,
        deployment=context.deployment,
        key=f"{context.key}/{number}",
        owner=context.owner,
        undone_next=undone_next,
    )
